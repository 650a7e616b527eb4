package gateway

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"tributary/internal/service/api"
)

// bytesOf reads a hexadecimal dump with blanks.
func bytesOf(t testing.TB, dump string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(dump), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseCBOR(t *testing.T) {
	instant := api.Timestamp{Time: time.UnixMilli(1700000000123).UTC()}
	for name, c := range map[string]struct {
		dump string
		want any
	}{
		// As Jackson writes what the Java SDK gives it: containers of indefinite
		// length, integers in their shortest form, points in time as a tag and a long.
		"PutRecord": {
			"bf 6a 53747265616d4e616d65 61 73 64 44617461 43 000aff 6c 506172746974696f6e4b6579 61 6b ff",
			map[string]any{"StreamName": "s", "Data": []byte{0, 10, 255}, "PartitionKey": "k"},
		},
		"PutRecords": {
			"bf 67 5265636f726473 9f bf 64 44617461 41 61 ff bf 64 44617461 40 ff ff ff",
			map[string]any{"Records": []any{map[string]any{"Data": []byte("a")}, map[string]any{"Data": []byte{}}}},
		},
		"GetShardIterator at a time": {
			"bf 69 54696d657374616d70 c1 1b 0000018bcfe5687b ff",
			map[string]any{"Timestamp": instant},
		},
		"time of a double":    {"a1 61 74 c1 fb 41d954fc4007df3b", map[string]any{"t": instant}},
		"bytes in chunks":     {"bf 64 44617461 5f 42 6162 40 41 63 ff ff", map[string]any{"Data": []byte("abc")}},
		"text in chunks":      {"bf 7f 61 61 61 62 ff 7f 62 c3bc ff ff", map[string]any{"ab": "ü"}},
		"definite lengths":    {"a2 61 61 82 01 20 61 62 a0", map[string]any{"a": []any{api.Number("1"), api.Number("-1")}, "b": map[string]any{}}},
		"long heads":          {"b9 0001 78 01 61 9b 0000000000000001 1a 00000005", map[string]any{"a": []any{api.Number("5")}}},
		"greatest integers":   {"82 1b ffffffffffffffff 3b ffffffffffffffff", []any{api.Number("18446744073709551615"), api.Number("-18446744073709551616")}},
		"simple values":       {"84 f4 f5 f6 f7", []any{false, true, nil, nil}},
		"floats":              {"85 f9 3e00 fa c0200000 fb 3ff199999999999a f9 8001 f9 8000", []any{api.Number("1.5"), api.Number("-2.5"), api.Number("1.1"), api.Number("-0.00000005960464477539063"), api.Number("0")}},
		"great float":         {"81 fb 7e37e43c8800759c", []any{api.Number("1e+300")}},
		"it says what it is":  {"d9 d9f7 a0", map[string]any{}},
		"empty of indefinite": {"bf ff", map[string]any{}},
	} {
		got, err := parseCBOR(bytesOf(t, c.dump), anyRoom())
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %#v, %v\nwant %#v", name, got, err, c.want)
		}
	}
}

func TestParseCBORRefuses(t *testing.T) {
	for name, dump := range map[string]string{
		"nothing":                    "",
		"a number":                   "01",
		"a text":                     "61 61",
		"two values":                 "a0 a0",
		"no end":                     "bf 61 61 01",
		"no value":                   "bf 61 61 ff",
		"too few items":              "82 01",
		"too few bytes":              "a1 61 61 43 6162",
		"more than there can be":     "9b 7fffffffffffffff 01",
		"bytes beyond all":           "a1 61 61 5b ffffffffffffffff 01",
		"a break in nothing":         "ff",
		"a break in a list of two":   "82 01 ff",
		"reserved length":            "9c 01",
		"integer without length":     "81 1f",
		"tag without number":         "81 df 01",
		"name that is a number":      "a1 01 01",
		"name that is bytes":         "a1 41 61 01",
		"a name twice":               "a2 61 61 01 61 61 02",
		"text that is not UTF-8":     "a1 61 61 61 ff",
		"chunk that is not UTF-8":    "a1 61 61 7f 61 c3 61 bc ff",
		"bytes among chunks of text": "a1 61 61 7f 41 61 ff",
		"chunk in chunks":            "a1 61 61 7f 7f 61 61 ff ff",
		"unknown tag":                "a1 61 61 c2 41 01",
		"time that is a text":        "a1 61 61 c1 61 61",
		"time beyond all":            "a1 61 61 c1 fb 7e37e43c8800759c",
		"not a number":               "81 fb 7ff8000000000000",
		"infinite":                   "81 f9 7c00",
		"unknown simple value":       "81 f8 20",
		"too deep":                   strings.Repeat("81", maxDepth+2) + "01",
		"too many tags":              strings.Repeat("c1", maxDepth+2) + "01",
		"too deep without lengths":   strings.Repeat("9f", maxDepth+2) + "01" + strings.Repeat("ff", maxDepth+2),
	} {
		if got, err := parseCBOR(bytesOf(t, dump), anyRoom()); err == nil {
			t.Errorf("%s: got %#v, want an error", name, got)
		}
	}
	for name, b := range map[string][]byte{
		"values": append(append([]byte{0x9f}, make([]byte, maxValues+1)...), 0xff),
		"chunks": append(append([]byte{0x81, 0x5f}, strings.Repeat("\x40", maxValues+1)...), 0xff),
	} {
		if _, err := parseCBOR(b, anyRoom()); err == nil {
			t.Errorf("too many %s: got no error", name)
		}
	}
}

