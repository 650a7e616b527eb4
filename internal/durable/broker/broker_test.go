package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("BROKER_TEST_CHILD"); role != "" {
		os.Exit(child(role, os.Getenv("BROKER_TEST_DIR")))
	}
	os.Exit(m.Run())
}

// open opens a broker and closes it when the test ends.
func open(t *testing.T, cfg Config) *Broker {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	b, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// create makes a stream that stores the subjects NAME.>.
func create(t *testing.T, b *Broker, name string) Stream {
	t.Helper()
	s, err := b.Create(t.Context(), StreamConfig{Name: name, Subjects: []string{name + ".>"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMessagesSurviveClosing(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Config{Dir: dir})
	s := create(t, b, "S")
	want := bytes.Repeat([]byte("x"), 300_000)
	if seq, err := s.Publish("S.a", want); seq != 1 || err != nil {
		t.Fatalf("Publish = %d, %v, want 1", seq, err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	s = open(t, Config{Dir: dir}).Stream("S")
	got, err := s.Get(t.Context(), 1)
	if err != nil || got.Seq != 1 || got.Subject != "S.a" || !bytes.Equal(got.Data, want) {
		t.Errorf("Get(1) = number %d, subject %q, %d bytes, %v", got.Seq, got.Subject, len(got.Data), err)
	}
}

func TestLargestMessage(t *testing.T) {
	s := create(t, open(t, Config{Dir: t.TempDir()}), "S")
	want := make([]byte, MaxMessage)
	want[len(want)-1] = 7
	for n := range 2 {
		if _, err := s.Publish("S.a", want); err != nil {
			t.Fatalf("Publish %d: %v", n, err)
		}
	}
	got, err := s.Fetch(t.Context(), 1, 10, 128<<20)
	if err != nil || len(got) != 2 || !bytes.Equal(got[1].Data, want) {
		t.Fatalf("Fetch = %d messages, %v, want 2", len(got), err)
	}
	if _, err := s.Publish("S.a", make([]byte, MaxMessage+2<<20)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Publish of more than MaxMessage: %v", err)
	}
}

func TestPublishConditions(t *testing.T) {
	s := create(t, open(t, Config{Dir: t.TempDir()}), "S")
	for _, step := range []struct {
		name      string
		subject   string
		condition Condition
		want      uint64 // 0: ErrConflict
	}{
		{"first of the stream", "S.a", IfLast(0), 1},
		{"stream has grown", "S.a", IfLast(0), 0},
		{"after the last one", "S.b", IfLast(1), 2},
		{"subject is at 1", "S.a", IfLastOfSubject(1), 3},
		{"subject has moved to 3", "S.a", IfLastOfSubject(1), 0},
		{"subject is new", "S.c", IfLastOfSubject(0), 4},
		{"subject is not new", "S.c", IfLastOfSubject(0), 0},
	} {
		seq, err := s.Publish(step.subject, []byte("x"), step.condition)
		if seq != step.want || errors.Is(err, ErrConflict) != (step.want == 0) {
			t.Errorf("%s: Publish = %d, %v, want %d", step.name, seq, err, step.want)
		}
	}
}

func TestFetch(t *testing.T) {
	s := create(t, open(t, Config{Dir: t.TempDir()}), "S")
	for i := range 10 {
		if _, err := s.Publish("S.a", fmt.Appendf(nil, "%0100d", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Purge(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name                  string
		from                  uint64
		limit, maxBytes       int
		wantFirst, wantLength int
	}{
		{"all", 1, 100, 1 << 20, 3, 8},
		{"from the middle", 7, 100, 1 << 20, 7, 4},
		{"limit", 4, 2, 1 << 20, 4, 2},
		{"bytes", 4, 100, 150, 4, 2},
		{"the last", 10, 1, 1, 10, 1},
	} {
		got, err := s.Fetch(t.Context(), c.from, c.limit, c.maxBytes)
		if err != nil || len(got) != c.wantLength || got[0].Seq != uint64(c.wantFirst) {
			t.Errorf("%s: Fetch = %v, %v, want %d messages from %d", c.name, got, err, c.wantLength, c.wantFirst)
		}
	}
	if got, err := s.Fetch(t.Context(), 11, 1, 1); !errors.Is(err, ErrNoMessage) {
		t.Errorf("Fetch beyond the end = %v, %v, want ErrNoMessage", got, err)
	}
	want := State{First: 3, Last: 10, Messages: 8}
	if got, err := s.State(t.Context()); got != want || err != nil {
		t.Errorf("State = %+v, %v, want %+v", got, err, want)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	b := open(t, Config{Dir: t.TempDir()})
	s, none := create(t, b, "S"), b.Stream("NONE")
	ctx := t.Context()
	for _, c := range []struct {
		name string
		want error
		do   func() error
	}{
		{"get from no stream", ErrNoStream, func() error { _, err := none.Get(ctx, 1); return err }},
		{"fetch from no stream", ErrNoStream, func() error { _, err := none.Fetch(ctx, 1, 5, 5); return err }},
		{"state of no stream", ErrNoStream, func() error { _, err := none.State(ctx); return err }},
		{"publish to no stream", ErrNoStream, func() error { _, err := none.Publish("NONE.a", nil); return err }},
		{"get of no message", ErrNoMessage, func() error { _, err := s.Get(ctx, 1); return err }},
		{"last of no subject", ErrNoMessage, func() error { _, err := s.Last(ctx, "S.a"); return err }},
		{"create twice", ErrStreamExists, func() error {
			_, err := b.Create(ctx, StreamConfig{Name: "S", Subjects: []string{"S.>"}})
			return err
		}},
		{"remove no stream", nil, func() error { return none.Remove(ctx) }},
	} {
		if err := c.do(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// What a reader and a writer take of memory rests on it, also after a restart.
func TestFilesAreOfTheSizeThatIsCounted(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Config{Dir: dir})
	s := create(t, b, "S")
	fill := func() {
		for range 3 * MaxFile / (256 << 10) {
			if _, err := s.Publish("S.a", make([]byte, 256<<10)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill()
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Dir: dir}).Stream("S")
	fill()
	files, err := filepath.Glob(filepath.Join(s.dir(), "msgs", "*.blk"))
	if err != nil || len(files) < 6 {
		t.Fatalf("%q, %v, want 6 files at least", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Size() > MaxFile {
			t.Errorf("%s has %d bytes, %v, want %d at most", file, info.Size(), err, MaxFile)
		}
	}
	if _, err := s.Get(t.Context(), 1); err != nil {
		t.Errorf("the first message: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    error
		text    string
	}{
		{"a directory with somebody's files", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "thesis.txt"), "years of work")
		}, ErrForeign, "thesis.txt"},
		{"a marker of another release", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, markerName), "Tributary data directory, format 2.\n")
		}, ErrForeign, markerName},
		{"a directory that lost its marker", func(t *testing.T, dir string) {
			if err := open(t, Config{Dir: dir}).Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(dir, markerName)); err != nil {
				t.Fatal(err)
			}
		}, ErrForeign, "jetstream"},
		{"a directory that is open", func(t *testing.T, dir string) {
			open(t, Config{Dir: dir})
		}, ErrInUse, "another process"},
		{"a path that is a file", func(t *testing.T, dir string) {
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
			write(t, dir, "")
		}, ErrUnwritable, "not a directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			c.prepare(t, dir)
			_, err := Open(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open = %v, want %v with %q and the directory", err, c.want, c.text)
			}
		})
	}
}

func TestOpenAfterCrashInFirstStart(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, lockName), "")
	write(t, filepath.Join(dir, markerName+".new"), "Trib")
	open(t, Config{Dir: dir})
}

// TestCreateAfterCrashInCreate: the engine writes the description of a stream, then its
// checksum, and a crash can come between the two.
func TestCreateAfterCrashInCreate(t *testing.T) {
	for name, leave := range map[string]func(dir string) error{
		"no checksum":   func(dir string) error { return os.Remove(filepath.Join(dir, "meta.sum")) },
		"half of it":    func(dir string) error { return os.Truncate(filepath.Join(dir, "meta.sum"), 7) },
		"no directory":  os.RemoveAll,
		"half a record": func(dir string) error { return os.Truncate(filepath.Join(dir, "meta.inf"), 7) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			reopen := func(b *Broker) *Broker {
				if err := b.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				return open(t, Config{Dir: dir})
			}
			b := open(t, Config{Dir: dir})
			left := create(t, b, "S").dir()
			if err := b.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := leave(left); err != nil {
				t.Fatal(err)
			}
			b = open(t, Config{Dir: dir})
			if _, err := create(t, b, "S").Publish("S.a", []byte("x")); err != nil {
				t.Fatal(err)
			}
			b = reopen(b)
			if state, err := b.Stream("S").State(t.Context()); err != nil || state.Last != 1 {
				t.Fatalf("after the next start: %+v, %v, want one message", state, err)
			}
		})
	}
}

func TestUnreadableStream(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Config{Dir: dir})
	s := create(t, b, "S")
	if _, err := s.Publish("S.a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.dir(), "meta.sum")); err != nil {
		t.Fatal(err)
	}
	b = open(t, Config{Dir: dir})
	if _, err := b.Create(t.Context(), StreamConfig{Name: "S", Subjects: []string{"S.>"}}); !errors.Is(err, ErrUnreadable) {
		t.Fatalf("Create in the place of messages that cannot be read: %v, want %v", err, ErrUnreadable)
	}
	if err := b.Stream("S").Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Remove: %v, want nothing left", err)
	}
	create(t, b, "S")
}

func TestNobodyElseCanReadTheFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b := open(t, Config{Dir: dir})
	if _, err := create(t, b, "S").Publish("S.a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	m, err := b.OpenMarks("m")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if perm := info.Mode().Perm(); perm&0o077 != 0 {
			t.Errorf("%s has mode %o", path, perm)
		}
		files++
		return nil
	})
	if err != nil || files < 8 {
		t.Errorf("looked at %d files, %v", files, err)
	}
}

