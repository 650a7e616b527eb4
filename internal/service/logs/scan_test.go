package logs

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/service/api"
)

func TestScannerReadsWhatClientsSend(t *testing.T) {
	body := ` {"logStreamName":"s","logEvents":[
		{"timestamp":1700000000000,"message":"plain"},
		null,
		{"message":"\u0041\ud83d\ude00\n\"é","timestamp":1700000000001.9,"extra":{"a":[1,{"b":null}]}},
		{"m\u0065ssage":"x","timestamp":1.7e12}],
		"entity":{"keyAttributes":{"Type":"Service"}},"sequenceToken":"","logGroupName":"g","x":-0.5e-3} `
	got, err := scanPutLogEvents([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if got.LogGroupName != "g" || got.LogStreamName != "s" {
		t.Errorf("got group %q and stream %q, want g and s", got.LogGroupName, got.LogStreamName)
	}
	want := []string{`1700000000000 "plain"`, `1700000000001 "\u0041\ud83d\ude00\n\"é"`, `1700000000000 "x"`}
	if events := scanned(got); !slices.Equal(events, want) {
		t.Errorf("got events %q, want %q", events, want)
	}
}

func scanned(in *putEventsInput) (list []string) {
	for _, ev := range in.Scanned {
		list = append(list, fmt.Sprintf("%d %s", ev.Timestamp, in.Body[ev.Start:ev.End]))
	}
	return list
}

func TestScannerRefusesInAWSsWords(t *testing.T) {
	const head = `{"logGroupName":"g","logStreamName":"s","logEvents":`
	event := func(message string) string { return head + `[{"timestamp":1,"message":"` + message + `"}]}` }
	cases := []struct{ name, body, code, message string }{
		{"nothing", ``, "SerializationException", ""},
		{"no object", `null`, "SerializationException", ""},
		{"list", `[]`, "SerializationException", "Start of list found where not expected"},
		{"cut off", head + `[{"timestamp":1,"message":"a`, "SerializationException", ""},
		{"two values", head + `[]} {}`, "SerializationException", ""},
		{"name twice", `{"logGroupName":"g","logGroupName":"g"}`, "SerializationException", ""},
		{"unknown name twice, deep", `{"x":{"a":1,"\u0061":2}}`, "SerializationException", ""},
		{"control character", event("a\tb"), "SerializationException", ""},
		{"bad escape", event(`\x`), "SerializationException", ""},
		{"lone surrogate", event(`\ud800`), "SerializationException", ""},
		{"surrogates the wrong way", event(`\udc00\ud800`), "SerializationException", ""},
		{"bad UTF-8", event("\xff"), "SerializationException", ""},
		{"overlong UTF-8", event("\xc0\x80"), "SerializationException", ""},
		{"leading zero", head + `[{"timestamp":01,"message":"a"}]}`, "SerializationException", ""},
		{"comma at the end", head + `[{"timestamp":1,"message":"a"},]}`, "SerializationException", ""},
		{"too deep", `{"x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, "SerializationException", ""},
		{"number for a text", `{"logGroupName":5}`, "SerializationException", "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"},
		{"boolean for a number", head + `[{"timestamp":true,"message":"a"}]}`, "SerializationException", "class java.lang.Boolean can not be converted to an Long"},
		{"text for a number", head + `[{"timestamp":"1","message":"a"}]}`, "SerializationException", "class java.lang.String can not be converted to an Long"},
		{"number too large", head + `[{"timestamp":1e19,"message":"a"}]}`, "SerializationException", "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an Long"},
		{"object for a text", head + `[{"timestamp":1,"message":{}}]}`, "SerializationException", "Start of structure or map found where not expected."},
		{"text for the list", head + `"x"}`, "SerializationException", "Expected list or null"},
		{"text for an event", head + `["x"]}`, "SerializationException", "Expected null"},
		{"wrong type, then wrong syntax", `{"logGroupName":5,`, "SerializationException", ""},
		{"nothing given", `{}`, "InvalidParameterException", "3 validation errors detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be null; Value null at 'logStreamName' failed to satisfy constraint: Member must not be null; Value null at 'logEvents' failed to satisfy constraint: Member must not be null"},
		{"no events", head + `[]}`, "InvalidParameterException", "1 validation error detected: Value '[]' at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"empty event", head + `[{}]}`, "InvalidParameterException", "2 validation errors detected: Value null at 'logEvents.1.member.timestamp' failed to satisfy constraint: Member must not be null; Value null at 'logEvents.1.member.message' failed to satisfy constraint: Member must not be null"},
		{"empty message", event(""), "InvalidParameterException", "1 validation error detected: Value '' at 'logEvents.1.member.message' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"before 1970", head + `[{"timestamp":-5,"message":"a"}]}`, "InvalidParameterException", "1 validation error detected: Value '-5' at 'logEvents.1.member.timestamp' failed to satisfy constraint: Member must have value greater than or equal to 0"},
		{"bad stream name", `{"logGroupName":"g","logStreamName":"a:b","logEvents":[{"timestamp":1,"message":"a"}]}`, "InvalidParameterException", "1 validation error detected: Value 'a:b' at 'logStreamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [^:*]*"},
		{"event too large", event(strings.Repeat("a", maxEventSize-25)), "InvalidParameterException", "Log event too large: 1048577 bytes exceeds limit of 1048576"},
		{"too much in all", head + `[{"timestamp":1,"message":"` + strings.Repeat("é", 262144) + `"},{"timestamp":1,"message":"` + strings.Repeat(`\u00e9`, 262144) + `"}]}`, "InvalidParameterException", "Upload too large: 1048628 bytes exceeds limit of 1048576"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := scanPutLogEvents([]byte(c.body))
			e, ok := api.AsException(err)
			if !ok {
				t.Fatalf("got %v, want an Exception", err)
			}
			if e.Code != c.code || e.Message != c.message {
				t.Errorf("got  %s %q\nwant %s %q", e.Code, e.Message, c.code, c.message)
			}
		})
	}
}

func TestScannerTakesEverythingUpToTheLimits(t *testing.T) {
	largest := `{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"` + strings.Repeat("a", maxEventSize-26) + `"}]}`
	if _, err := scanPutLogEvents([]byte(largest)); err != nil {
		t.Errorf("largest event: %v", err)
	}
	list := func(n int) []byte {
		return []byte(`{"logGroupName":"g","logStreamName":"s","logEvents":[` +
			strings.TrimSuffix(strings.Repeat(`{"timestamp":7,"message":"a"},`, n), ",") + `]}`)
	}
	in, err := scanPutLogEvents(list(maxEvents))
	if err != nil || len(in.Scanned) != maxEvents {
		t.Errorf("most events: %v", err)
	}
	_, err = scanPutLogEvents(list(maxEvents + 1))
	e, ok := api.AsException(err)
	if !ok || !strings.HasPrefix(e.Message, "1 validation error detected: Value '[InputLogEvent(timestamp=7, message=a), InputLogEvent(") ||
		!strings.HasSuffix(e.Message, "at 'logEvents' failed to satisfy constraint: Member must have length less than or equal to 10000") || len(e.Message) > 2*maxShown {
		t.Errorf("one event too many: got %v", err)
	}
}

func TestManyNamesInAnObjectAreFastToCompare(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"a"}]`)
	for i := range 200_000 {
		fmt.Fprintf(&b, `,"n%d":0`, i)
	}
	if _, err := scanPutLogEvents([]byte(b.String() + "}")); err != nil {
		t.Error(err)
	}
	if _, err := scanPutLogEvents([]byte(b.String() + `,"n77":1}`)); err == nil {
		t.Error("a name that is there twice among many was accepted")
	}
}

