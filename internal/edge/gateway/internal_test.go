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
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/sigv4"
	"tributary/internal/service/api"
)

func TestAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAllowance(100, 60, 0)
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
		a := newAllowance(100, 100, 0)
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

// A part of an allowance is for those who hold little: they neither wait behind one who
// wants much nor for those who hold much, and cannot take more than a bit of it each.
func TestAllowanceKeepsSomeForThoseWhoHoldLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, spare = 100, 40
		a := newAllowance(size, size, spare)
		most := a.reserve(t.Context(), "1", size-spare)
		if most.extend(1) {
			t.Error("who holds much has got of what is kept for others")
		}
		large := make(chan *hold, 1)
		go func() { large <- a.reserve(t.Context(), "2", size-spare) }()
		synctest.Wait()
		if len(large) != 0 {
			t.Error("who wants much has got of what is kept for others")
		}
		little := a.reserve(t.Context(), "3", spare/littleOfSpare)
		if little == nil {
			t.Fatal("who wants little waits behind one who wants much")
		}
		if little.extend(1) {
			t.Error("who holds little has got more than a bit")
		}
		little.release()
		most.release()
		(<-large).release()
		if a.free != size || len(a.used) != 0 {
			t.Errorf("at the end: got %d free, %v used; want %d, none", a.free, a.used, size)
		}
	})
}

// A large request is let in beyond its account's share when it is the only one.
func TestAllowanceOfASingleRequest(t *testing.T) {
	a := newAllowance(100, 20, 0)
	a.most = 60
	first, second := a.none("1"), a.none("1")
	if !second.extend(1) || first.extend(20) || !first.extend(19) {
		t.Fatal("two requests of an account: want its share for both together")
	}
	second.release()
	if !first.extend(41) || first.extend(1) {
		t.Error("a single request: want what one may have, and no more")
	}
	if second.extend(1) {
		t.Error("another one beside it: got granted")
	}
	if !first.resize(10) || !second.extend(10) || a.free != 80 {
		t.Errorf("after it has given back most: got %d free, want both to have their share", a.free)
	}
}

// A request waits for room as long as it holds nothing, when it keeps nobody waiting, and
// after that has what there is.
func TestAnswersWaitForRoomAtTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Gateway{held: newAllowance(30, 30, 0)}
		x := newTestExchange(g)
		other := g.held.reserve(t.Context(), "2", 15)
		held := g.held.none("1")
		for _, c := range []struct {
			name string
			more int64
			want bool
			took time.Duration
			held int64
		}{
			{"no room at the beginning", 16, false, maxWait, 0},
			{"nothing to give back", -5, true, 0, 0},
			{"room", 10, true, 0, 10},
			{"more than there is", 6, false, 0, 10},
			{"the rest", 5, true, 0, 15},
			{"something back", -7, true, 0, 8},
			{"more than it has back", -9, true, 0, 0},
		} {
			began := time.Now()
			if got := x.makeRoom(held, c.more); got != c.want || time.Since(began) != c.took || held.size != c.held {
				t.Errorf("%s: got %t after %v, held are %d; want %t after %v, %d", c.name, got, time.Since(began), held.size, c.want, c.took, c.held)
			}
		}
		time.AfterFunc(time.Second, other.release)
		began := time.Now()
		if !x.makeRoom(held, 50) || time.Since(began) != time.Second || held.size != 30 {
			t.Errorf("more than anybody's share: held are %d bytes after %v, want the share when it is free", held.size, time.Since(began))
		}
	})
}

// A large request gets its turn however many little ones come: they go past it only as
// long as the part that is for them lasts.
func TestAllowanceLetsALargeOneInBetweenManyLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, spare = 256, 32
		a := newAllowance(size, size/4, spare)
		ctx, stop := context.WithCancel(t.Context())
		var little sync.WaitGroup
		for i := range size {
			little.Go(func() {
				for ctx.Err() == nil {
					if h := a.reserve(ctx, arn.AccountID(strconv.Itoa(i)), spare/littleOfSpare); h != nil {
						<-time.After(100 * time.Millisecond)
						h.release()
					}
				}
			})
		}
		<-time.After(time.Second)
		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if large := a.reserve(soon, "large", size/4); large == nil {
			t.Error("a large request was not let in for a second, with little ones of a tenth of that")
		} else {
			large.release()
		}
		stop()
		little.Wait()
		if a.free != size || a.modest != 0 || len(a.used) != 0 {
			t.Errorf("at the end: %d free, %d held by who holds little, %v used; want all free", a.free, a.modest, a.used)
		}
	})
}

func TestBuffersHaveTheCapacityThatIsCounted(t *testing.T) {
	var p buffers
	for _, want := range []int{0, 1, smallBody, smallBody + 1, smallBody + 2, largeBuffer, largeBuffer + 1, 80 << 10, 100 << 10, 300 << 10, 1400 << 10, 20 << 20} {
		for range 3 {
			b := p.get(want)
			if got := cap(*b); got != capacityFor(want) || got < want || got > max(smallBody+1, largeBuffer, want+want/4+1) {
				t.Errorf("for %d bytes: got a buffer of %d, counted as %d", want, got, capacityFor(want))
			}
			odd := append(make([]byte, 0, want+100), 1) // from elsewhere, or grown
			p.put(&odd)
			*b = append(*b, 1)
			p.put(b)
		}
	}
}

// What a connection of HTTP/2 may still be sending is not written over by the next answer.
func TestBuffersOfACutStreamAreNotUsedAgain(t *testing.T) {
	for _, c := range []struct {
		major  int
		cutOff bool
		want   bool
	}{
		{1, false, true},
		{1, true, true}, // its connection copies, and is gone
		{2, false, true},
		{2, true, false},
	} {
		x := &exchange{Gateway: new(Gateway), r: &http.Request{ProtoMajor: c.major}, cutOff: c.cutOff}
		again := false
		for range 100 { // a pool forgets now and then
			buf := x.buffers.get(smallBody)
			x.reuse(buf)
			next := x.buffers.get(smallBody)
			again = again || next == buf
		}
		if again != c.want {
			t.Errorf("HTTP/%d, cut off %v: buffer used again %v, want %v", c.major, c.cutOff, again, c.want)
		}
	}
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
	g := &Gateway{config: Config{MaxExpandedBody: 200_000}, held: newAllowance(1<<20, 1<<20, 0)}
	f.Fuzz(func(t *testing.T, in []byte) {
		x := newTestExchange(g)
		b := &body{from: &g.buffers, buf: g.buffers.get(len(in)), held: g.held.none("1")}
		*b.buf = append(*b.buf, in...)
		err := x.expand(b)
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
