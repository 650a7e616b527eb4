package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"tributary/internal/pure/sigv4"
	"tributary/internal/service/api"
)

func TestAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAllowance(100, 60)
		ctx := t.Context()
		first := a.reserve(ctx, "1", 60)
		if first == nil {
			t.Fatal("60 of 100: got refused")
		}
		if first.extend(1) {
			t.Error("more than an account's share: got granted")
		}
		// Account 1 has its share and waits; account 2 goes past it.
		waited := make(chan *hold, 1)
		go func() { waited <- a.reserve(ctx, "1", 10) }()
		synctest.Wait()
		second := a.reserve(ctx, "2", 40)
		if second == nil {
			t.Fatal("another account: got refused")
		}
		if len(waited) != 0 {
			t.Error("account 1 was let in beyond its share")
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if a.reserve(short, "3", 1) != nil {
			t.Error("nothing free: got granted")
		}
		first.release()
		third := <-waited
		if third == nil || third.size != 10 {
			t.Fatalf("after release: got %v, want a hold of 10", third)
		}
		third.release()
		second.release()
		if a.free != 100 || len(a.used) != 0 || a.waiting.Len() != 0 {
			t.Errorf("at the end: got %d free, %v used, %d waiting; want 100, none, none", a.free, a.used, a.waiting.Len())
		}
	})
}

func TestAllowanceLetsALargeOneInAfterManySmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAllowance(100, 100)
		small := a.reserve(t.Context(), "1", 50)
		large := make(chan *hold, 1)
		go func() { large <- a.reserve(t.Context(), "2", 80) }()
		synctest.Wait()
		late := make(chan *hold, 1)
		go func() { late <- a.reserve(t.Context(), "3", 30) }()
		synctest.Wait()
		if len(late) != 0 {
			t.Error("a small one overtook the large one that waits for room")
		}
		small.release()
		(<-large).release()
		(<-late).release()
	})
}

func TestKeyCacheForgetsAChangedSecret(t *testing.T) {
	var c keyCache
	scope := sigv4.Scope{Date: "20261121", Region: "r", Service: "logs"}
	for _, secret := range []string{"a", "a", "b", "a"} {
		if got, want := c.derive("id", secret, scope), sigv4.DeriveKey(secret, scope); got != want {
			t.Errorf("secret %s: got another key", secret)
		}
	}
	for i := range maxCachedKeys + 10 {
		c.derive("id", "a", sigv4.Scope{Date: "20261121", Region: strings.Repeat("x", i%64) + strconv.Itoa(i), Service: "logs"})
	}
	if got := len(c.byName); got != maxCachedKeys || c.recent.Len() != maxCachedKeys {
		t.Errorf("got %d keys in %d places, want %d", c.recent.Len(), got, maxCachedKeys)
	}
}

func TestEpoch(t *testing.T) {
	for ms, want := range map[int64]string{
		1700000000123: "1700000000.123", 1700000000000: "1700000000", 1700000000100: "1700000000.1", 1: "0.001", -1500: "-1.5",
		253402300799999: "253402300799.999", 1 << 60: "1152921504606846",
	} {
		if got := string(appendEpoch(nil, api.Timestamp{Time: time.UnixMilli(ms)})); got != want {
			t.Errorf("%d ms: got %s, want %s", ms, got, want)
		}
	}
}

