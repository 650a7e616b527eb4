package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
)

// tryEngine opens an engine that may be damaged; close it in any case.
func tryEngine(t *testing.T, dir string) (*engine, error) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	e := new(engine)
	var err error
	if e.broker, err = broker.Open(t.Context(), broker.Config{Dir: dir, Log: log}); err != nil {
		return e, err
	}
	if e.catalog, err = catalog.Open(t.Context(), catalog.Config{Broker: e.broker, Log: log}); err != nil {
		return e, err
	}
	if e.store, err = OpenStore(t.Context(), Config{Broker: e.broker, Catalog: e.catalog, Now: time.Now, Log: log}); err != nil {
		return e, err
	}
	return e, e.catalog.Ready()
}

func (e *engine) closeWhatIsOpen() {
	ctx := context.Background()
	if e.store != nil {
		_ = e.store.Close(ctx)
	}
	if e.catalog != nil {
		_ = e.catalog.Close(ctx)
	}
	if e.broker != nil {
		_ = e.broker.Close(ctx)
	}
}

// outcome reads journal j in a directory and returns what is there and what was said.
func outcome(t *testing.T, dir string) (entries []string, said error) {
	t.Helper()
	e, err := tryEngine(t, dir)
	defer e.closeWhatIsOpen()
	if err != nil {
		return nil, err
	}
	j, err := e.store.Open(t.Context(), "j")
	if err != nil {
		return nil, err
	}
	entries, err = readAll(t, j, Position{})
	for _, c := range e.store.Health() {
		err = errors.Join(err, c.Err)
	}
	return entries, err
}

// kill leaves a directory as the death of the process does: a copy of it, made while
// everything is open.
func kill(t *testing.T, dir string) string {
	t.Helper()
	dead := t.TempDir()
	if err := os.CopyFS(dead, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return dead
}

// TestDamageIsNeverSilent changes every file of a data directory in several ways,
// after an orderly end and after a death: each time something must be said, or all
// entries must be there.
func TestDamageIsNeverSilent(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	j := mustCreate(t, e, "j")
	var want []string
	for i := range 20 {
		mustAppend(t, j, fmt.Sprint("entry ", i))
		want = append(want, fmt.Sprintf("%d.0=entry %d", i+1, i))
	}
	dead := kill(t, dir)
	e.close()
	noticed := make(map[string]int)
	for state, origin := range map[string]string{"ended": dir, "dead": dead} {
		err := filepath.WalkDir(origin, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(origin, path)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for how, damaged := range damages(data) {
				t.Run(fmt.Sprintf("%s/%s/%s", state, name, how), func(t *testing.T) {
					dir := kill(t, origin)
					if damaged == nil {
						err = os.Remove(filepath.Join(dir, name))
					} else {
						err = os.WriteFile(filepath.Join(dir, name), damaged, 0o600)
					}
					if err != nil {
						t.Fatal(err)
					}
					got, said := outcome(t, dir)
					if said != nil {
						noticed[state+filepath.Ext(name)]++
					} else if !slices.Equal(got, want) {
						t.Errorf("nothing is said, and the entries are %v", got)
					}
				})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []string{"ended.blk", "dead.blk", "ended.inf", "dead.inf"} {
		if noticed[kind] == 0 {
			t.Errorf("no damage to a file of kind %s was ever noticed", kind)
		}
	}
}

// damages returns variants of a file; nil stands for its removal.
func damages(data []byte) map[string][]byte {
	all := map[string][]byte{"removed": nil, "emptied": {}}
	if len(data) == 0 {
		return all
	}
	for part := range 2 {
		at := len(data) * (2*part + 1) / 4
		flipped := slices.Clone(data)
		flipped[at] ^= 0x10
		all[fmt.Sprintf("flipped at %d", at)] = flipped
		all[fmt.Sprintf("cut at %d", at)] = data[:at:at]
	}
	return all
}

// streamDir is where the engine keeps a journal.
func streamDir(dir string, j *Journal) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", streamName(j.id))
}

func TestQuarantine(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, dir, older string, j *Journal)
		want string
	}{
		{"the stream's directory is gone", func(t *testing.T, dir, _ string, j *Journal) {
			remove(t, streamDir(dir, j))
		}, "vanished"},
		{"meta.inf is gone", func(t *testing.T, dir, _ string, j *Journal) {
			remove(t, filepath.Join(streamDir(dir, j), "meta.inf"))
		}, "vanished"},
		{"the stream is from an old backup", func(t *testing.T, dir, older string, j *Journal) {
			remove(t, streamDir(dir, j))
			if err := os.CopyFS(streamDir(dir, j), os.DirFS(streamDir(older, j))); err != nil {
				t.Fatal(err)
			}
		}, "ends with block 2, but block 4 was written"},
		{"the same, and the marks too", func(t *testing.T, dir, older string, j *Journal) {
			remove(t, filepath.Join(dir, markFile))
			remove(t, streamDir(dir, j))
			if err := os.CopyFS(streamDir(dir, j), os.DirFS(streamDir(older, j))); err != nil {
				t.Fatal(err)
			}
		}, "ends with block 2, but block 4 was written"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			e := openEngine(t, dir)
			j := mustCreate(t, e, "j")
			mustAppend(t, mustCreate(t, e, "healthy"), "x")
			mustAppend(t, j, "1")
			mustAppend(t, j, "2")
			older := kill(t, dir)
			mustAppend(t, j, "3")
			mustAppend(t, j, "4")
			e.close()
			c.do(t, dir, older, j)

			e = openEngine(t, dir)
			_, err := e.store.Open(t.Context(), "j")
			if !errors.Is(err, ErrQuarantined) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open = %v, want ErrQuarantined with %q", err, c.want)
			}
			if h := e.store.Health(); len(h) != 1 || h[0].Journal != "j" || !errors.Is(h[0].Err, ErrQuarantined) {
				t.Errorf("Health = %v, want journal j quarantined", h)
			}
			if _, err := e.store.Create(t.Context(), "j"); !errors.Is(err, ErrExists) {
				t.Errorf("Create = %v, want ErrExists", err)
			}
			if got, err := readAll(t, mustOpen(t, e, "healthy"), Position{}); err != nil || len(got) != 1 {
				t.Errorf("another journal holds %v, %v", got, err)
			}
			if err := e.store.Delete(t.Context(), "j"); err != nil || len(e.store.Health()) != 0 {
				t.Errorf("Delete = %v, Health = %v", err, e.store.Health())
			}
			mustAppend(t, mustCreate(t, e, "j"), "new")
		})
	}
}

