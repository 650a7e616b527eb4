package delivery

import (
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

// Whatever a message is, looking for a loop in it ends, and only finds what holds
// the marker.
func FuzzLoop(f *testing.F) {
	own := origin{owner: "111111111111", group: "g", filter: "f"}
	f.Add(string(quoted(f, string(appendEnvelope(nil, own, nil)))))
	f.Add(`"\ud800 DATA_MESSAGE"`)
	f.Add(`DATA_MESSAGE`)
	f.Fuzz(func(t *testing.T, literal string) {
		if own.loops([]byte(literal)) && !strings.Contains(literal, "DATA_MESSAGE") {
			t.Errorf("a loop in %q", literal)
		}
	})
}