// FuzzParseJSON holds that what is accepted is what encoding/json reads too,
// value for value.
func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{
		`{}`, `[]`, `{"a":[1,-2.5e3,"x\u00e9\n",true,false,null,{"b":{}}]}`, `{"a":1,"a":2}`, `{"a":"\ud83d\ude00"}`,
		"{\"a\":\"\xff\"}", `{"a":` + strings.Repeat("[", 200), `{} {}`, `nul`, `{"a":1e400}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := bytes.Clone(b)
		tree, err := parseJSON(b, anyRoom())
		if !bytes.Equal(b, kept) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("accepted what is no JSON: %v", err)
		}
		if !sameTree(tree, want) {
			t.Fatalf("got %#v, want %#v", tree, want)
		}
	})
}

func sameTree(got, want any) bool {
	switch g := got.(type) {
	case []any:
		w, ok := want.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range g {
			if !sameTree(g[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		w, ok := want.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k := range g {
			if !sameTree(g[k], w[k]) {
				return false
			}
		}
		return true
	case api.Number:
		w, ok := want.(json.Number)
		return ok && string(g) == string(w)
	default:
		return got == want
	}
}

// FuzzDecodeForm holds that a tree holds each value where its name says, once.
func FuzzDecodeForm(f *testing.F) {
	for _, s := range []string{
		"Action=GetUser&Version=2010-05-08", "A.member.1.Key=a+b&A.member.2.Key=%20", "A=1&A.B=2", "A.B=2&A=1", "a..b=1", "=", "&&", "%", "a=%ff",
		strings.Repeat("a.", 20) + "=1", "x=1&x=2", "a.member.99999999999999999999=1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, form string) {
		tree, err := decodeForm(form)
		if err != nil {
			return
		}
		leaves := 0
		var walk func(map[string]any, int)
		walk = func(m map[string]any, depth int) {
			if depth > maxSegments {
				t.Fatalf("%d deep", depth)
			}
			for name, v := range m {
				if name == "" || strings.Contains(name, ".") || !utf8.ValidString(name) {
					t.Fatalf("name %q", name)
				}
				switch v := v.(type) {
				case string:
					leaves++
				case map[string]any:
					if len(v) == 0 {
						t.Fatalf("%q is empty", name)
					}
					walk(v, depth+1)
				default:
					t.Fatalf("%q is a %T", name, v)
				}
			}
		}
		walk(tree, 0)
		pairs := 0
		for p := range strings.SplitSeq(form, "&") {
			if p != "" {
				pairs++
			}
		}
		if leaves != pairs {
			t.Fatalf("got %d values of %d parameters", leaves, pairs)
		}
	})
}

// FuzzExpand holds that what is not gzip is refused, and that no body expands
// beyond the limit.
func FuzzExpand(f *testing.F) {
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	_, _ = zw.Write(bytes.Repeat([]byte("x"), 100_000))
	_ = zw.Close()
	f.Add(buf.Bytes())
	f.Add(buf.Bytes()[:20])
	f.Add([]byte{0x1f, 0x8b})
	g := &Gateway{config: Config{MaxExpandedBody: 200_000}, held: newAllowance(1<<20, 1<<20)}
	f.Fuzz(func(t *testing.T, in []byte) {
		x := newTestExchange(g)
		b := &body{from: &g.buffers, buf: g.buffers.get(len(in))}
		*b.buf = append(*b.buf, in...)
		err := x.expand(b, "1")
		if err == nil && b.len() > 200_000 {
			t.Fatalf("expanded to %d bytes", b.len())
		}
		if _, ok := api.AsException(err); err != nil && !ok {
			t.Fatalf("got %v, want an Exception", err)
		}
		b.release(true)
		if g.held.free != 1<<20 {
			t.Fatalf("%d bytes not given back", 1<<20-g.held.free)
		}
	})
}

// FuzzXMLText holds that any text makes a document that parses.
func FuzzXMLText(f *testing.F) {
	f.Add("a<b>&\"'\r\n\t\x00\x1f\ufffe\xff")
	f.Fuzz(func(t *testing.T, s string) {
		doc := appendXMLError(nil, &api.Exception{Code: "X", Message: s}, "https://x/", "id")
		if !parses(doc) {
			t.Fatalf("not XML: %q", doc)
		}
	})
}

func parses(doc []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		if _, err := d.Token(); err != nil {
			return err == io.EOF
		}
	}
}

func newTestExchange(g *Gateway) *exchange {
	return &exchange{Gateway: g, r: &http.Request{Header: http.Header{"Content-Encoding": {"gzip"}}}, protocol: api.JSON}
}
