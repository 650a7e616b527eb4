package gateway_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// escape is what stands for a byte in the corpus.
var escape = regexp.MustCompile(`\\(x[0-9a-f]{2}|[rnt0])`)

// corpus reads testdata/smuggling.txt: the requests by name.
func corpus(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/smuggling.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{}
	_, blocks, _ := strings.Cut(string(text), "\n== ")
	for block := range strings.SplitSeq(blocks, "\n== ") {
		name, lines, _ := strings.Cut(block, "\n")
		cases[name] = escape.ReplaceAllStringFunc(strings.ReplaceAll(lines, "\n", ""), func(s string) string {
			if s == `\0` {
				return "\x00"
			}
			unquoted, err := strconv.Unquote(`"` + s + `"`)
			if err != nil {
				t.Fatalf("%s: %s: %v", name, s, err)
			}
			return unquoted
		})
	}
	return cases
}

// TestSmuggledRequestsAreNotAnswered sends requests that two readers could take for
// different ones, each with a good signed request behind it: one 400, and the
// connection is closed.
func TestSmuggledRequestsAreNotAnswered(t *testing.T) {
	w := newWire(t, nil)
	good := w.rawText(jsonMessage("Logs_20140328.Echo", `{}`), "Content-Length: 2")
	_, signed, _ := strings.Cut(strings.TrimSuffix(good, "Content-Length: 2\r\n\r\n{}"), "\r\n")
	cases := corpus(t)
	if len(cases) < 80 {
		t.Fatalf("the corpus has %d requests, want at least 80", len(cases))
	}
	for name, text := range cases {
		text = strings.NewReplacer("{signed}", signed, "{host}", w.addr).Replace(text)
		answer, _ := w.rawAnswer(text + good) // of what was not read any more the sender may learn
		n := strings.Count(answer, "HTTP/1.")
		if status := strings.TrimPrefix(answer, "HTTP/1."); n != 1 || !strings.HasPrefix(status[min(1, len(status)):], " 400 ") {
			t.Errorf("%s: got %d answers, want one 400 and the connection closed:\n%s", name, n, answer)
		}
	}
	if n := len(w.calls); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
	last := w.rawText(jsonMessage("Logs_20140328.Echo", `{}`), "Content-Length: 2", "Connection: close")
	if answer := w.raw(good + last); strings.Count(answer, "HTTP/1.1 200 ") != 2 {
		t.Errorf("two good requests, one behind the other: got\n%s", answer)
	}
}

// TestUpgradeToHTTP2IsNotTaken: who wants HTTP/2 in clear text begins with it. A proxy
// that passes the header on and does not know it must not find itself in another
// protocol.
func TestUpgradeToHTTP2IsNotTaken(t *testing.T) {
	w := newWire(t, nil)
	answer := w.raw(w.rawText(jsonMessage("Logs_20140328.Echo", `{}`), "Content-Length: 2",
		"Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"))
	if !strings.HasPrefix(answer, "HTTP/1.1 200 ") || strings.Count(answer, "HTTP/") != 1 {
		t.Errorf("got\n%s\nwant one answer in HTTP/1.1", answer)
	}
}
