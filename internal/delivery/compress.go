package delivery

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/flate"
)

// Two levels: the fast one for every record, the best one for a record that
// would not fit otherwise.
const (
	fast = flate.BestSpeed
	best = flate.BestCompression
)

// gzipHeader is the header that captured records have: no time, no extra flags,
// operating system 0. A gzip writer would name the level and the system.
var gzipHeader = [10]byte{0x1f, 0x8b, 8}

// A compressor makes gzip members. It keeps its buffers and writers for reuse and may be used
// by many goroutines.
type compressor struct{ plain, out, fast, best sync.Pool }

// gzip returns plain as one gzip member. The memory is the caller's.
func (c *compressor) gzip(plain []byte, level int) ([]byte, error) {
	pool := &c.fast
	if level == best {
		pool = &c.best
	}
	out, ok := c.out.Get().(*bytes.Buffer)
	if !ok {
		out = &bytes.Buffer{}
	}
	defer c.out.Put(out)
	out.Reset()
	out.Write(gzipHeader[:])
	w, ok := pool.Get().(*flate.Writer)
	if ok {
		w.Reset(out)
	} else {
		var err error
		if w, err = flate.NewWriter(out, level); err != nil {
			return nil, fmt.Errorf("compress record: %w", err)
		}
	}
	defer pool.Put(w)
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("compress record: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress record: %w", err)
	}
	b := out.AvailableBuffer()
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(plain))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(plain)))
	out.Write(b)
	return bytes.Clone(out.Bytes()), nil
}
