package soak_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A tracer is strace on a running server.
type tracer struct {
	cmd  *exec.Cmd
	file string
}

// attach lets strace watch a process, with further arguments that say what for.
func attach(t testing.TB, pid int, args ...string) *tracer {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		unable(t, "it needs strace; scripts/install-test-tools installs it")
	}
	file := filepath.Join(t.TempDir(), "trace")
	args = append([]string{"-f", "-yy", "-o", file, "-p", strconv.Itoa(pid)}, args...)
	tr := &tracer{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), strace, args...), file: file}
	messages, err := tr.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(messages)
	first, err := lines.ReadString('\n')
	if err != nil || !strings.Contains(first, "attached") {
		unable(t, "strace does not attach: %s %v", first, errors.Join(err, tr.cmd.Wait()))
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with strace
	return tr
}

// await waits until the trace has a text.
func (tr *tracer) await(t testing.TB, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		trace, err := os.ReadFile(tr.file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(trace), text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for %q in the trace", text)
		}
	}
}

// detach lets the process go and returns what strace has written.
func (tr *tracer) detach(t testing.TB) (trace string) {
	t.Helper()
	// It ends with the process that it watches, or with the signal.
	_ = tr.cmd.Process.Signal(syscall.SIGINT)
	_ = tr.cmd.Wait()
	text, err := os.ReadFile(tr.file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An ack is a request that was answered with status 200, and what it asked for.
type ack struct {
	marker string
	synced bool // before the answer, in a block file
}

// syscallLine takes a line of strace apart: thread, call, and the rest of the line
// from the file on. A call that another thread's line interrupts is in two lines.
var (
	syscallLine = regexp.MustCompile(`^(\d+) +(\w+)\(\d+<(.*)$`)
	resumedLine = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)$`)
	markerText  = regexp.MustCompile(`mark[0-9a-f]{24}`)
)

// proof follows the calls of a server in a trace: requests are read that hold
// markers, markers are written to block files, block files are synced, requests are
// answered. The order of lines is the order of what happened: strace holds a thread
// at the begin and at the end of a call until it has written the line.
type proof struct {
	open    map[string]started         // by thread: the call that is not finished
	asked   map[string]string          // by connection: the marker of the request
	written map[string]map[string]bool // by file: markers that are not synced
	syncing map[string][]string        // by thread: markers that its sync will cover
	synced  map[string]bool
	acks    []ack
}

// A started call has not returned yet.
type started struct{ call, file, text string }

func prove(trace string) []ack {
	p := &proof{
		open: map[string]started{}, asked: map[string]string{}, written: map[string]map[string]bool{},
		syncing: map[string][]string{}, synced: map[string]bool{},
	}
	for line := range strings.Lines(trace) {
		line = strings.TrimSuffix(line, "\n")
		if m := syscallLine.FindStringSubmatch(line); m != nil {
			file, text := fileOf(m[3])
			s := started{m[2], file, text}
			p.begins(m[1], s)
			if strings.HasSuffix(line, "<unfinished ...>") {
				p.open[m[1]] = s
			} else {
				p.ends(m[1], s, text)
			}
		} else if m := resumedLine.FindStringSubmatch(line); m != nil {
			if s, ok := p.open[m[1]]; ok && s.call == m[2] {
				delete(p.open, m[1])
				p.ends(m[1], s, m[3])
			}
		}
	}
	return p.acks
}

// fileOf splits "PATH>, rest" or "TCP:[a->b]>, rest".
func fileOf(text string) (file, rest string) {
	for _, end := range []string{">, ", ">) ", "> <unfinished"} {
		if i := strings.Index(text, end); i >= 0 && (rest == "" || i < len(file)) {
			file, rest = text[:i], text[i:]
		}
	}
	return file, rest
}

// begins takes note of a call that a thread makes.
func (p *proof) begins(thread string, s started) {
	switch s.call {
	case "fsync", "fdatasync":
		for marker := range p.written[s.file] {
			p.syncing[thread] = append(p.syncing[thread], marker)
		}
	case "write":
		// An answer counts as given from the moment that it is on its way.
		if marker := p.asked[s.file]; marker != "" && strings.Contains(s.text, `"HTTP/1.1 `) {
			if strings.Contains(s.text, `"HTTP/1.1 200 `) {
				p.acks = append(p.acks, ack{marker, p.synced[marker]})
			}
			delete(p.asked, s.file)
		}
	}
}

// ends takes note of a call that has returned.
func (p *proof) ends(thread string, s started, text string) {
	failed := strings.Contains(text, "= -1 ")
	switch s.call {
	case "fsync", "fdatasync":
		for _, marker := range p.syncing[thread] {
			if !failed {
				p.synced[marker] = true
				delete(p.written[s.file], marker)
			}
		}
		delete(p.syncing, thread)
	case "read":
		if marker := markerText.FindString(text); marker != "" && strings.HasPrefix(s.file, "TCP:") {
			p.asked[s.file] = marker
		}
	case "write", "pwrite64":
		if failed || !strings.HasSuffix(s.file, ".blk") {
			return
		}
		for _, marker := range markerText.FindAllString(s.text, -1) {
			if p.written[s.file] == nil {
				p.written[s.file] = map[string]bool{}
			}
			p.written[s.file][marker] = true
		}
	}
}

// unsynced counts the acknowledgements that no fsync had come before.
func unsynced(acks []ack) (n int) {
	for _, a := range acks {
		if !a.synced {
			n++
		}
	}
	return n
}

func (a ack) String() string { return fmt.Sprintf("%s synced %v", a.marker, a.synced) }
