package api_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/service/api"
)

type (
	object = map[string]any
	array  = []any
)

// everything has a member of every kind, with constraints as the models have.
type everything struct {
	Name    string            `json:"name,omitzero" min:"2" max:"5" pattern:"[a-zé]*"`
	Kind    string            `json:"kind,omitzero" enum:"ACTIVE,INACTIVE"`
	Secret  string            `json:"secret,omitzero" max:"3" hide:"true"`
	Any     string            `json:"any,omitzero"`
	Limit   *int32            `json:"Limit,omitzero" min:"1" max:"50"`
	Time    *int64            `json:"time,omitzero" min:"0"`
	Share   *float64          `json:"share,omitzero" min:"0" max:"1"`
	Flag    *bool             `json:"flag,omitzero"`
	Data    []byte            `json:"data,omitzero" max:"4"`
	At      api.Timestamp     `json:"at,omitzero"`
	Names   []string          `json:"names,omitzero" min:"1" max:"3" ofmin:"1" ofmax:"4"`
	Tags    map[string]string `json:"tags,omitzero" max:"2" keymin:"1" keymax:"3" ofmax:"4"`
	Records []record          `json:"Records,omitzero" max:"2"`
	Inner   *record           `json:"inner,omitzero"`
	Next    *everything       `json:"next,omitzero"`
}

type record struct {
	Data []byte `json:"Data" required:"true"`
	Key  string `json:"PartitionKey" required:"true" min:"1"`
}

type strict struct {
	First  string `json:"First" required:"true"`
	Second string `json:"second" required:"true"`
}

type allow struct{}

func (allow) Authorize(context.Context, *api.Call, api.Access) error { return nil }

// bound is what the handler of an operation with input In is given for in.
func bound[In any](t *testing.T, style api.ConstraintStyle, in api.Input) (*In, error) {
	t.Helper()
	var got *In
	d := api.NewDispatcher(allow{}, api.Service{Name: "logs", Protocol: api.JSON, Constraints: style, Operations: []api.Operation{
		api.Define("Op", func(*api.Call, *In) ([]api.Access, error) { return nil, nil },
			func(_ context.Context, _ *api.Call, in *In) (*api.Void, error) { got = in; return nil, nil }),
	}})
	op, ok := d.Operation("logs", "Op")
	if !ok {
		t.Fatal("no operation")
	}
	_, err := d.Do(t.Context(), op, &api.Call{Service: "logs"}, in)
	return got, err
}

var logsStyle = api.ConstraintStyle{Code: "InvalidParameterException"}

func ptr[T any](v T) *T { return &v }

