package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A load is calls that were made for a time.
type load struct {
	calls int64
	wall  time.Duration
	took  []time.Duration // by each call, ascending
}

func (l *load) rate() float64 { return float64(l.calls) / l.wall.Seconds() }

// hammer lets so many writers make calls for a time, each the next one as soon as the
// one before has been answered. A call is told its writer and which of its calls it is.
func hammer(writers int, length time.Duration, call func(writer, n int) error) (load, error) {
	began := time.Now()
	return gather(writers, func(writer int, took func(time.Duration)) error {
		for n := 0; time.Since(began) < length; n++ {
			sent := time.Now()
			if err := call(writer, n); err != nil {
				return err
			}
			took(time.Since(sent))
		}
		return nil
	})
}

// pace makes so many calls a second for a time, whether or not those before have been
// answered, unless as many as there are writers are under way. The time of a call runs
// from when it was due.
func pace(writers int, rate float64, length time.Duration, call func(writer, n int) error) (load, error) {
	began := time.Now()
	var next atomic.Int64
	return gather(writers, func(writer int, took func(time.Duration)) error {
		for n := 0; ; n++ {
			due := time.Duration(float64(next.Add(1)-1) / rate * float64(time.Second))
			if due >= length {
				return nil
			}
			time.Sleep(due - time.Since(began))
			if err := call(writer, n); err != nil {
				return err
			}
			took(time.Since(began) - due)
		}
	})
}

// gather runs writers and adds up what they took. Of their errors it returns one.
func gather(writers int, write func(writer int, took func(time.Duration)) error) (load, error) {
	took, errs := make([][]time.Duration, writers), make([]error, writers)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs[i] = write(i, func(d time.Duration) { took[i] = append(took[i], d) }) })
	}
	wg.Wait()
	l := load{wall: time.Since(began), took: slices.Concat(took...)}
	l.calls = int64(len(l.took))
	slices.Sort(l.took)
	return l, cmp.Or(errs...)
}

// inParallel does n pieces of work, so many at a time, until one of them fails, and
// returns the error of one.
func inParallel(workers, n int, work func(i int) error) error {
	var next atomic.Int64
	var failed atomic.Bool
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && !failed.Load(); i = int(next.Add(1)) - 1 {
				if errs[w] = work(i); errs[w] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	return cmp.Or(errs...)
}

// put makes a PutLogEvents of the sender.
func (c *child) put(ctx context.Context, body json.RawMessage) error {
	return c.logs(ctx, sender, "PutLogEvents", body, nil)
}

type logEvent struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// putBody is the input of a PutLogEvents.
func putBody(group, stream string, messages []string) json.RawMessage {
	events := make([]logEvent, len(messages))
	for i, m := range messages {
		events[i] = logEvent{time.Now().UnixMilli(), m}
	}
	body, err := json.Marshal(map[string]any{"logGroupName": group, "logStreamName": stream, "logEvents": events})
	if err != nil {
		panic("bench: " + err.Error()) // strings and numbers have a JSON form
	}
	return body
}

// bodies are inputs with the same messages for log streams 0 to n-1 of a group.
func bodies(group string, n int, messages []string) []json.RawMessage {
	all := make([]json.RawMessage, n)
	for i := range all {
		all[i] = putBody(group, streamName(i), messages)
	}
	return all
}

// oneEvent is one message as most are.
func (s *settings) oneEvent() []string { return s.lines[:1] }

// full is messages that fill a PutLogEvents, and their bytes in MB.
func (s *settings) full() (messages []string, mb float64) {
	const size = 1_000_000 // as AWS counts, with 26 bytes for each event
	bytes := 0
	for i := 0; len(messages) < 10_000; i++ {
		line := s.lines[i%len(s.lines)]
		if len(messages) > 0 && bytes+len(line)+26*(len(messages)+1) > size {
			break
		}
		messages = append(messages, line)
		bytes += len(line)
	}
	return messages, float64(bytes) / 1e6
}

// readLines reads the input file, or makes lines like those of a web server.
func readLines(name string) ([]string, error) {
	var lines []string
	if name == "" {
		for i := range 5000 {
			lines = append(lines, fmt.Sprintf(`10.0.%d.%d - - "GET /item/%d?session=%x HTTP/1.1" %d %d "Mozilla/5.0"`, i%256, i*7%256, i*31, i*2654435761, 200+i%5*100, i*97%100000))
		}
		return lines, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	s := bufio.NewScanner(f)
	for s.Scan() {
		if line := strings.ToValidUTF8(s.Text(), "?"); line != "" {
			lines = append(lines, line)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s has no lines", name)
	}
	return lines, nil
}
