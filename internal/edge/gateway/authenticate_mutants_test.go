package gateway_test

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mutants is how many changed requests a run tries. SIGV4_MUTANTS asks for another
// number, from a seed that is not always the same.
const mutants = 40_000

// A letter is a signed request as it stands on the wire.
type letter struct {
	method, target string
	headers        [][2]string
	body           string
}

// write signs a message and writes it down.
func (w *wire) write(m message) letter {
	r := w.request(m)
	l := letter{method: r.Method, target: r.URL.RequestURI(), headers: [][2]string{{"Host", r.Host}}, body: string(m.body)}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			l.headers = append(l.headers, [2]string{name, value})
		}
	}
	return l
}

// bytes are the letter as sent; the length fits whatever the body has become.
func (l letter) bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", l.method, l.target)
	for _, h := range l.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(l.body), l.body)
	return b.Bytes()
}

func (l letter) clone() letter {
	l.headers = slices.Clone(l.headers)
	return l
}

func (l letter) header(name string) (int, string) {
	for i, h := range l.headers {
		if h[0] == name {
			return i, h[1]
		}
	}
	return -1, ""
}

// set changes a header that is there.
func (l letter) set(name string, change func(string) string) letter {
	l = l.clone()
	if i, value := l.header(name); i >= 0 {
		l.headers[i][1] = change(value)
	}
	return l
}

func (l letter) with(name, value string) letter {
	l = l.clone()
	l.headers = append(l.headers, [2]string{name, value})
	return l
}

// letters are what mutants are made of: every protocol, with and without token, query
// and odd path, and presigned.
func (w *wire) letters() []letter {
	echo := func(target string) message { return jsonMessage(target, `{"text":"0000","names":["é"]}`) }
	var list []letter
	for _, target := range []string{"Logs_20140328.Echo", "Kinesis_20131202.Echo", "AWSOrganizationsV20161128.Echo"} {
		list = append(list, w.write(echo(target)))
	}
	change := func(change func(*message)) {
		m := echo("Logs_20140328.Echo")
		change(&m)
		list = append(list, w.write(m))
	}
	change(func(m *message) { m.headers.Set("X-Amz-Security-Token", "tok") })
	change(func(m *message) { m.target = "/a/b%20c/?a=1&b=x%20y" })
	change(func(m *message) { m.headers.Set("X-Amz-Meta", "a b c") })
	change(func(m *message) { m.signed = []string{":authority"} })
	change(func(m *message) { m.time = now.Add(4 * time.Minute) })
	for _, service := range []string{"iam", "sts"} {
		list = append(list, w.write(formMessage(service, "Action=Echo&Version="+map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]+"&text=a%20b")))
	}
	list = append(list, w.write(message{method: "GET", service: "sts", target: "/?Action=NoInput&Version=2011-06-15", headers: http.Header{}}))
	r := httptest.NewRequest(http.MethodGet, "http://"+w.addr+"/?Action=NoInput&Version=2011-06-15", nil)
	r.Host = w.addr
	presign(r, "sts")
	return append(list, letter{method: r.Method, target: r.URL.RequestURI(), headers: [][2]string{{"Host", r.Host}}})
}

// A mutation changes a letter so that its signature is not good for it any more.
type mutation struct {
	name   string
	mutate func(*rand.Rand, letter) letter
}

