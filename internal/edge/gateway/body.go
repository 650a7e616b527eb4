package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// maxWait is how long a large body waits for room before its client is asked to
// come again.
const maxWait = 10 * time.Second

// A body is the bytes of one request.
type body struct {
	from *buffers
	buf  *[]byte
	hash [sha256.Size]byte // of the bytes as received
	// held is what there is for the request: the body, its tree and its answer, but for
	// what of these is small. nil for a body that is only looked at.
	held *hold
}

func (b *body) bytes() []byte { return *b.buf }
func (b *body) len() int      { return len(*b.buf) }

// memory is what of held is for the body as it is.
func (b *body) memory() int64 { return charge(cap(*b.buf)) }

// charge is what a buffer of this capacity is counted as.
func charge(capacity int) int64 {
	if capacity <= smallBody+1 {
		return 0
	}
	return int64(capacity)
}

// release gives back what the body holds. reuse says that nobody refers to the
// bytes any more; without it they are left to the garbage collector.
func (b *body) release(reuse bool) {
	if b.held != nil {
		b.held.release()
	}
	if reuse {
		b.from.put(b.buf)
	}
	b.buf = nil
}

// readBody reads and hashes the body. account is that of the key which the
// request names, whose share a body that is not small comes out of.
func (x *exchange) readBody(account arn.AccountID) (*body, error) {
	b := &body{from: &x.buffers, held: x.held.none(account)}
	size := x.r.ContentLength
	if size < 0 {
		size = largeBuffer - 1 // to begin with
	}
	if size > smallBody {
		ctx, cancel := context.WithTimeout(x.r.Context(), maxWait)
		defer cancel()
		if !b.held.wait(ctx, x.reserveFor(size)) {
			return nil, x.busy()
		}
	}
	b.buf = x.buffers.get(int(min(size+1, largeBuffer))) // one more, to see the end without growing
	if err := x.fill(b); err != nil {
		b.release(true)
		return nil, err
	}
	return b, nil
}

// reserveFor is what a body of this size takes: its buffer, and as much as itself for
// its texts, unless its operation reads it where it is.
func (x *exchange) reserveFor(size int64) int64 {
	reserve := int64(capacityFor(int(size) + 1))
	if x.operation == nil || !x.operation.Scans() || x.codec == &inCBOR {
		reserve += size
	}
	return min(reserve, x.held.share)
}

func (x *exchange) fill(b *body) error {
	hash := sha256.New()
	for {
		if len(*b.buf) == cap(*b.buf) {
			if err := x.grow(b); err != nil {
				return err
			}
		}
		at := len(*b.buf)
		n, err := x.r.Body.Read((*b.buf)[at:cap(*b.buf)])
		*b.buf = (*b.buf)[:at+n]
		_, _ = hash.Write((*b.buf)[at:]) // never fails
		if int64(len(*b.buf)) > x.config.MaxBody {
			return x.tooLarge()
		}
		if errors.Is(err, io.EOF) {
			hash.Sum(b.hash[:0])
			return nil
		}
		if err != nil { // the client went away, was too slow, or framed the body wrongly
			x.w.Header().Set("Connection", "close") // what follows on it is not to be trusted
			return x.refuse(malformedInput, "The body of the request could not be read.")
		}
	}
}

// grow makes the buffer of a body larger. What is announced, of which net/http gives no
// more, is reserved already, but clients may announce much and send little: the memory is
// taken as the bytes come, in steps so large that few of them are copied.
func (x *exchange) grow(b *body) error {
	has := cap(*b.buf)
	if size := x.r.ContentLength; size >= 0 {
		b.buf = x.buffers.grow(b.buf, min(4*has, int(size)+1))
		return nil
	}
	if !b.held.extend(int64(has)) {
		return x.busy()
	}
	b.buf = x.buffers.grow(b.buf, min(2*has, int(x.config.MaxBody)+1))
	return nil
}

// readSmall reads a body of at most smallBody bytes from anybody.
func (x *exchange) readSmall() (*body, error) {
	b := &body{from: &x.buffers, buf: x.buffers.get(smallBody + 1)}
	n, err := io.ReadFull(x.r.Body, (*b.buf)[:smallBody+1])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		*b.buf = (*b.buf)[:n]
		return b, nil
	}
	b.release(true)
	if err == nil {
		return nil, errors.New("not a small body")
	}
	x.w.Header().Set("Connection", "close")
	return nil, err
}

// plain reports whether the body is not compressed.
func (x *exchange) plain() bool { return x.r.Header.Get("Content-Encoding") != "gzip" }

// expand replaces a gzip body by what it holds. The limit is checked while
// expanding, so that a bomb costs no more than the largest good body.
func (x *exchange) expand(b *body) error {
	if x.plain() {
		return nil
	}
	zr := x.buffers.gzipReader()
	defer x.buffers.gzip.Put(zr)
	if err := zr.Reset(bytes.NewReader(b.bytes())); err != nil {
		return x.refuse(malformedInput, "The body is not gzip.")
	}
	if !b.held.extend(largeBuffer) {
		return x.busy()
	}
	out := x.buffers.get(largeBuffer)
	err := x.inflate(&out, zr, b.held)
	if err != nil {
		x.buffers.put(out)
		return err
	}
	x.buffers.put(b.buf)
	b.buf = out
	return nil
}

// inflate reads all of zr into out, holding what it needs beyond the first
// largeBuffer bytes.
func (x *exchange) inflate(out **[]byte, zr io.Reader, held *hold) error {
	for {
		buf := *out
		if len(*buf) == cap(*buf) {
			if !held.extend(int64(cap(*buf))) {
				return x.busy()
			}
			buf = x.buffers.grow(buf, min(2*cap(*buf), int(x.config.MaxExpandedBody)+1))
			*out = buf
		}
		n, err := zr.Read((*buf)[len(*buf):cap(*buf)])
		*buf = (*buf)[:len(*buf)+n]
		if int64(len(*buf)) > x.config.MaxExpandedBody {
			return x.tooLarge()
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return x.refuse(malformedInput, fmt.Sprintf("The body is not gzip: %v.", err))
		}
	}
}

func (x *exchange) tooLarge() error {
	if x.protocol == api.Query {
		return api.RefuseStatus(413, "RequestEntityTooLarge", "Request is too large")
	}
	return api.RefuseStatus(413, "RequestEntityTooLargeException", "Request is too large")
}

// busy asks the client to come again, which SDKs do by themselves.
func (x *exchange) busy() error {
	x.hurried = true
	if x.protocol == api.Query {
		return api.RefuseStatus(503, "ServiceUnavailable", "Too many large requests and answers at a time")
	}
	return api.RefuseStatus(503, "ServiceUnavailableException", "Too many large requests and answers at a time")
}
