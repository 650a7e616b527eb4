package gateway

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

const (
	plainHead = "POST / HTTP/1.1\r\nHost: x\r\n"
	nextOne   = "POST /next HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
)

// framings are connections up to where they turn bad, marked by a ¦; those without
// the mark are good as a whole.
var framings = map[string]string{
	"no body":                     plainHead + "\r\n" + nextOne,
	"length":                      plainHead + "Content-Length: 3\r\n\r\nabc" + nextOne,
	"length 0":                    plainHead + "content-length:0\r\n\r\n" + nextOne,
	"chunks":                      plainHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n" + nextOne,
	"chunks with extension":       plainHead + "Transfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0;x\r\n\r\n" + nextOne,
	"chunks with trailer":         plainHead + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n" + nextOne,
	"line feeds in a body":        plainHead + "Content-Length: 3\r\n\r\n\n\r\n" + nextOne,
	"long value":                  plainHead + "X: " + strings.Repeat("x", 500) + "\r\n\r\n" + nextOne,
	"HTTP/2":                      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\n\x01",
	"HTTP/1.0 with length":        "POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx",
	"bare line feed in the line":  "POST / HTTP/1.1¦\nHost: x\r\n\r\n",
	"bare line feed in the head":  "POST / HTTP/1.1\r\nHost: x¦\n\r\n",
	"bare line feed at its end":   plainHead + "¦\n",
	"bare carriage return":        "POST / HTTP/1.1\r\nX: a\r¦b\r\n\r\n",
	"null byte":                   "POST / HTTP/1.1\r\nX: a¦\x00b\r\n\r\n",
	"empty line before a request": "\r¦\nPOST / HTTP/1.1\r\n\r\n",
	"absolute form":               "POST http://y/ HTTP/1.1\r¦\nHost: x\r\n\r\n",
	"authority form":              "CONNECT y:80 HTTP/1.1\r¦\nHost: x\r\n\r\n",
	"asterisk form":               "OPTIONS * HTTP/1.1\r¦\nHost: x\r\n\r\n",
	"no target":                   "POST\r¦\nHost: x\r\n\r\n",
	"two blanks":                  "POST  / HTTP/1.1\r¦\nHost: x\r\n\r\n",
	"folded line":                 plainHead + "X: a\r\n¦ b\r\n\r\n",
	"folded line by tab":          plainHead + "X: a\r\n¦\tb\r\n\r\n",
	"folded first line":           "POST / HTTP/1.1\r\n¦ Host: x\r\n\r\n",
	"blank before the colon":      plainHead + "Content-Length : 3\r¦\n\r\nabc",
	"no colon":                    plainHead + "Content-Length\r¦\n\r\nabc",
	"two lengths":                 plainHead + "Content-Length: 3\r\nContent-Length: 3\r¦\n\r\nabc",
	"list of lengths":             plainHead + "Content-Length: 3, 3\r¦\n\r\nabc",
	"signed length":               plainHead + "Content-Length: +3\r¦\n\r\nabc",
	"negative length":             plainHead + "Content-Length: -3\r¦\n\r\nabc",
	"hexadecimal length":          plainHead + "Content-Length: 0x3\r¦\n\r\nabc",
	"no length":                   plainHead + "Content-Length:\r¦\n\r\nabc",
	"immense length":              plainHead + "Content-Length: 99999999999999999999\r¦\n\r\nabc",
	"length of many digits":       plainHead + "Content-Length: " + strings.Repeat("0", 200) + "3\r¦\n\r\nabc",
	"length and chunks":           plainHead + "Content-Length: 3\r\nTransfer-Encoding: chunked\r¦\n\r\n",
	"chunks and length":           plainHead + "Transfer-Encoding: chunked\r\nContent-Length: 3\r¦\n\r\n",
	"two codings":                 plainHead + "Transfer-Encoding: gzip, chunked\r¦\n\r\n",
	"coding twice":                plainHead + "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r¦\n\r\n",
	"unknown coding":              plainHead + "Transfer-Encoding: xchunked\r¦\n\r\n",
	"chunks in HTTP/1.0":          "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r¦\n",
	"chunk size with a blank":     plainHead + "Transfer-Encoding: chunked\r\n\r\n3¦ \r\nabc\r\n",
	"chunk size with a sign":      plainHead + "Transfer-Encoding: chunked\r\n\r\n¦+3\r\nabc\r\n",
	"chunk size with a prefix":    plainHead + "Transfer-Encoding: chunked\r\n\r\n0¦x3\r\nabc\r\n",
	"chunk size too long":         plainHead + "Transfer-Encoding: chunked\r\n\r\n00000000¦3\r\nabc\r\n",
	"no chunk size":               plainHead + "Transfer-Encoding: chunked\r\n\r\n\r¦\nabc",
	"chunk size and line feed":    plainHead + "Transfer-Encoding: chunked\r\n\r\n3¦\nabc\r\n",
	"extension and line feed":     plainHead + "Transfer-Encoding: chunked\r\n\r\n3;a¦\nabc\r\n",
	"chunk that is too long":      plainHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc¦d\r\n",
	"chunk and line feed":         plainHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc¦\n0\r\n\r\n",
	"length in a trailer":         plainHead + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r¦\n\r\n",
	"folded trailer":              plainHead + "Transfer-Encoding: chunked\r\n\r\n0\r\n¦ X: 1\r\n\r\n",
}

func TestFramingEndsWhereReadersCouldDiffer(t *testing.T) {
	for name, text := range framings {
		want, _, _ := strings.Cut(text, "¦")
		text = strings.Replace(text, "¦", "", 1)
		for _, step := range []int{1, 7, len(text)} {
			if got := passed(text, step); got != want {
				t.Errorf("%s, %d bytes at a time: passed %q, want %q", name, step, got, want)
			}
		}
	}
}

// passed is what a framing lets through of a connection that is read in steps.
func passed(text string, step int) string {
	var f framing
	var out strings.Builder
	for len(text) > 0 {
		part := text[:min(step, len(text))]
		good := f.check([]byte(part))
		out.WriteString(part[:good])
		if good < len(part) {
			break
		}
		text = text[len(part):]
	}
	return out.String()
}

// FuzzFraming compares with net/http: whatever framing lets through, net/http reads
// as requests that begin and end where framing saw them begin and end.
func FuzzFraming(f *testing.F) {
	for _, text := range framings {
		f.Add([]byte(strings.Replace(text, "¦", "", 1)))
	}
	f.Fuzz(func(t *testing.T, connection []byte) {
		if whole, bytewise := passed(string(connection), len(connection)), passed(string(connection), 1); whole != bytewise {
			t.Fatalf("in one piece it lets %q through, byte by byte %q", whole, bytewise)
		}
		var mine framing
		var ends []int // of requests
		for i := range connection {
			if mine.check(connection[i:i+1]) == 0 {
				connection = connection[:i]
				break
			}
			if mine.state == inRequestLine && len(mine.line) == 0 && !mine.returned {
				ends = append(ends, i+1)
			}
		}
		if mine.state == inHTTP2 {
			return
		}
		source := bytes.NewReader(connection)
		r := bufio.NewReader(source)
		for _, want := range ends {
			request, err := http.ReadRequest(r)
			if err != nil {
				return // net/http answers 400 and reads nothing more
			}
			if _, err := io.Copy(io.Discard, request.Body); err != nil {
				return
			}
			if got := len(connection) - source.Len() - r.Buffered(); got != want {
				t.Fatalf("net/http ends a request after %d bytes, we after %d: %q", got, want, connection)
			}
		}
	})
}