const (
	hexDigits = "0123456789abcdef"
	letters   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// otherByte is text with one byte of it, from those given, made another of them.
func otherByte(r *rand.Rand, text, alphabet string) string {
	var at []int
	for i := range len(text) {
		if strings.IndexByte(alphabet, text[i]) >= 0 {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return text + "x"
	}
	b, i := []byte(text), at[r.IntN(len(at))]
	for b[i] == text[i] {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// presigned reports whether the credentials stand in the query.
func (l letter) presigned() bool { return strings.Contains(l.target, "X-Amz-Signature=") }

// authorization changes what the credentials say, wherever they stand. part is the
// parameter, without which the letter stays as it is.
func (l letter) authorization(part string, change func(string) string) letter {
	if !l.presigned() {
		return l.set("Authorization", func(text string) string {
			before, rest, _ := strings.Cut(text, part+"=")
			value, after, more := strings.Cut(rest, ",")
			if more {
				after = "," + after
			}
			return before + part + "=" + change(value) + after
		})
	}
	l = l.clone()
	before, rest, _ := strings.Cut(l.target, "X-Amz-"+part+"=")
	value, after, more := strings.Cut(rest, "&")
	if more {
		after = "&" + after
	}
	value, _ = url.QueryUnescape(value)
	l.target = before + "X-Amz-" + part + "=" + url.QueryEscape(change(value)) + after
	return l
}

// mutations of which none may be accepted.
func mutations() []mutation {
	date := func(r *rand.Rand, text string) string { return otherByte(r, text, "0123456789") }
	return []mutation{
		{"method", func(r *rand.Rand, l letter) letter {
			methods := []string{"GET", "POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS", "post", "get"}
			was := l.method
			for l.method == was {
				l.method = methods[r.IntN(len(methods))]
			}
			return l
		}},
		{"path", func(r *rand.Rand, l letter) letter {
			before, query, _ := strings.Cut(l.target, "?")
			l.target = before + string(letters[r.IntN(len(letters))])
			if query != "" {
				l.target += "?" + query
			}
			return l
		}},
		{"query added", func(r *rand.Rand, l letter) letter {
			separator := "?"
			if strings.Contains(l.target, "?") {
				separator = "&"
			}
			l.target += separator + "z" + string(letters[r.IntN(len(letters))]) + "=" + strconv.Itoa(r.IntN(1000))
			return l
		}},
		{"query changed", func(r *rand.Rand, l letter) letter {
			before, query, ok := strings.Cut(l.target, "?")
			if !ok {
				query = "a=0"
			}
			l.target = before + "?" + otherByte(r, query, letters)
			return l
		}},
		{"query taken away", func(_ *rand.Rand, l letter) letter {
			before, query, ok := strings.Cut(l.target, "?")
			if !ok {
				return l.set("Host", func(string) string { return "other" })
			}
			_, rest, _ := strings.Cut(query, "&")
			l.target = before + "?" + rest
			return l
		}},
		{"signed header", func(r *rand.Rand, l letter) letter {
			l = l.clone()
			var signed []int
			for i, h := range l.headers {
				if h[0] != "Authorization" {
					signed = append(signed, i)
				}
			}
			i := signed[r.IntN(len(signed))]
			l.headers[i][1] = otherByte(r, l.headers[i][1], letters)
			return l
		}},
		{"signed header taken away", func(r *rand.Rand, l letter) letter {
			l = l.clone()
			i := r.IntN(len(l.headers))
			l.headers = slices.Delete(l.headers, i, i+1)
			return l
		}},
		{"bit of the body", func(r *rand.Rand, l letter) letter {
			if l.body == "" {
				l.body = "x"
				return l
			}
			b := []byte(l.body)
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			l.body = string(b)
			return l
		}},
		{"length of the body", func(r *rand.Rand, l letter) letter {
			if len(l.body) > 0 && r.IntN(2) == 0 {
				l.body = l.body[:r.IntN(len(l.body))]
			} else {
				l.body += string(letters[r.IntN(len(letters))])
			}
			return l
		}},
		{"date", func(r *rand.Rand, l letter) letter {
			if l.presigned() {
				return l.authorization("Date", func(text string) string { return date(r, text) })
			}
			return l.set("X-Amz-Date", func(text string) string { return date(r, text) })
		}},
		{"scope", func(r *rand.Rand, l letter) letter {
			return l.authorization("Credential", func(text string) string {
				parts := strings.Split(text, "/")
				i := r.IntN(len(parts))
				if i == 4 {
					return strings.ReplaceAll(text, "aws4_request", "aws4_Request")
				}
				parts[i] = otherByte(r, parts[i], letters)
				return strings.Join(parts, "/")
			})
		}},
		{"digit of the signature", func(r *rand.Rand, l letter) letter {
			return l.authorization("Signature", func(text string) string { return otherByte(r, text, hexDigits) })
		}},
		{"digits of the signature in capitals", func(r *rand.Rand, l letter) letter {
			return l.authorization("Signature", func(text string) string {
				if upper := strings.ToUpper(text); upper != text {
					return upper
				}
				return otherByte(r, text, hexDigits)
			})
		}},
		{"length of the signature", func(r *rand.Rand, l letter) letter {
			return l.authorization("Signature", func(text string) string {
				return []string{text[:r.IntN(len(text))], text + "0", "0" + text, text + text, " " + text[1:]}[r.IntN(5)]
			})
		}},
		{"signed headers", func(r *rand.Rand, l letter) letter {
			return l.authorization("SignedHeaders", func(text string) string {
				names := strings.Split(text, ";")
				i := r.IntN(len(names))
				switch r.IntN(4) {
				case 0:
					names[i] = strings.ToUpper(names[i])
				case 1:
					names = slices.Insert(names, i, names[i])
				case 2:
					names = slices.Delete(names, i, i+1)
				default:
					names = append(names, "zz")
				}
				return strings.Join(names, ";")
			})
		}},
		{"algorithm", func(r *rand.Rand, l letter) letter {
			other := []string{"AWS4-HMAC-SHA1", "AWS4-ECDSA-P256-SHA256", "aws4-hmac-sha256", "AWS4-HMAC-SHA512", "none"}[r.IntN(5)]
			l = l.set("Authorization", func(text string) string { return strings.Replace(text, "AWS4-HMAC-SHA256", other, 1) })
			l.target = strings.Replace(l.target, "AWS4-HMAC-SHA256", other, 1)
			return l
		}},
		{"x-amz header that is not signed", func(r *rand.Rand, l letter) letter {
			return l.with("X-Amz-"+string(letters[r.IntN(len(letters))])+"z", strconv.Itoa(r.IntN(1000)))
		}},
		{"header twice", func(r *rand.Rand, l letter) letter {
			h := l.headers[r.IntN(len(l.headers))]
			if r.IntN(2) == 0 {
				h[1] = otherByte(r, h[1], letters)
			}
			return l.with(h[0], h[1])
		}},
		{"credentials in header and query", func(r *rand.Rand, l letter) letter {
			if l.presigned() {
				return l.with("Authorization", "AWS4-HMAC-SHA256 Credential="+keyID+"/20261121/us-east-1/sts/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64))
			}
			separator := "?"
			if strings.Contains(l.target, "?") {
				separator = "&"
			}
			l.target += separator + []string{"X-Amz-Algorithm=AWS4-HMAC-SHA256", "X%2DAmz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=", "X-Amz-Algorithm"}[r.IntN(4)]
			return l
		}},
		{"expiry", func(r *rand.Rand, l letter) letter {
			if !l.presigned() {
				return l.with("X-Amz-Expires", strconv.Itoa(r.IntN(1000)))
			}
			return l.authorization("Expires", func(text string) string { return otherByte(r, text, "0123456789") })
		}},
		{"hash of the body", func(r *rand.Rand, l letter) letter {
			return l.with("X-Amz-Content-Sha256", []string{"UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", strings.Repeat("0", 64), ""}[r.IntN(4)])
		}},
	}
}

// TestNoMutantIsAccepted changes signed requests in all the ways that mutations know,
// and one bit or one byte anywhere in them: what is accepted after that must mean what
// was signed.
func TestNoMutantIsAccepted(t *testing.T) {
	n, seed := mutants, uint64(1)
	if text := os.Getenv("SIGV4_MUTANTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		seed = uint64(time.Now().UnixNano())
	}
	w := newWire(t, nil)
	all, ways := w.letters(), mutations()
	for _, l := range all {
		if status, called := w.receive(l.bytes()); !called || status != http.StatusOK {
			t.Fatalf("the letter itself: got status %d, want it accepted:\n%s", status, l.bytes())
		}
	}
	r := rand.New(rand.NewPCG(seed, 0))
	same := 0
	for i := range n {
		l := all[r.IntN(len(all))]
		if i%3 == 0 {
			if w.tryBits(r, l) {
				same++
			}
			continue
		}
		way := ways[i%len(ways)]
		mutant := way.mutate(r, l)
		status, called := w.receive(mutant.bytes())
		if called || status != 0 && (status < 400 || status >= 500) {
			t.Fatalf("seed %d, mutant %d, %s: got status %d, called %v, want refused:\n%s\nof\n%s", seed, i, way.name, status, called, mutant.bytes(), l.bytes())
		}
	}
	t.Logf("%d mutants from seed %d; of those with changes anywhere, %d mean what was signed", n, seed, same)
}

// tryBits changes one bit, or one byte, anywhere in a letter. It reports whether what
// came out means the same; otherwise it must be refused.
func (w *wire) tryBits(r *rand.Rand, l letter) (same bool) {
	text := l.bytes()
	mutant := slices.Clone(text)
	if i := r.IntN(len(mutant)); r.IntN(2) == 0 {
		mutant[i] ^= 1 << r.IntN(8)
	} else {
		mutant[i] = byte(r.IntN(256))
	}
	status, called := w.receive(mutant)
	switch {
	case called:
		if got, want := w.meaning(mutant), w.meaning(text); got != want {
			w.Fatalf("a change of one byte is accepted:\n%q\nof\n%q\nmeans\n%s\nwas\n%s", mutant, text, got, want)
		}
		return true
	case status != 0 && (status < 400 || status >= 500):
		w.Fatalf("a change of one byte: got status %d, want it refused:\n%q", status, mutant)
	}
	return false
}

// receive hands a request to the gateway as the HTTP server would. The status is 0
// when the server itself would refuse it.
func (w *wire) receive(text []byte) (status int, called bool) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		return 0, false
	}
	r.RemoteAddr = "127.0.0.1:1"
	w.mu.Lock()
	before := len(w.calls)
	w.mu.Unlock()
	answer := httptest.NewRecorder()
	w.gateway.ServeHTTP(answer, r)
	w.mu.Lock()
	defer w.mu.Unlock()
	called = len(w.calls) > before
	w.calls, w.observed = w.calls[:0], w.observed[:0]
	return answer.Code, called
}

// meaning is what a request asks for, written down otherwise than the code that is
// tested does: the method, the path without its detours, the decoded query in order,
// the headers that are signed, the body.
func (w *wire) meaning(text []byte) string {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		w.Fatal(err)
	}
	body := new(bytes.Buffer)
	if _, err := body.ReadFrom(r.Body); err != nil {
		w.Fatal(err)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		w.Fatal(err)
	}
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	if i := strings.IndexAny(signed, ", \t"); i >= 0 {
		signed = signed[:i]
	}
	names := strings.Split(cmp.Or(signed, query.Get("X-Amz-SignedHeaders")), ";")
	target, _, _ := strings.Cut(r.RequestURI, "?")
	lines := []string{r.Method, path.Clean(target), query.Encode(), r.Host, body.String()}
	for _, name := range names {
		lines = append(lines, name+": "+strings.Join(strings.Fields(strings.Join(r.Header.Values(name), ",")), " "))
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-") && !slices.Contains(names, strings.ToLower(name)) {
			lines = append(lines, "unsigned "+name)
		}
	}
	return strings.Join(lines, "\n")
}
