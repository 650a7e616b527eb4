package gateway

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"tributary/internal/service/api"
)

// TestTreesFitTheirRoom: what is reserved for the tree of a body is no less than what
// it takes.
func TestTreesFitTheirRoom(t *testing.T) {
	for name, body := range map[string]string{
		"objects":         `[` + strings.Repeat(`{"a":1},`, 30_000) + `{}]`,
		"empty objects":   `[` + strings.Repeat(`{},`, 100_000) + `{}]`,
		"numbers":         `[` + strings.Repeat(`1,`, 100_000) + `1]`,
		"arrays":          `[` + strings.Repeat(`[1],`, 50_000) + `1]`,
		"arrays in array": strings.Repeat(`[`, maxDepth) + strings.Repeat(`]`, maxDepth),
		"texts":           `[` + strings.Repeat(`"ab",`, 100_000) + `1]`,
		"one text":        `["` + strings.Repeat("x", 1<<20) + `"]`,
	} {
		a := newAllowance(1<<30, 1<<30, 0)
		in := newRoom(a.none("1"))
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		tree, err := parseJSON([]byte(body), in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		took := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		if reserved := in.held.size + int64(len(body)) + largeBuffer; took > reserved {
			t.Errorf("%s: the tree takes %d bytes, reserved are %d", name, took, reserved)
		}
		runtime.KeepAlive(tree)
	}
}

func TestTreesThatNeverFitAreToldFromThoseThatDoNotFitNow(t *testing.T) {
	for _, c := range []struct {
		name        string
		values      int // thousands
		all, others int64
		want        error
	}{
		{"room", 5, 8 << 20, 1 << 20, nil},
		{"others have it", 5, 8 << 20, 7 << 20, errNoRoom},
		{"more than anybody's share", 20, 6 << 20, 0, errTooMany},
	} {
		// Of 5,000 they take 2 MiB.
		body := []byte(`[` + strings.Repeat(`{"a":1},`, 1000*c.values) + `{}]`)
		for format, parse := range map[string]func(*room) (any, error){
			"JSON": func(in *room) (any, error) { return parseJSON(body, in) },
			"CBOR": func(in *room) (any, error) { return parseCBOR(cborObjects(1000*c.values), in) },
		} {
			a := newAllowance(c.all, c.all, 0)
			if !a.none("2").extend(c.others) {
				t.Fatal("no room for others")
			}
			if _, err := parse(newRoom(a.none("1"))); !errors.Is(err, c.want) {
				t.Errorf("%s, %s: got %v, want %v", format, c.name, err, c.want)
			}
		}
	}
}

// cborObjects is an array of so many maps with a member each.
func cborObjects(n int) []byte {
	b := []byte{0x9f}
	for range n {
		b = append(b, 0xa1, 0x61, 'a', 1)
	}
	return append(b, 0xff)
}

// TestALargeTreeIsNotMadeBesideOthers: the texts of a body that is not scanned are
// reserved with it, so that as many trees are made as there is memory for.
func TestALargeTreeIsNotMadeBesideOthers(t *testing.T) {
	g := &Gateway{held: newAllowance(40<<10, 40<<10, 0)}
	x := newTestExchange(g)
	x.codec, x.operation = &inJSON, &api.Operation{}
	b := &body{from: &g.buffers, buf: g.buffers.get(30 << 10)}
	*b.buf = append(*b.buf, make([]byte, 30<<10)...)
	b.held = g.held.reserve(t.Context(), "1", 30<<10)
	if _, err := x.decode(b); err == nil || !strings.Contains(err.Error(), "ServiceUnavailable") {
		t.Errorf("got %v, want ServiceUnavailableException", err)
	}
	g.held = newAllowance(10<<20, 5<<20, 0)
	for size, want := range map[int64]int64{10 << 10: 74 << 10, 64<<10 - 1: 128<<10 - 1, 64 << 10: 144 << 10, 4 << 20: 5 << 20} {
		if got := x.reserveFor(size); got != want {
			t.Errorf("reserved for a body of %d bytes are %d, want its buffer and its texts, %d, or the share", size, got, want)
		}
	}
}
