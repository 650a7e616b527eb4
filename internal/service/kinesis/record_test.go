package kinesis

import (
	"bytes"
	"errors"
	"strings"
	"testing"
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
		e := newEntries(2, 2*(len(c.key)+len(c.data)))
		room := cap(e.buf)
		e.add(c.key, c.data)
		e.add(c.key, c.data)
		if cap(e.buf) != room {
			t.Errorf("two entries of %d bytes outgrew the room of %d", len(e.list[0]), room)
		}
		for i, entry := range e.list {
			key, data, err := decodeRecord(entry)
			if err != nil || key != c.key || !bytes.Equal(data, c.data) {
				t.Errorf("entry %d: decodeRecord = %q, %q, %v, want %q, %q", i, key, data, err, c.key, c.data)
			}
		}
	}
}

func TestForeignEntryIsNoRecord(t *testing.T) {
	for name, entry := range map[string][]byte{
		"empty":              {},
		"only a version":     {recordVersion},
		"newer version":      {recordVersion + 1, 0},
		"key beyond the end": {recordVersion, 5, 'k'},
		"length never ends":  {recordVersion, 0x80, 0x80},
		"length of 70 bits":  append([]byte{recordVersion}, bytes.Repeat([]byte{0xff}, 12)...),
	} {
		if key, data, err := decodeRecord(entry); !errors.Is(err, errRecordFormat) {
			t.Errorf("%s: decodeRecord = %q, %q, %v, want %v", name, key, data, err, errRecordFormat)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(appendRecord(nil, "key", []byte("data")))
	f.Add(appendRecord(nil, "", nil))
	f.Add([]byte{recordVersion, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, entry []byte) {
		key, data, err := decodeRecord(entry)
		if err != nil {
			return
		}
		again, dataAgain, err := decodeRecord(appendRecord(nil, key, data))
		if err != nil || again != key || !bytes.Equal(dataAgain, data) {
			t.Errorf("%x: read %q, %x; written and read again %q, %x, %v", entry, key, data, again, dataAgain, err)
		}
	})
}
