package kinesis

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"tributary/internal/service/api"
)

func TestScannerTakesWhatClientsSend(t *testing.T) {
	longest := strings.Repeat("k", maxPartitionKey)
	for _, c := range []struct {
		body string
		want PutRecordsInput
	}{
		{
			`{"Records":[{"Data":"aGVsbG8=","PartitionKey":"a"}],"StreamName":"s"}`,
			PutRecordsInput{StreamName: "s", Records: []PutRecordsRequestEntry{{Data: []byte("hello"), PartitionKey: "a"}}},
		},
		{
			" {\"StreamARN\" : \"arn:aws:kinesis:us-east-1:111111111111:stream/s\",\n\t\"Records\":[ {\"PartitionKey\":\"" + longest + "\",\"Data\":\"\",\"ExplicitHashKey\":\"0\"} ,\r\n {\"Data\":\"AA==\"}]} ",
			PutRecordsInput{StreamARN: "arn:aws:kinesis:us-east-1:111111111111:stream/s", Records: []PutRecordsRequestEntry{
				{Data: []byte{}, PartitionKey: longest, ExplicitHashKey: "0"}, {Data: []byte{0}},
			}},
		},
	} {
		got, err := scanPutRecords([]byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.body, diff)
		}
	}
}

// TestScannerLeavesEveryOtherBody has one thing in each body that must not be taken here.
func TestScannerLeavesEveryOtherBody(t *testing.T) {
	record := func(members string) string { return `{"StreamName":"s","Records":[{` + members + `}]}` }
	for _, body := range []string{
		``, `null`, `[]`, `{}`, `{"StreamName":"s"}`, `{"StreamName":"s","Records":[]}`, `{"StreamName":"s","Records":null}`,
		record(``), record(`"PartitionKey":"a"`), record(`"Data":null`), record(`"Data":5`),
		record(`"Data":"AA==","Data":"AA=="`), record(`"Data":"AAA"`), record(`"Data":"A\/=="`),
		record("\"Data\":\"AAAA\r\n\r\n\""), record("\"Data\":\"AA\r\n==\""),
		record(`"Data":"","PartitionKey":""`), record(`"Data":"","PartitionKey":"\u0041"`), record(`"Data":"","PartitionKey":"é"`),
		record(`"Data":"","PartitionKey":"` + strings.Repeat("k", 257) + `"`), record("\"Data\":\"\",\"PartitionKey\":\"\x01\""),
		record(`"Data":"","ExplicitHashKey":""`), record(`"Data":"","ExplicitHashKey":"01"`), record(`"Data":"","ExplicitHashKey":"-1"`),
		record(`"Data":"","ExplicitHashKey":"` + strings.Repeat("1", 40) + `"`),
		record(`"Data":"","Other":""`), record(`"Data":"",`), record(`"Data":""`) + `x`, record(`"Data":""`) + record(`"Data":""`),
		`{"StreamName":"s","StreamName":"s","Records":[{"Data":""}]}`, `{"StreamName":"a b","Records":[{"Data":""}]}`,
		`{"StreamARN":"s","Records":[{"Data":""}]}`, `{"DryRun":true,"StreamName":"s","Records":[{"Data":""}]}`,
		`{"Records":[{"Data":""},null]}`, `{"Records":[{"Data":""}],"Records":[{"Data":""}]}`,
		`{"Records":[{"Data":""}` + strings.Repeat(`,{"Data":""}`, 500) + `]}`,
		record(`"Data":"` + strings.Repeat("AAAA", 10_485_760/3+1) + `"`),
	} {
		if got, err := scanPutRecords([]byte(body)); got != nil || err != nil {
			t.Errorf("%.200s: got %+v, %v, want it left", body, got, err)
		}
	}
}

// general is how a body without a scanner is bound.
func general(t testing.TB, body []byte) (*PutRecordsInput, error) {
	tree, err := parsed(jsontext.NewDecoder(bytes.NewReader(body)))
	if err != nil {
		return nil, err
	}
	var got *PutRecordsInput
	dispatch := api.NewDispatcher(allowAll{}, api.Service{Name: "kinesis", Constraints: constraints, Operations: []api.Operation{
		api.Define("PutRecords", func(*api.Call, *PutRecordsInput) ([]api.Access, error) { return nil, nil },
			func(_ context.Context, _ *api.Call, in *PutRecordsInput) (*api.Void, error) {
				got = in
				return nil, nil
			}),
	}})
	op, _ := dispatch.Operation("kinesis", "PutRecords")
	_, err = dispatch.Do(t.Context(), op, &api.Call{Service: "kinesis", Caller: callerOf(alice)}, api.Input{Tree: tree})
	return got, err
}

// parsed is one JSON text as a tree.
func parsed(dec *jsontext.Decoder) (any, error) {
	v, err := tree(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("behind the first value: %w", err)
	}
	return v, nil
}

func tree(dec *jsontext.Decoder) (any, error) {
	tok, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return tok.Bool(), nil
	case '"':
		return tok.String(), nil
	case '0':
		return api.Number(tok.String()), nil
	case '[':
		items := []any{}
		for dec.PeekKind() != ']' {
			item, err := tree(dec)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		_, err := dec.ReadToken()
		return items, err
	}
	members := in{}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String() // before the next token is read
		if members[key], err = tree(dec); err != nil {
			return nil, err
		}
	}
	_, err = dec.ReadToken()
	return members, err
}

// FuzzScanPutRecords: what the scanner takes, the general way takes and reads the same.
func FuzzScanPutRecords(f *testing.F) {
	for _, seed := range []string{
		`{"Records":[{"Data":"aGVsbG8=","PartitionKey":"a"},{"Data":"","ExplicitHashKey":"17"}],"StreamName":"s"}`,
		`{"StreamARN":"arn:aws:kinesis:us-east-1:111111111111:stream/s","Records":[{"Data":"AA==","PartitionKey":"~"}]}`,
		"{ \"Records\" :\n[\t{ \"Data\" : \"AAAA\r\n\" } ] }", `{"Records":[{"Data":"\/\/\/\/","PartitionKey":"\\"}]}`, `{"Records":[{}],"StreamName":"a..b"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := scanPutRecords(body)
		if err != nil {
			t.Fatalf("%q: got error %v, want the body taken or left", body, err)
		}
		if got == nil {
			return
		}
		want, err := general(t, body)
		if err != nil {
			t.Fatalf("the scanner took %q, which is refused: %v", body, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-general +scanned):\n%s", body, diff)
		}
	})
}

func BenchmarkScanPutRecords(b *testing.B) {
	record := `{"PartitionKey":"key-123","Data":"` + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 1000)) + `"},`
	body := []byte(`{"StreamName":"s","Records":[` + strings.TrimSuffix(strings.Repeat(record, maxPutRecords), ",") + `]}`)
	b.Run("scanned", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if in, err := scanPutRecords(body); in == nil || err != nil {
				b.Fatal(in, err)
			}
		}
	})
	b.Run("general", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := general(b, body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