func TestBindSetsEveryKind(t *testing.T) {
	got, err := bound[everything](t, logsStyle, api.Input{Tree: object{
		"name": "été", "kind": "ACTIVE", "any": "", "Limit": api.Number("7"), "time": api.Number("1700000000123"),
		"share": api.Number("0.5"), "flag": false, "data": "aGk=", "at": api.Number("1700000000.1234"),
		"names": array{"a", nil, "b"}, "tags": object{"k": "v", "n": nil},
		"Records": array{object{"Data": "", "PartitionKey": "p"}}, "inner": object{"Data": []byte{1}, "PartitionKey": "q"},
		"next": object{"next": object{"next": object{"any": "deep"}}}, "unknown": array{object{}}, "secret": nil,
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := &everything{
		Name: "été", Kind: "ACTIVE", Limit: ptr(int32(7)), Time: ptr(int64(1700000000123)), Share: ptr(0.5), Flag: ptr(false),
		Data: []byte("hi"), At: api.At(time.UnixMilli(1700000000123)), Names: []string{"a", "b"}, Tags: map[string]string{"k": "v"},
		Records: []record{{Data: []byte{}, Key: "p"}}, Inner: &record{Data: []byte{1}, Key: "q"},
		Next: &everything{Next: &everything{Next: &everything{Any: "deep"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBindReadsForms(t *testing.T) {
	got, err := bound[everything](t, logsStyle, api.Input{Loose: true, Tree: object{
		"name": "abc", "Limit": "7", "share": "0.25", "flag": "true", "data": "aGk=", "at": "2026-11-21T01:02:03Z",
		"names": object{"member": object{"2": "b", "1": "a"}}, "inner": object{"Data": "", "PartitionKey": "p"}, "Action": "Op",
		"Records": object{"member": object{"1": object{"Data": "aGk=", "PartitionKey": "p"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := &everything{
		Name: "abc", Limit: ptr(int32(7)), Share: ptr(0.25), Flag: ptr(true), Data: []byte("hi"), At: api.At(time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)),
		Names: []string{"a", "b"}, Inner: &record{Data: []byte{}, Key: "p"}, Records: []record{{Data: []byte("hi"), Key: "p"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, tree := range map[string]object{
		"empty list": {"names": ""},
		"gap":        {"names": object{"member": object{"1": "a", "3": "b"}}},
		"from zero":  {"names": object{"member": object{"0": "a"}}},
		"two ones":   {"names": object{"member": object{"1": "a", "01": "b"}}},
		"huge":       {"names": object{"member": object{"99999999999999999999": "a"}}},
		"no member":  {"names": object{"1": "a"}},
		"number":     {"Limit": "7x"},
		"flag":       {"flag": "yes"},
		"time":       {"at": "yesterday"},
	} {
		if _, err := bound[everything](t, logsStyle, api.Input{Loose: true, Tree: tree}); err == nil {
			t.Errorf("%s: got accepted, want refused", name)
		}
	}
}

func TestBindRefusesWrongTypes(t *testing.T) {
	for name, c := range map[string]struct {
		tree any
		want string
	}{
		"input a list":         {array{}, "Start of list found where not expected"},
		"input a text":         {"x", "Expected null"},
		"text a number":        {object{"name": api.Number("1")}, "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"},
		"text a flag":          {object{"name": true}, "class java.lang.Boolean can not be converted to an String"},
		"text a structure":     {object{"name": object{}}, "Start of structure or map found where not expected."},
		"text a list":          {object{"name": array{}}, "Start of list found where not expected"},
		"integer a text":       {object{"Limit": "7"}, "class java.lang.String can not be converted to an Integer"},
		"integer too large":    {object{"Limit": api.Number("2147483648")}, "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an Integer"},
		"long a text":          {object{"time": "7"}, "class java.lang.String can not be converted to an Long"},
		"long too large":       {object{"time": api.Number("9223372036854775808")}, "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an Long"},
		"long enormous":        {object{"time": api.Number("1e400")}, "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an Long"},
		"double a text":        {object{"share": "x"}, "class java.lang.String can not be converted to an Double"},
		"flag a text":          {object{"flag": "true"}, "class java.lang.String can not be converted to an Boolean"},
		"time a text":          {object{"at": "2026-11-21T01:02:03Z"}, "class java.lang.String can not be converted to an Date"},
		"time out of range":    {object{"at": api.Number("1e300")}, "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an Date"},
		"list a text":          {object{"names": "a"}, "Expected list or null"},
		"list a structure":     {object{"names": object{}}, "Start of structure or map found where not expected."},
		"list item":            {object{"names": array{"a", api.Number("1")}}, "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"},
		"map a text":           {object{"tags": "a"}, "Expected null"},
		"map value":            {object{"tags": object{"a": true}}, "class java.lang.Boolean can not be converted to an String"},
		"structure a text":     {object{"inner": "a"}, "Expected null"},
		"blob a number":        {object{"data": api.Number("1")}, "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to a Blob"},
		"blob of odd length":   {object{"data": "x"}, "'x' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 1"},
		"blob with a stroke":   {object{"data": "ab-d"}, "'ab-d' can not be converted to a Blob: Invalid Base64 character: '-'"},
		"blob with a pad":      {object{"data": "=bcd"}, "'=bcd' can not be converted to a Blob: Invalid last non-pad Base64 character dectected"},
		"blob with a line end": {object{"data": "aGkh\n\n\n\n"}, "'aGkh\n\n\n\n' can not be converted to a Blob: Invalid Base64 character: '\n'"},
		"type before absence":  {object{"inner": object{"Data": "", "PartitionKey": true}, "name": "x"}, "class java.lang.Boolean can not be converted to an String"},
	} {
		_, err := bound[everything](t, logsStyle, api.Input{Tree: c.tree})
		e, ok := api.AsException(err)
		if !ok || e.Code != "SerializationException" || e.Status != 400 || e.Message != c.want {
			t.Errorf("%s:\ngot  %v\nwant SerializationException: %s", name, err, c.want)
		}
	}
}

func TestIntegersLoseTheirFraction(t *testing.T) {
	for text, want := range map[string]int32{"7.9": 7, "-0.5": 0, "1e1": 10, "49.999999": 49} {
		got, err := bound[everything](t, api.ConstraintStyle{}, api.Input{Tree: object{"Limit": api.Number(text)}})
		if want == 0 {
			if err == nil {
				t.Errorf("%s: got accepted, want refused as 0", text)
			}
			continue
		}
		if err != nil || *got.Limit != want {
			t.Errorf("%s: got %v %v, want %d", text, got, err, want)
		}
	}
}

func TestConstraintMessages(t *testing.T) {
	for name, c := range map[string]struct {
		tree object
		want string // after "1 validation error detected: "
	}{
		"too short": {object{"name": "a"}, "Value 'a' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		"empty":     {object{"name": ""}, "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2"},
		"too long":  {object{"name": "ééabcd"}, "Value 'ééabcd' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"},
		"pattern":   {object{"name": "a:b"}, "Value 'a:b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zé]*"},
		"line end":  {object{"name": "abc\n"}, "Value 'abc\n' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zé]*"},
		"enum":      {object{"kind": "active"}, "Value 'active' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [ACTIVE, INACTIVE]"},
		"hidden":    {object{"secret": "hush"}, "Value at 'secret' failed to satisfy constraint: Member must have length less than or equal to 3"},
		"low":       {object{"Limit": api.Number("0")}, "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		"high":      {object{"Limit": api.Number("10001")}, "Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50"},
		"blob":      {object{"data": "aGVsbG8="}, "Value 'java.nio.HeapByteBuffer[pos=0 lim=5 cap=5]' at 'data' failed to satisfy constraint: Member must have length less than or equal to 4"},
		"list":      {object{"names": array{"a", "b", "c", "d"}}, "Value '[a, b, c, d]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 3"},
		"list item": {
			object{"names": array{"a", "", "abcde"}},
			"Value '[a, , abcde]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 4, Member must have length greater than or equal to 1]",
		},
		"map key": {
			object{"tags": object{"abcd": "v"}},
			"Value '{abcd=v}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 3, Member must have length greater than or equal to 1]",
		},
		"map value":   {object{"tags": object{"a": "vwxyz", "b": "x"}}, "Value '{a=vwxyz, b=x}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 4]"},
		"map size":    {object{"tags": object{"a": "1", "b": "2", "c": "3"}}, "Value '{a=1, b=2, c=3}' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 2"},
		"absent":      {object{"inner": object{"Data": ""}}, "Value null at 'inner.partitionKey' failed to satisfy constraint: Member must not be null"},
		"null":        {object{"inner": object{"Data": "", "PartitionKey": nil}}, "Value null at 'inner.partitionKey' failed to satisfy constraint: Member must not be null"},
		"in a list":   {object{"Records": array{object{"Data": "", "PartitionKey": ""}}}, "Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		"far inside":  {object{"next": object{"next": object{"Limit": api.Number("0")}}}, "Value '0' at 'next.next.limit' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		"structures":  {object{"Records": array{object{"Data": "", "PartitionKey": "p"}, object{"Data": "aGk=", "PartitionKey": "q"}, object{"Data": "", "PartitionKey": "r"}}}, "Value '[record(Data=java.nio.HeapByteBuffer[pos=0 lim=0 cap=0], PartitionKey=p), record(Data=java.nio.HeapByteBuffer[pos=0 lim=2 cap=2], PartitionKey=q), record(Data=java.nio.HeapByteBuffer[pos=0 lim=0 cap=0], PartitionKey=r)]' at 'records' failed to satisfy constraint: Member must have length less than or equal to 2"},
		"two letters": {object{"name": "éa1"}, "Value 'éa1' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zé]*"},
	} {
		_, err := bound[everything](t, logsStyle, api.Input{Tree: c.tree})
		want := "InvalidParameterException: 1 validation error detected: " + c.want
		if err == nil || err.Error() != want {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, want)
		}
	}
}

func TestSeveralViolationsAreOneMessage(t *testing.T) {
	_, err := bound[strict](t, logsStyle, api.Input{Tree: object{}})
	want := "InvalidParameterException: 2 validation errors detected: Value null at 'first' failed to satisfy constraint: Member must not be null; " +
		"Value null at 'second' failed to satisfy constraint: Member must not be null"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := bound[strict](t, logsStyle, api.Input{}); err == nil || err.Error() != want {
		t.Errorf("no tree: got %v\nwant %s", err, want)
	}
}

type manyRecords struct {
	Records []record `json:"records"`
}

func TestNoMoreThanTenViolationsAreListed(t *testing.T) {
	var records array
	for range 500 {
		records = append(records, object{})
	}
	_, err := bound[manyRecords](t, logsStyle, api.Input{Tree: object{"records": records}})
	if got := fmt.Sprint(err); !strings.HasPrefix(got, "InvalidParameterException: 10 validation errors detected: ") || strings.Count(got, "Member must not be null") != 10 {
		t.Errorf("got %s, want ten", got)
	}
}

// A service with words of its own is told what sort the first violation is of.
func TestServicesMayWordTheRefusal(t *testing.T) {
	style := api.ConstraintStyle{Code: "Unused", Refuse: func(v api.Violated) *api.Exception { return api.Refuse("Mine", "sort %d", v) }}
	for name, c := range map[string]struct {
		tree object
		want api.Violated
	}{
		"absent":    {object{"inner": object{"Data": ""}}, api.RequiredMember},
		"too short": {object{"name": "a"}, api.MinLength},
		"too long":  {object{"name": "ééabcd"}, api.MaxLength},
		"list":      {object{"names": array{"a", "b", "c", "d"}}, api.MaxLength},
		"low":       {object{"Limit": api.Number("0")}, api.MinValue},
		"high":      {object{"Limit": api.Number("51")}, api.MaxValue},
		"enum":      {object{"kind": "x"}, api.EnumMember},
		"pattern":   {object{"name": "a:b"}, api.Pattern},
		"list item": {object{"names": array{"a", ""}}, api.ListMember},
		"map key":   {object{"tags": object{"abcd": "v"}}, api.ListMember},
		"several":   {object{"Limit": api.Number("0"), "kind": "x", "name": "a:b"}, 0},
	} {
		_, err := bound[everything](t, style, api.Input{Tree: c.tree})
		if e, ok := api.AsException(err); !ok || e.Code != "Mine" || c.want != 0 && e.Message != fmt.Sprintf("sort %d", c.want) {
			t.Errorf("%s: got %v, want Mine: sort %d", name, err, c.want)
		}
	}
	if _, err := bound[everything](t, style, api.Input{Tree: object{"name": "abc"}}); err != nil {
		t.Errorf("nothing is violated: got %v", err)
	}
}

func TestIAMHidesValuesAndEnums(t *testing.T) {
	style := api.ConstraintStyle{Code: "ValidationError", HideValues: true}
	for want, tree := range map[string]object{
		"ValidationError: 1 validation error detected: Value at 'kind' failed to satisfy constraint: Member must satisfy enum value set":                      {"kind": "x"},
		"ValidationError: 1 validation error detected: Value at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zé]*": {"name": "ABC"},
		"ValidationError: 1 validation error detected: Value at 'inner.partitionKey' failed to satisfy constraint: Member must not be null":                   {"inner": object{"Data": ""}},
	} {
		if _, err := bound[everything](t, style, api.Input{Tree: tree}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestMessagesStaySmall: what a message repeats is bounded, whatever came in.
func TestMessagesStaySmall(t *testing.T) {
	var names array
	for range 100_000 {
		names = append(names, "é")
	}
	for name, tree := range map[string]object{
		"text": {"name": strings.Repeat("é", 1<<20)},
		"list": {"names": names},
		"blob": {"data": strings.Repeat("x", 1<<20+1)},
	} {
		_, err := bound[everything](t, logsStyle, api.Input{Tree: tree})
		e, ok := api.AsException(err)
		if !ok || len(e.Message) > 20_000 {
			t.Errorf("%s: got a message of %d bytes, want a small one", name, len(fmt.Sprint(err)))
		}
		if ok && strings.ContainsRune(e.Message, '\uFFFD') {
			t.Errorf("%s: a character was cut in half", name)
		}
	}
}

func TestShapesThatCannotBe(t *testing.T) {
	for name, define := range map[string]func(){
		"type": func() {
			defineInput[struct {
				C chan int `json:"c"`
			}]()
		},
		"no name": func() { defineInput[struct{ C string }]() },
		"bound": func() {
			defineInput[struct {
				C string `json:"c" min:"x"`
			}]()
		},
		"pattern": func() {
			defineInput[struct {
				C string `json:"c" pattern:"["`
			}]()
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: got accepted, want a panic", name)
				}
			}()
			define()
		}()
	}
}

func defineInput[In any]() {
	api.Define("Op", func(*api.Call, *In) ([]api.Access, error) { return nil, nil },
		func(context.Context, *api.Call, *In) (*api.Void, error) { return nil, errors.New("not reached") })
}

// FuzzBlob holds that a blob is exactly what canonical base64 of it says.
func FuzzBlob(f *testing.F) {
	for _, s := range []string{"", "aGk=", "aGk", "a===", "====", "aGk=aGk=", "a\nGk", "\xff\xff\xff\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := bound[everything](t, api.ConstraintStyle{}, api.Input{Tree: object{"inner": object{"Data": text, "PartitionKey": "p"}}})
		if err != nil {
			if _, ok := api.AsException(err); !ok {
				t.Fatalf("got %v, want an Exception", err)
			}
			return
		}
		if want, err := base64.StdEncoding.DecodeString(text); err != nil || string(want) != string(got.Inner.Data) {
			t.Fatalf("%q: got %q, want %q %v", text, got.Inner.Data, want, err)
		}
	})
}

// What a scanner leaves for the handler is not a member: no input sets it.
func TestFieldsThatAreNoMembersAreNotBound(t *testing.T) {
	type input struct {
		Name    string         `json:"name" required:"true"`
		Body    []byte         `json:"-"`
		Scanned map[string]any `json:"-"` // no wire type at all
	}
	got, err := bound[input](t, logsStyle, api.Input{Tree: object{"name": "n", "-": "aGk=", "Body": "aGk=", "body": "aGk=", "": "aGk="}})
	if err != nil || got.Name != "n" || got.Body != nil {
		t.Errorf("got %+v, %v; want the name alone", got, err)
	}
}