// A sample has every sort of member that a shape has.
type cborSample struct {
	Text   string                 `json:"Text"`
	Empty  string                 `json:"Empty,omitzero"`
	Count  *int64                 `json:"Count,omitzero"`
	Small  int32                  `json:"Small"`
	Ratio  float64                `json:"Ratio"`
	At     api.Timestamp          `json:"At"`
	Never  api.Timestamp          `json:"Never,omitzero"`
	Null   api.Timestamp          `json:"Null"`
	Data   []byte                 `json:"Data"`
	Flag   bool                   `json:"Flag"`
	Off    *bool                  `json:"Off,omitzero"`
	Names  []string               `json:"Names,omitzero"`
	None   []string               `json:"None"`
	Labels map[string]string      `json:"Labels,omitzero"`
	Inner  *cborSample            `json:"Inner,omitzero"`
	Things []cborSample           `json:"Things,omitzero"`
	Shapes map[string]*cborSample `json:"Shapes,omitzero"`
	Hidden string                 `json:"-"`
}

func newSample() *cborSample {
	count, off := int64(math.MinInt64), false
	return &cborSample{
		Text: "ünïcode", Count: &count, Small: 300, Ratio: 0.1, Off: &off, Flag: true,
		At: api.At(time.UnixMilli(1700000000123)), Data: []byte{0, 255}, Hidden: "secret",
		Names: []string{"", "b"}, Labels: map[string]string{"z": "1", "a": "2"},
		Inner:  &cborSample{Text: strings.Repeat("x", 70_000)},
		Things: []cborSample{{}, {Text: "t"}}, Shapes: map[string]*cborSample{"none": nil},
	}
}

// TestAppendCBORIsWhatAnotherDecoderReads compares with JSON: the tree that another
// library makes of our CBOR is that of our JSON.
func TestAppendCBORIsWhatAnotherDecoderReads(t *testing.T) {
	sample := newSample()
	encoded, err := appendCBOR(nil, sample)
	if err != nil {
		t.Fatal(err)
	}
	mode, err := cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any](), DupMapKey: cbor.DupMapKeyEnforcedAPF}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := mode.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	text, err := appendJSON(nil, sample)
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, comparable(got)); diff != "" {
		t.Errorf("JSON and CBOR differ:\n%s", diff)
	}
}

// comparable makes what JSON makes of the same: bytes in base64, numbers as floats,
// and of a point in time, which the other library takes for seconds, seconds.
func comparable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = comparable(v[k])
		}
		return v
	case []any:
		for i := range v {
			v[i] = comparable(v[i])
		}
		return v
	case []byte:
		return jsonBytes(v)
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	case time.Time:
		return float64(v.Unix()) / 1000
	}
	return v
}

func jsonBytes(b []byte) string {
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Sprint(err)
	}
	return strings.Trim(string(text), `"`)
}

func TestCBORTimestampsAreTaggedIntegers(t *testing.T) {
	encoded, err := appendCBOR(nil, &struct {
		T api.Timestamp `json:"T"`
	}{api.At(time.UnixMilli(1700000000123))})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := hex.EncodeToString(encoded), "bf6154c11b0000018bcfe5687bff"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzParseCBOR compares with another library: what we take, it takes and reads alike,
// and what we write of it, we read back.
func FuzzParseCBOR(f *testing.F) {
	for _, dump := range []string{
		"bf6a53747265616d4e616d65617364446174614361626cff", "a1617482f93e00fbc020000000000000",
		"bf6474696d65c11b0000018bcfe5687bff", "9f5f4161ff7f6162ffff",
	} {
		f.Add(bytesOf(f, dump))
	}
	mode, err := cbor.DecOptions{
		DefaultMapType: reflect.TypeFor[map[string]any](), DupMapKey: cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels: 2*maxDepth + 10, MaxArrayElements: 1 << 20, MaxMapPairs: 1 << 20,
	}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := parseCBOR(b, anyRoom())
		if err != nil {
			return
		}
		if err := mode.Wellformed(b); err != nil {
			t.Fatalf("another library does not take %x: %v", b, err)
		}
		again, err := appendTree(nil, tree)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseCBOR(again, anyRoom())
		if err != nil || !cmp.Equal(back, tree) {
			t.Fatalf("%x is %#v, written again %#v, %v", b, tree, back, err)
		}
	})
}

// appendTree writes a value tree with the other library.
func appendTree(dst []byte, tree any) ([]byte, error) {
	mode, err := cbor.EncOptions{Time: cbor.TimeUnix, TimeTag: cbor.EncTagRequired}.EncMode()
	if err != nil {
		return nil, err
	}
	text, err := mode.Marshal(plainTree(tree))
	return append(dst, text...), err
}

// plainTree is a tree without our types.
func plainTree(tree any) any {
	switch v := tree.(type) {
	case map[string]any:
		plain := map[string]any{}
		for k := range v {
			plain[k] = plainTree(v[k])
		}
		return plain
	case []any:
		plain := make([]any, len(v))
		for i := range v {
			plain[i] = plainTree(v[i])
		}
		return plain
	case api.Timestamp:
		return cbor.Tag{Number: 1, Content: v.UnixMilli()}
	case api.Number:
		return plainNumber(string(v))
	}
	return tree
}

// plainNumber is a number in the widest Go type for it. There is none for both signs
// of an integer of 64 bits.
func plainNumber(text string) any {
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return u
	}
	magnitude, negative := strings.CutPrefix(text, "-")
	if u, err := strconv.ParseUint(magnitude, 10, 64); negative && err == nil {
		return cbor.RawMessage(appendCBORHead(nil, cborNegative, u-1))
	}
	if text == "-18446744073709551616" {
		return cbor.RawMessage(appendCBORHead(nil, cborNegative, math.MaxUint64))
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return err
	}
	return f
}
