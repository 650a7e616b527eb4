package soak_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The attackers are a process of their own, which gets what processor time the server
// and the good clients leave: elsewhere they would have machines of their own.

// A target is what the attackers are told, as JSON in the file that targetFile names.
type target struct {
	Addr      string
	Consumers []string // ARNs of consumers of the stream, for subscriptions
	Result    string   // file for what they saw
}

const targetFile = "RIG_TARGET"

// Sightings are what the attackers saw.
type sightings struct {
	// Outcomes says how each attack ended, and how often.
	Outcomes map[string]map[string]int
	// SlowestHead is the longest that a slow head was let live.
	SlowestHead time.Duration
}

// A notebook gathers sightings.
type notebook struct {
	mu   sync.Mutex // guards seen
	seen sightings
}

func (n *notebook) outcome(attack, outcome string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen.Outcomes == nil {
		n.seen.Outcomes = map[string]map[string]int{}
	}
	if n.seen.Outcomes[attack] == nil {
		n.seen.Outcomes[attack] = map[string]int{}
	}
	n.seen.Outcomes[attack][outcome]++
}

func (n *notebook) slowHead(took time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen.SlowestHead = max(n.seen.SlowestHead, took)
}

// attackers are a running process.
type attackers struct {
	cmd    *exec.Cmd
	stdin  io.Closer // they end with it
	result string
}

// attack starts the attackers.
func (r *rig) attack(at target) *attackers {
	r.Helper()
	dir := r.TempDir()
	at.Result = filepath.Join(dir, "result")
	text, err := json.Marshal(at)
	file := filepath.Join(dir, "target")
	if err := errors.Join(err, os.WriteFile(file, text, 0o600)); err != nil {
		r.Fatal(err)
	}
	a := &attackers{cmd: exec.Command("nice", "-n", "19", os.Args[0], "-test.run=^TestAttackers$", "-test.timeout=0"), result: at.Result}
	a.cmd.Env = append(os.Environ(), targetFile+"="+file)
	a.cmd.Stdout, a.cmd.Stderr = os.Stderr, os.Stderr
	stdin, err := a.cmd.StdinPipe()
	if err := errors.Join(err, a.cmd.Start()); err != nil {
		r.Fatal(err)
	}
	a.stdin = stdin
	r.Cleanup(func() { _ = a.cmd.Process.Kill() }) // when it has not been told to end
	return a
}

// end ends the attackers and returns what they saw.
func (a *attackers) end() (seen sightings, err error) {
	if err := errors.Join(a.stdin.Close(), a.cmd.Wait()); err != nil {
		return seen, err
	}
	text, err := os.ReadFile(a.result)
	if err != nil {
		return seen, err
	}
	return seen, json.Unmarshal(text, &seen)
}

// TestAttackers is the other process.
func TestAttackers(t *testing.T) {
	file := os.Getenv(targetFile)
	if file == "" {
		t.Skip("these are the attackers of the rig hostile, which starts them")
	}
	text, err := os.ReadFile(file)
	var at target
	if err := errors.Join(err, json.Unmarshal(text, &at)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	var notes notebook
	for _, a := range attacks {
		for i := range a.clients {
			all.Go(func() {
				for ctx.Err() == nil {
					outcome := a.strike(ctx, at, &notes, i)
					if ctx.Err() != nil {
						return // it was we who hung up
					}
					notes.outcome(a.name, outcome)
					rest(ctx, a.pause)
				}
			})
		}
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	stop()
	all.Wait()
	text, e := json.Marshal(notes.seen)
	if err := errors.Join(err, e, os.WriteFile(at.Result, text, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// rest waits, but not beyond the end.
func rest(ctx context.Context, pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}