// reference is what a body says according to a general JSON decoder.
type reference struct {
	LogGroupName  *string           `json:"logGroupName"`
	LogStreamName *string           `json:"logStreamName"`
	SequenceToken *string           `json:"sequenceToken"`
	LogEvents     *[]*referenceItem `json:"logEvents"`
}

type referenceItem struct {
	Timestamp jsontext.Value `json:"timestamp"`
	Message   *string        `json:"message"`
}

// FuzzScan compares the scanner with go-json-experiment: both must take the same
// bodies for JSON of the right types, and read the same names and messages.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"a"}]}`,
		`{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"\ud83d\ude00é\u0000"},null],"x":[{"y":1e5}]}`,
		`{"logEvents":[{"message":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\\"bbbbbbbbbbbbbbbbbbbb"}]}`,
		`{"entity":{"a":{"a":[{},[]]}}}`, `{"logGroupName":null}`, `[]`, `{}`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) > maxDepth-4 {
			return // depth is bounded otherwise there
		}
		got, err := scanPutLogEvents(body)
		refused := ""
		if e, ok := api.AsException(err); ok {
			refused = e.Code
		} else if err != nil {
			t.Fatalf("error that is no Exception: %v", err)
		}
		if valid := jsontext.Value(body).IsValid(); !valid && refused != "SerializationException" {
			t.Fatalf("took %q, which is not JSON: %v", body, err)
		}
		var want reference
		wantErr := json.Unmarshal(body, &want)
		if wantErr != nil {
			if refused == "" {
				t.Fatalf("took %q, which the reference refuses: %v", body, wantErr)
			}
			return
		}
		if refused != "" {
			if refused == "SerializationException" && !numbersAreToBlame(want) && jsontext.Value(body).Kind() == '{' {
				t.Fatalf("refused %q, which the reference takes: %v", body, err)
			}
			return
		}
		compare(t, got, want)
	})
}

