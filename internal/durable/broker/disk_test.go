package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// child is what the test binary does when a test starts it again under strace.
func child(role, dir string) int {
	cfg := Config{Dir: dir, Log: slog.New(slog.DiscardHandler), noSync: role == "nosync"}
	if role == "late" {
		cfg.patience = 100 * time.Millisecond
	}
	b, err := Open(context.Background(), cfg)
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	s, err := b.Create(context.Background(), StreamConfig{Name: "S", Subjects: []string{"S.>"}})
	if err != nil {
		fmt.Println("create:", err)
		return 1
	}
	if role == "late" {
		return late(b, s)
	}
	limit := 50
	if role == "diskerror" {
		limit = 10_000 // until the error comes
	}
	for n := range limit {
		begin := time.Now()
		if _, err := s.Publish("S.a", []byte("entry")); err != nil {
			fmt.Printf("refused %d in %v: %v\n", n+1, time.Since(begin) < time.Second, err)
			break
		}
		fmt.Printf("stored %d\n", n+1)
	}
	if role == "diskerror" {
		_, err := s.Publish("S.a", []byte("entry"))
		fmt.Printf("unavailable again: %v, health: %v\n", errors.Is(err, ErrUnavailable), errors.Is(b.Health(), ErrUnavailable))
	}
	return 0
}

// late publishes a message whose fsync takes longer than Publish waits.
func late(b *Broker, s Stream) int {
	_, err := s.Publish("S.a", []byte("late"))
	fmt.Println("unknown:", errors.Is(err, ErrUnknownOutcome))
	for s.Barrier("S.a") != nil {
		fmt.Println("barrier waits")
	}
	state, err := s.State(context.Background())
	fmt.Printf("behind the barrier: %+v %v\n", state, err)
	fmt.Println("closed:", b.Close(context.Background()))
	return 0
}

// trace runs the child under strace and returns what it printed and the trace.
func trace(t *testing.T, role, dir string, args ...string) (output, calls string) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace")
	}
	file := filepath.Join(t.TempDir(), "trace")
	args = append([]string{"-f", "-qq", "-y", "-o", file}, append(args, os.Args[0])...)
	cmd := exec.CommandContext(t.Context(), strace, args...)
	cmd.Env = append(os.Environ(), "BROKER_TEST_CHILD="+role, "BROKER_TEST_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "ptrace") {
			t.Skipf("strace may not trace here: %s", out)
		}
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(out), string(text)
}

// unsyncedAcks counts the acknowledgements that the child printed without an fsync
// of the stream's file between the one before and this one.
func unsyncedAcks(t *testing.T, calls string) (acks, unsynced int) {
	t.Helper()
	fsync := regexp.MustCompile(`f(data)?sync\(.*\.blk>|<\.\.\. f(data)?sync resumed`)
	synced := false
	for line := range strings.Lines(calls) {
		switch {
		case fsync.MatchString(line):
			synced = true
		case strings.Contains(line, `"stored `):
			acks++
			if !synced {
				unsynced++
			}
			synced = false
		}
	}
	return acks, unsynced
}

func TestAcknowledgementsComeAfterFsync(t *testing.T) {
	_, calls := trace(t, "sync", t.TempDir(), "-e", "trace=fsync,fdatasync,write")
	if acks, unsynced := unsyncedAcks(t, calls); acks != 50 || unsynced != 0 {
		t.Errorf("%d acknowledgements, %d without fsync; want 50 and 0", acks, unsynced)
	}
	// The same test must notice an engine that does not sync.
	_, calls = trace(t, "nosync", t.TempDir(), "-e", "trace=fsync,fdatasync,write")
	if acks, unsynced := unsyncedAcks(t, calls); acks != 50 || unsynced < 40 {
		t.Errorf("without SyncAlways: %d acknowledgements, %d without fsync; want 50 and nearly as many", acks, unsynced)
	}
}

func TestBarrierWaitsForWhatPublishGaveUp(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "jetstream", "$G", "streams", "S", "msgs", "1.blk")
	out, calls := trace(t, "late", dir, "-P", file, "-e", "trace=fsync", "-e", "inject=fsync:delay_enter=700000")
	if !strings.Contains(calls, "(DELAYED)") {
		t.Fatalf("no fsync was delayed:\n%s", calls)
	}
	for _, want := range []string{"unknown: true", "barrier waits", "behind the barrier: {First:1 Last:1 Messages:1 Missing:0} <nil>", "closed: <nil>"} {
		if !strings.Contains(out, want) {
			t.Errorf("got no line %q in:\n%s", want, out)
		}
	}
}

