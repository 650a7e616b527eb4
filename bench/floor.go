package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
)

// floorTime is the CPU time that measuring a floor takes.
const floorTime = 300 * time.Millisecond

// cost is the CPU time of one piece of work in this process.
func cost(work func() error) (time.Duration, error) {
	began, n := used(), 0
	for used()-began < floorTime {
		if err := work(); err != nil {
			return 0, err
		}
		n++
	}
	return (used() - began) / time.Duration(n), nil
}

// deliveryFloor is the CPU time that it takes to do to the body of a PutLogEvents what
// no implementation can leave out: hash it, scan it once, compress it once.
func deliveryFloor(body json.RawMessage) (time.Duration, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return 0, err
	}
	return cost(func() error {
		if err := hashAndScan(body); err != nil {
			return err
		}
		out.Reset()
		w.Reset(&out)
		_, _ = w.Write(body) // into memory
		return w.Close()
	})
}

// putFloor is the CPU time that a PutRecords of a full batch costs whoever implements
// it: hash the body, scan it, decode its base64, and append the records to a file with
// fsync.
func putFloor(body json.RawMessage, dir string) (each time.Duration, err error) {
	f, err := os.Create(filepath.Join(dir, "floor"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text := []byte(base64.StdEncoding.EncodeToString(make([]byte, smallRecord)))
	records := make([]byte, fullBatch*smallRecord)
	return cost(func() error {
		if err := hashAndScan(body); err != nil {
			return err
		}
		for i := range fullBatch {
			if _, err := base64.StdEncoding.Decode(records[i*smallRecord:], text); err != nil {
				return err
			}
		}
		if _, err := f.Write(records); err != nil {
			return err
		}
		return f.Sync()
	})
}

// getFloor is the CPU time of encoding 1 MB in base64 and writing it to a file.
func getFloor() (each time.Duration, err error) {
	data := make([]byte, 1e6)
	var text bytes.Buffer
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, null.Close()) }()
	return cost(func() error {
		text.Reset()
		enc := base64.NewEncoder(base64.StdEncoding, &text)
		_, _ = enc.Write(data) // into memory
		_ = enc.Close()
		_, err := io.Copy(null, &text)
		return err
	})
}

// used is the CPU time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic("bench: " + err.Error()) // the arguments are right
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func hashAndScan(body []byte) error {
	_ = sha256.Sum256(body)
	if !scan(body) {
		return errors.New("the body is not JSON")
	}
	return nil
}

// scan goes over JSON once as the plainest scanner does: it tells strings from the
// rest, steps over escapes, refuses control bytes in strings, and counts brackets.
func scan(body []byte) bool {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] < ' ' {
					return false
				}
				if body[i] == '\\' {
					i++
				}
			}
		}
	}
	return depth == 0
}

// plainAppends is what the plainest server gives writers that append a body each over
// HTTP: net/http as it is, the body hashed and scanned, no signature, and if synced one
// write and one fsync of one file for each; otherwise nothing is kept. It runs in this
// process.
func plainAppends(dir string, writers int, length time.Duration, body json.RawMessage, synced bool) (l load, err error) {
	f, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		return load{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var mu sync.Mutex // guards f
	keep := func(body []byte) error {
		mu.Lock()
		defer mu.Unlock()
		if _, err := f.Write(body); err != nil {
			return err
		}
		return f.Sync()
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return load{}, err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = hashAndScan(body)
		}
		if err == nil && synced {
			err = keep(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer func() { err = errors.Join(err, server.Close()) }()
	serving.Go(func() { _ = server.Serve(ln) }) // until Close
	connections := &http.Transport{MaxIdleConnsPerHost: writers}
	defer connections.CloseIdleConnections()
	c := &http.Client{Transport: connections}
	return hammer(writers, length, func(int, int) error {
		answer, err := c.Post("http://"+ln.Addr().String(), "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if err == nil && answer.StatusCode != http.StatusOK {
			err = errors.New("the plain server: " + answer.Status)
		}
		return errors.Join(err, answer.Body.Close())
	})
}

// plainTime is how long the plain server is asked for the time of one append.
const plainTime = time.Second
