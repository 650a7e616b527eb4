package delivery

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func quoted(t testing.TB, text string) []byte {
	t.Helper()
	literal, err := jsontext.AppendQuote(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	return literal
}

func TestARecordOfTheFilterItselfIsALoop(t *testing.T) {
	own := origin{owner: "111111111111", group: "g", stream: "s", filter: "f"}
	of := func(o origin, message string) string {
		return string(appendEnvelope(nil, o, []event{{message: quoted(t, message)}}))
	}
	deep := of(own, "m")
	for range maxNesting - 1 {
		deep = of(origin{owner: "222222222222", group: "h", stream: "s", filter: "x"}, deep)
	}
	another := func(change func(*origin)) string {
		o := own
		change(&o)
		return of(o, "m")
	}
	for name, c := range map[string]struct {
		message string
		want    bool
	}{
		"its own":                 {of(own, "m"), true},
		"of another log stream":   {another(func(o *origin) { o.stream = "t" }), true},
		"through another one":     {of(origin{owner: "222222222222", group: "h", filter: "f"}, of(own, "m")), true},
		"as deep as is looked":    {deep, true},
		"deeper":                  {of(origin{owner: "222222222222", group: "h", filter: "x"}, deep), false},
		"of another filter":       {another(func(o *origin) { o.filter = "other" }), false},
		"of another group":        {another(func(o *origin) { o.group = "other" }), false},
		"of another account":      {another(func(o *origin) { o.owner = "222222222222" }), false},
		"of a policy of its name": {another(func(o *origin) { o.accountLevel = true }), false},
		"a text":                  {"m", false},
		"a text about it":         {"a DATA_MESSAGE of f", false},
		"a broken record":         {of(own, "m")[:60], false},
	} {
		if got := own.loops(quoted(t, c.message)); got != c.want {
			t.Errorf("%s: got %t, want %t: %s", name, got, c.want, c.message)
		}
	}
}

// Whatever a message is, looking for a loop in it ends, and finds only what is an
// envelope somewhere inside.
func FuzzLoop(f *testing.F) {
	own := origin{owner: "111111111111", group: "g", filter: "f"}
	envelope := string(appendEnvelope(nil, own, []event{{message: quoted(f, "m")}}))
	for _, text := range []string{
		envelope,
		string(appendEnvelope(nil, origin{owner: "222222222222", group: "h", filter: "x"}, []event{{message: quoted(f, envelope)}})),
		envelope[:len(envelope)/2],
		envelope + envelope,
		" " + envelope + "\n",
		strings.Replace(envelope, "{", `{"messageType":"CONTROL_MESSAGE",`, 1),
		strings.Replace(envelope, `["f"]`, `["f","f"]`, 1),
		strings.Replace(envelope, `"logGroup":"g"`, `"logGroup":"\u0067"`, 1),
		strings.Replace(envelope, `"logEvents":[`, `"logEvents":`+strings.Repeat("[", 20_000), 1),
		strings.Replace(envelope, `"message":"m"`, `"message":{"DATA_MESSAGE":null}`, 1),
	} {
		f.Add(string(quoted(f, text)))
	}
	f.Add(`"\ud800 DATA_MESSAGE"`)
	f.Add(`DATA_MESSAGE`)
	f.Fuzz(func(t *testing.T, literal string) {
		if !own.loops([]byte(literal)) {
			return
		}
		text, err := jsontext.AppendUnquote(nil, literal)
		if err != nil || !bytes.Contains(text, []byte("DATA_MESSAGE")) || !bytes.Contains(text, []byte("logGroup")) {
			t.Errorf("a loop in %q", literal)
		}
	})
}

// Each byte of path is an envelope around what is there already: of the filter itself
// when its lowest bit is set, with so many other events before and after as the next
// bits say. A loop is found if it is not too deep, and only then.
func FuzzLoopThroughOthers(f *testing.F) {
	f.Add([]byte{1}, "m")
	f.Add([]byte{0, 2, 5, 0x18}, "DATA_MESSAGE")
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0}, `{"messageType":"DATA_MESSAGE"}`)
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0}, "as deep as is not looked")
	own := origin{owner: "111111111111", group: "g", stream: "s", filter: "f"}
	f.Fuzz(func(t *testing.T, path []byte, message string) {
		path = path[:min(len(path), 2*maxNesting)]
		if strings.Contains(message, "DATA_MESSAGE") && strings.Contains(message, own.filter) {
			message = "DATA_MESSAGE" // an envelope of its own is FuzzLoop's
		}
		text, want := strings.ToValidUTF8(message, "?"), false
		for i, b := range path {
			o := origin{owner: "222222222222", group: "h", filter: "x"}
			if b&1 == 1 {
				o = own
				want = want || len(path)-i <= maxNesting
			}
			events := slices.Repeat([]event{{message: quoted(t, "other")}}, int(b>>1&3))
			events = append(events, event{message: quoted(t, text)})
			events = append(events, slices.Repeat([]event{{message: quoted(t, "DATA_MESSAGE")}}, int(b>>3&3))...)
			if text = string(appendEnvelope(nil, o, events)); len(text) > 1<<20 {
				return // escapes double with each envelope
			}
		}
		if got := own.loops(quoted(t, text)); got != want {
			t.Errorf("path %v around %q: got %t, want %t", path, message, got, want)
		}
	})
}
