package gateway_test

import (
	"strings"
	"testing"
)

// TestSmuggledRequestsAreNotAnswered sends requests that two readers could take for
// different ones, each with a good signed request behind it: one 400, and the
// connection is closed.
func TestSmuggledRequestsAreNotAnswered(t *testing.T) {
	w := newWire(t, nil)
	next := w.rawText(jsonMessage("Logs_20140328.Echo", `{}`), "Content-Length: 2")
	signed := func(body string, lines ...string) string {
		return w.rawText(jsonMessage("Logs_20140328.Echo", body), lines...)
	}
	chunked := func(body string) string { return signed(body, "Transfer-Encoding: chunked") }
	noLines := signed("{}", "Content-Length: 2")
	for name, text := range map[string]string{
		"length and chunks":           signed("2\r\n{}\r\n0\r\n\r\n", "Content-Length: 12", "Transfer-Encoding: chunked"),
		"chunks and length":           signed("2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 2"),
		"equal lengths":               signed("{}", "Content-Length: 2", "Content-Length: 2"),
		"different lengths":           signed("{}", "Content-Length: 2", "Content-Length: 300"),
		"list of lengths":             signed("{}", "Content-Length: 2, 2"),
		"signed length":               signed("{}", "Content-Length: +2"),
		"blank before the colon":      signed("{}", "Content-Length : 2"),
		"second Host":                 signed("{}", "Content-Length: 2", "Host: other"),
		"second Authorization":        signed("{}", "Content-Length: 2", "Authorization: AWS4-HMAC-SHA256 x"),
		"second X-Amz-Date":           signed("{}", "Content-Length: 2", "X-Amz-Date: 20261121T010203Z"),
		"second X-Amz-Target":         signed("{}", "Content-Length: 2", "X-Amz-Target: Logs_20140328.Void"),
		"second X-Amz-Security-Token": signed("{}", "Content-Length: 2", "X-Amz-Security-Token: a", "X-Amz-Security-Token: b"),
		"second Content-Encoding":     signed("{}", "Content-Length: 2", "Content-Encoding: gzip", "Content-Encoding: identity"),
		"two codings":                 signed("2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: identity, chunked"),
		"coding twice":                signed("2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
		"coding with a tab":           signed("2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding:\tchunked\x0b"),
		"unknown coding":              signed("{}", "Transfer-Encoding: xchunked"),
		"folded length":               signed("{}", "Content-Length: 2", "X-A: a", " Transfer-Encoding: chunked"),
		"folded by a tab":             signed("{}", "Content-Length: 2", "X-A: a\r\n\tb"),
		"bare line feeds":             strings.ReplaceAll(noLines, "\r\n", "\n"),
		"one bare line feed":          strings.Replace(noLines, "\r\n", "\n", 1),
		"bare line feed at the end":   strings.Replace(noLines, "\r\n\r\n", "\r\n\n", 1),
		"bare carriage return":        signed("{}", "Content-Length: 2", "X-A: a\rTransfer-Encoding: chunked"),
		"null byte":                   signed("{}", "Content-Length: 2", "X-A: a\x00b"),
		"no colon":                    signed("{}", "Content-Length: 2", "X-A"),
		"chunk size is no number":     chunked("zz\r\n{}\r\n0\r\n\r\n"),
		"chunk size with a prefix":    chunked("0x2\r\n{}\r\n0\r\n\r\n"),
		"chunk size is negative":      chunked("-2\r\n{}\r\n0\r\n\r\n"),
		"chunk size overflows":        chunked("10000000000000002\r\n{}\r\n0\r\n\r\n"),
		"chunk and bare line feeds":   chunked("2\n{}\n0\n\n"),
		"chunk that is too long":      chunked("2\r\n{}xx\r\n0\r\n\r\n"),
		"chunk that is too short":     chunked("3\r\n{}\r\n0\r\n\r\n"),
		"extension and line feed":     chunked("2;a\n{}\r\n0\r\n\r\n"),
		"length in a trailer":         chunked("2\r\n{}\r\n0\r\nContent-Length: 2\r\n\r\n"),
		"chunks in HTTP/1.0":          strings.Replace(chunked("2\r\n{}\r\n0\r\n\r\n"), "HTTP/1.1", "HTTP/1.0", 1),
	} {
		answer := w.raw(text + next)
		if n := strings.Count(answer, "HTTP/1."); n != 1 || !strings.HasPrefix(answer[len("HTTP/1.x"):], " 400 ") {
			t.Errorf("%s: got %d answers, want one 400 and the connection closed:\n%s", name, n, answer)
		}
	}
	if n := len(w.calls); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
	if answer := w.raw(noLines + w.rawText(jsonMessage("Logs_20140328.Echo", `{}`), "Content-Length: 2", "Connection: close")); strings.Count(answer, "HTTP/1.1 200 ") != 2 {
		t.Errorf("two good requests, one behind the other: got\n%s", answer)
	}
}