// TestEndIsKnownAfterDeath is about the blocks since the catalog's last note.
func TestEndIsKnownAfterDeath(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	j := mustCreate(t, e, "j")
	mustAppend(t, j, "1")
	older := kill(t, dir)
	mustAppend(t, j, "2")
	dead := kill(t, dir)
	remove(t, streamDir(dead, j))
	if err := os.CopyFS(streamDir(dead, j), os.DirFS(streamDir(older, j))); err != nil {
		t.Fatal(err)
	}
	if _, err := openEngine(t, dead).store.Open(t.Context(), "j"); !errors.Is(err, ErrQuarantined) {
		t.Errorf("Open = %v, want ErrQuarantined", err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// TestHoleIsAnErrorAndNotSkipped takes away a file from the middle of a journal.
func TestHoleIsAnErrorAndNotSkipped(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	j := mustCreate(t, e, "j")
	for range 6 {
		if _, _, err := j.Append(t.Context(), make([]byte, 4<<20)); err != nil {
			t.Fatal(err)
		}
	}
	e.close()
	files, err := filepath.Glob(filepath.Join(streamDir(dir, j), "msgs", "*.blk"))
	if err != nil || len(files) < 3 {
		t.Fatalf("journal has the files %v, %v; the test needs three", files, err)
	}
	slices.Sort(files)
	remove(t, files[1])
	remove(t, filepath.Join(streamDir(dir, j), "msgs", "index.db"))

	e = openEngine(t, dir)
	j = mustOpen(t, e, "j")
	if h := e.store.Health(); len(h) != 1 || !errors.Is(h[0].Err, ErrDamaged) {
		t.Errorf("Health = %v, want journal j damaged", h)
	}
	got, err := readAll(t, j, Position{})
	if !errors.Is(err, ErrDamaged) || len(got) == 0 || len(got) >= 6 {
		t.Fatalf("read %d entries, then %v; want some, then ErrDamaged", len(got), err)
	}
	// A reader does not get past the hole by trying again, and what lies behind the
	// hole can be read by whoever asks for it.
	r := j.Reader(Position{uint64(len(got)) + 1, 0})
	for range 2 {
		if b, _, err := r.Poll(t.Context()); !errors.Is(err, ErrDamaged) {
			t.Fatalf("Poll at the hole = block %d, %v, want ErrDamaged", b.Number, err)
		}
	}
	if _, err := j.ReadBlock(t.Context(), 6); err != nil {
		t.Errorf("behind the hole: %v", err)
	}
	mustAppend(t, j, "goes on")
}

func TestForeignBlocksAreNotServed(t *testing.T) {
	for name, b := range map[string]struct {
		journal uint64
		block   Block
	}{
		"a wrong number":  {0, Block{Number: 7, Time: time.UnixMilli(1), Entries: [][]byte{[]byte("x")}}},
		"another journal": {1, Block{Number: 1, Time: time.UnixMilli(1), Entries: [][]byte{[]byte("x")}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			e := openEngine(t, dir)
			j := mustCreate(t, e, "j")
			stored, _ := encode(j.id+b.journal, b.block, false, nil)
			if _, err := j.stream.Publish(streamName(j.id)+".a", stored); err != nil {
				t.Fatal(err)
			}
			j.unsettled = true
			if _, _, err := j.Append(t.Context(), []byte("y")); !errors.Is(err, ErrDamaged) {
				t.Errorf("Append = %v, want ErrDamaged", err)
			}
			e.close()
			if _, err := openEngine(t, dir).store.Open(t.Context(), "j"); !errors.Is(err, ErrQuarantined) {
				t.Errorf("Open = %v, want ErrQuarantined", err)
			}
		})
	}
}

// child appends to one journal and copies it to another until it is killed. It
// prints every append that has returned.
func child(dir string) int {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	fail := func(err error) int {
		fmt.Println("child:", err)
		return 1
	}
	b, err := broker.Open(ctx, broker.Config{Dir: dir, Log: log})
	if err != nil {
		return fail(err)
	}
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: log})
	if err != nil {
		return fail(err)
	}
	s, err := OpenStore(ctx, Config{Broker: b, Catalog: c, Now: time.Now, Log: log})
	if err != nil {
		return fail(err)
	}
	if err := c.Ready(); err != nil {
		return fail(err)
	}
	from, err := openOrCreate(ctx, s, "from")
	if err != nil {
		return fail(err)
	}
	to, err := openOrCreate(ctx, s, "to")
	if err != nil {
		return fail(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { fmt.Println("child: copy:", copyOver(ctx, from, to)) })
	for w := range 16 {
		wg.Go(func() {
			for n := 0; ; n++ {
				entry := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, n)
				p, _, err := from.Append(ctx, []byte(entry))
				if err != nil {
					fmt.Println("child:", err)
					return
				}
				fmt.Printf("%v=%s\n", p, entry)
			}
		})
	}
	wg.Wait()
	return 1
}

func openOrCreate(ctx context.Context, s *Store, name string) (*Journal, error) {
	j, err := s.Open(ctx, name)
	if errors.Is(err, ErrUnknown) {
		return s.Create(ctx, name, Compress())
	}
	return j, err
}

// copyOver copies one journal to another on a lane, a few blocks at a time.
func copyOver(ctx context.Context, from, to *Journal) error {
	mark, _, err := to.Mark(ctx, "copy")
	if err != nil {
		return err
	}
	r := from.Reader(mark)
	for {
		b, err := r.Next(ctx)
		if err != nil {
			return err
		}
		if _, _, err := to.AppendFrom(ctx, "copy", r.Position(), b.Entries...); err != nil {
			return err
		}
	}
}

func TestKilledProcessLosesNothingAndCopiesOnce(t *testing.T) {
	dir := t.TempDir()
	acknowledged := make(map[string]bool)
	for round := range 8 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "JOURNAL_TEST_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if strings.HasPrefix(lines.Text(), "child:") {
				t.Fatal(lines.Text())
			}
			acknowledged[lines.Text()] = true
			if n == 300+round*200 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed

		e := openEngine(t, dir)
		if h := e.store.Health(); len(h) != 0 {
			t.Fatalf("round %d: Health = %v", round, h)
		}
		entries, err := readAll(t, mustOpen(t, e, "from"), Position{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		there := make(map[string]bool)
		for _, entry := range entries {
			there[entry] = true
		}
		for entry := range maps.Keys(acknowledged) {
			if !there[entry] {
				t.Fatalf("round %d: %s was acknowledged and is not there", round, entry)
			}
		}
		copied, err := readAll(t, mustOpen(t, e, "to"), Position{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if want, got := content(entries)[:len(copied)], content(copied); !slices.Equal(got, want) {
			t.Fatalf("round %d: the copy differs within its %d entries", round, len(got))
		}
		if round > 0 && len(copied) == 0 {
			t.Errorf("round %d: nothing has been copied", round)
		}
		e.close()
	}
}

// content returns entries without their positions.
func content(entries []string) []string {
	bare := make([]string, len(entries))
	for i, e := range entries {
		_, bare[i], _ = strings.Cut(e, "=")
	}
	return bare
}