// numbersAreToBlame reports whether a timestamp is something that only the
// scanner refuses.
func numbersAreToBlame(want reference) bool {
	if want.LogEvents == nil {
		return false
	}
	return slices.ContainsFunc(*want.LogEvents, func(item *referenceItem) bool {
		if item == nil || item.Timestamp == nil || item.Timestamp.Kind() == 'n' {
			return false
		}
		if item.Timestamp.Kind() != '0' {
			return true
		}
		var f float64
		return json.Unmarshal(item.Timestamp, &f) != nil || f >= 1<<63 || f < -1<<63
	})
}

func compare(t *testing.T, got *putEventsInput, want reference) {
	t.Helper()
	if got.LogGroupName != *want.LogGroupName || got.LogStreamName != *want.LogStreamName {
		t.Fatalf("got %q %q, want %q %q", got.LogGroupName, got.LogStreamName, *want.LogGroupName, *want.LogStreamName)
	}
	i, size := 0, 0
	for _, item := range *want.LogEvents {
		if item == nil {
			continue
		}
		literal := got.Body[got.Scanned[i].Start:got.Scanned[i].End]
		if text := unquote(literal); text != *item.Message {
			t.Fatalf("event %d: got %q, want %q", i, text, *item.Message)
		}
		s := scanner{data: literal}
		if lit := s.string(); lit.length != len(*item.Message) {
			t.Fatalf("event %d: got length %d, want %d", i, lit.length, len(*item.Message))
		}
		size += len(*item.Message) + eventOverhead
		i++
	}
	if i != len(got.Scanned) {
		t.Fatalf("got %d events, want %d", len(got.Scanned), i)
	}
	if size > maxCallSize {
		t.Fatalf("took %d bytes", size)
	}
}

func TestTimestampsAreCutToWholeNumbers(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-0": 0, "12": 12, "12.99": 12, "1e3": 1000, "999999999999999999": 999999999999999999, "9223372036854775807": 9223372036854775807} {
		in, err := scanPutLogEvents([]byte(`{"logGroupName":"g","logStreamName":"s","logEvents":[{"message":"a","timestamp":` + text + `}]}`))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := in.Scanned[0].Timestamp; got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	line := `{\"time\":\"2026-11-21T12:00:00Z\",\"level\":\"INFO\",\"msg\":\"request served\",\"path\":\"/api/v1/items/42\",\"ms\":12}`
	for _, c := range []struct{ name, message string }{
		{"plain200", strings.Repeat("2026-11-21 12:00:00 INFO served /a/b in 12 ms. ", 5)[:200]},
		{"json", line},
		{"plain10k", strings.Repeat("2026-11-21 12:00:00 INFO served /a/b in 12 ms. ", 300)[:10_000]},
		{"utf8", strings.Repeat("Übergrößenträger ", 12)},
	} {
		b.Run(c.name, func(b *testing.B) {
			event := `{"timestamp":1700000000000,"message":"` + c.message + `"},`
			n := min(maxEvents, (maxCallSize-1000)/(len(c.message)+eventOverhead))
			body := []byte(`{"logGroupName":"g","logStreamName":"s","logEvents":[` + strings.TrimSuffix(strings.Repeat(event, n), ",") + `]}`)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := scanPutLogEvents(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