func TestListensOnNothing(t *testing.T) {
	before := listening(t)
	b := open(t, Config{Dir: t.TempDir()})
	if got := listening(t); len(got) != len(before) {
		t.Errorf("listening sockets of this process: %v before, %v after", before, got)
	}
	if addr := b.currentServer().Addr(); addr != nil {
		t.Errorf("engine listens on %v", addr)
	}
}

// listening returns this process's listening TCP sockets.
func listening(t *testing.T) (inodes []string) {
	t.Helper()
	own := make(map[string]bool)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc:", err)
	}
	for _, fd := range fds {
		if link, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(link, "socket:[") {
			own[strings.Trim(link, "socket:[]")] = true
		}
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 9 && f[3] == "0A" && own[f[9]] {
				inodes = append(inodes, f[9])
			}
		}
	}
	return inodes
}

func TestMarks(t *testing.T) {
	dir := t.TempDir()
	b := open(t, Config{Dir: dir})
	m, err := b.OpenMarks("m")
	if err != nil {
		t.Fatal(err)
	}
	for slot, text := range map[int]string{0: "zero", 3: strings.Repeat("3", MarkSize)} {
		if err := m.Write(slot, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(slot int, want string) {
		t.Helper()
		got, ok, err := m.Read(slot)
		if err != nil || string(got) != want || ok != (want != "") {
			t.Errorf("Read(%d) = %q, %v, %v, want %q", slot, got, ok, err, want)
		}
	}
	check(0, "zero")
	check(1, "")
	check(3, strings.Repeat("3", MarkSize))
	check(9, "")

	path := filepath.Join(dir, "m")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * slotSize {
		data[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := m.Read(0); ok || err != nil {
			t.Fatalf("with bit %d flipped, Read(0) = %q, %v, %v", bit, got, ok, err)
		}
		data[bit/8] ^= 1 << (bit % 8)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