func TestDiskErrorStopsWritesUntilRestart(t *testing.T) {
	dir := t.TempDir()
	// strace counts the calls of each thread: the error comes with the 40th of one.
	out, _ := trace(t, "diskerror", dir, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=40+")
	stored := strings.Count(out, "stored ")
	if stored == 0 || stored == 10_000 {
		t.Fatalf("%d messages stored, want some and then an error:\n%s", stored, out)
	}
	for _, want := range []string{
		fmt.Sprintf("refused %d in true: publish to S: %v", stored+1, ErrUnknownOutcome),
		"unavailable again: true, health: true",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("missing %q in:\n%s", want, out)
		}
	}
	state, err := open(t, Config{Dir: dir}).Stream("S").State(t.Context())
	if err != nil || state.Last < uint64(stored) {
		t.Errorf("after restart: %+v, %v, want at least %d messages", state, err, stored)
	}
}

// smallDisk mounts a file system of size bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skip("needs the right to mount:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill publishes until that fails, and returns how many messages were stored.
func fill(t *testing.T, s Stream) (stored int, err error) {
	t.Helper()
	for range 10_000 {
		if _, err := s.Publish("S.a", make([]byte, 16<<10)); err != nil {
			return stored, err
		}
		stored++
	}
	t.Fatal("disk does not get full")
	return 0, nil
}

func TestNearlyFullDiskRefusesWritesAndKeepsReading(t *testing.T) {
	dir := smallDisk(t, 8<<20)
	filler := filepath.Join(dir, "lost+found") // a name that Open allows
	write(t, filler, strings.Repeat("x", 4<<20))
	b := open(t, Config{Dir: dir})
	s := create(t, b, "S")
	stored, err := fill(t, s)
	if !errors.Is(err, ErrNoSpace) || !errors.Is(b.Health(), ErrNoSpace) {
		t.Fatalf("Publish = %v, Health = %v, want ErrNoSpace", err, b.Health())
	}
	if _, err := s.Get(t.Context(), uint64(stored)); err != nil {
		t.Errorf("Get with a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if seq, err := s.Publish("S.a", nil, IfLast(uint64(stored))); err != nil || b.Health() != nil {
		t.Errorf("with space again: Publish = %d, %v, Health = %v", seq, err, b.Health())
	}
}

func TestFullDiskHealsWithoutRestart(t *testing.T) {
	dir := smallDisk(t, 8<<20)
	filler := filepath.Join(dir, "lost+found")
	write(t, filler, strings.Repeat("x", 4<<20))
	// The broker is told that there is space until the engine has met the end.
	var honest atomic.Bool
	healed := make(chan struct{})
	b := open(t, Config{
		Dir: dir,
		freeBytes: func(dir string) (free, total uint64, err error) {
			if honest.Load() {
				return freeBytes(dir)
			}
			return 1 << 30, 1 << 30, nil
		},
		healed: func() { close(healed) },
	})
	s := create(t, b, "S")
	begin := time.Now()
	stored, err := fill(t, s)
	honest.Store(true)
	if !errors.Is(err, ErrUnknownOutcome) || time.Since(begin) > publishTimeout/2 {
		t.Fatalf("Publish to a full disk = %v after %v, want ErrUnknownOutcome at once", err, time.Since(begin))
	}
	if _, err := s.Publish("S.a", nil); !errors.Is(err, ErrNoSpace) || !errors.Is(b.Health(), ErrNoSpace) {
		t.Fatalf("next Publish = %v, Health = %v, want ErrNoSpace", err, b.Health())
	}
	if _, err := s.Get(t.Context(), uint64(stored)); err != nil {
		t.Errorf("Get with a full disk: %v", err)
	}

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	<-healed
	state, err := s.State(t.Context())
	if err != nil || state.Last < uint64(stored) || state.Missing != 0 {
		t.Fatalf("with space again: %+v, %v, want at least the %d stored messages", state, err, stored)
	}
	if seq, err := s.Publish("S.a", nil, IfLast(state.Last)); err != nil || b.Health() != nil {
		t.Errorf("with space again: Publish = %d, %v, Health = %v", seq, err, b.Health())
	}
}
