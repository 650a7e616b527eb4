package kinesis

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRecordKeepsKeyAndData(t *testing.T) {
	for _, c := range []struct {
		key  string
		data []byte
	}{
		{"k", []byte("data")},
		{"", []byte("without a key")},
		{"key without data", nil},
		{strings.Repeat("\U0010ffff", 256), bytes.Repeat([]byte{0}, 1000)},
	} {
		e := (&stream{}).newEntries(2, 2*(len(c.key)+len(c.data)))
		room := cap(e.buf)
		e.add(c.key, c.data)
		e.add(c.key, c.data)
		if cap(e.buf) != room {
			t.Errorf("two entries of %d bytes outgrew the room of %d", len(e.list[0]), room)
		}
		for i, entry := range e.list {
			got, err := decodeRecord(entry)
			if err != nil || got.PartitionKey != c.key || !bytes.Equal(got.Data, c.data) || got.EncryptionType != "" {
				t.Errorf("entry %d: decodeRecord = %q, %v, want %q, %q", i, got, err, c.key, c.data)
			}
		}
	}
}

func TestForeignEntryIsNoRecord(t *testing.T) {
	for name, entry := range map[string][]byte{
		"empty":              {},
		"only a version":     {recordVersion},
		"newer version":      {recordVersionKMS + 1, 0},
		"key beyond the end": {recordVersion, 5, 'k'},
		"length never ends":  {recordVersion, 0x80, 0x80},
		"length of 70 bits":  append([]byte{recordVersion}, bytes.Repeat([]byte{0xff}, 12)...),
	} {
		if got, err := decodeRecord(entry); !errors.Is(err, errRecordFormat) {
			t.Errorf("%s: decodeRecord = %q, %v, want %v", name, got, err, errRecordFormat)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(appendRecord(nil, recordVersion, "key", []byte("data")))
	f.Add(appendRecord(nil, recordVersionKMS, "", nil))
	f.Add([]byte{recordVersion, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, entry []byte) {
		got, err := decodeRecord(entry)
		if err != nil {
			return
		}
		again, err := decodeRecord(appendRecord(nil, entry[0], got.PartitionKey, got.Data))
		if err != nil || !cmp.Equal(again, got) {
			t.Errorf("%x: read %q; written and read again %q, %v", entry, got, again, err)
		}
	})
}
