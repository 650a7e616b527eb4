package catalog

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
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/durable/broker"
)

// contents returns all values of the table of roles in a directory.
func contents(t *testing.T, dir string) (map[string]string, error) {
	t.Helper()
	e, err := tryOpen(t, dir, Config{})
	if e != nil {
		defer e.close(t)
	}
	if err != nil {
		return nil, err
	}
	table := NewTable[role](e.catalog, "roles")
	if err := e.catalog.Ready(); err != nil {
		return nil, err
	}
	all := make(map[string]string)
	for k, v := range table.Scan(Key{}) {
		all[k.String()] = v.Name
	}
	return all, nil
}

// history writes values, replaces some and deletes some.
func history(t *testing.T, table *Table[role]) {
	t.Helper()
	for i := range 30 {
		k := KeyOf("account", fmt.Sprint(i))
		rev := mustCreate(t, table, k, role{Name: fmt.Sprintf("value %d", i)})
		var err error
		switch i % 3 {
		case 1:
			_, err = table.Replace(t.Context(), k, role{Name: fmt.Sprintf("other %d", i)}, rev)
		case 2:
			err = table.Delete(t.Context(), k, rev)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamageIsNeverSilent changes every file of a data directory in several ways:
// each time the catalog must be refused or say the same as before.
func TestDamageIsNeverSilent(t *testing.T) {
	origin := t.TempDir()
	e := open(t, origin, Config{})
	history(t, e.roles(t))
	e.close(t)
	want, err := contents(t, origin)
	if err != nil || len(want) != 20 {
		t.Fatalf("%d values, %v", len(want), err)
	}
	refused := make(map[string]bool)
	err = filepath.WalkDir(origin, func(path string, d fs.DirEntry, err error) error {
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
			t.Run(name+"/"+how, func(t *testing.T) {
				dir := t.TempDir()
				copyDir(t, origin, dir)
				if damaged == nil {
					err = os.Remove(filepath.Join(dir, name))
				} else {
					err = os.WriteFile(filepath.Join(dir, name), damaged, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				got, err := contents(t, dir)
				if err != nil {
					refused[filepath.Ext(name)] = true
					return
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("served in silence, want -, got +:\n%s", diff)
				}
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{".blk", ".mark", ".inf"} {
		if !refused[ext] {
			t.Errorf("no damage to a file *%s was ever noticed", ext)
		}
	}
}

// damages returns variants of a file; nil stands for its removal.
func damages(data []byte) map[string][]byte {
	all := map[string][]byte{"removed": nil, "emptied": {}}
	if len(data) == 0 {
		return all
	}
	for _, part := range []int{0, 1, 2, 3, 4} {
		at := min(len(data)*part/4, len(data)-1)
		flipped := slices.Clone(data)
		flipped[at] ^= 0x10
		all[fmt.Sprintf("flipped at %d", at)] = flipped
		all[fmt.Sprintf("cut at %d", at)] = data[:at:at]
	}
	return all
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	err := os.CopyFS(to, os.DirFS(from))
	// The engine removes what was purged when it comes to it, perhaps just now.
	for errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(os.RemoveAll(to), os.CopyFS(to, os.DirFS(from)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestLossIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, dir, older string)
		want string
	}{
		{"the stream is gone", func(t *testing.T, dir, _ string) {
			remove(t, filepath.Join(dir, "jetstream/$G/streams/catalog"))
		}, "stream is gone"},
		{"the mark is gone", func(t *testing.T, dir, _ string) {
			remove(t, filepath.Join(dir, markFile))
		}, "catalog.mark is gone"},
		{"the stream is from an old backup", func(t *testing.T, dir, older string) {
			remove(t, filepath.Join(dir, "jetstream"))
			copyDir(t, filepath.Join(older, "jetstream"), filepath.Join(dir, "jetstream"))
		}, "it ends at revision"},
		{"a stream of another history", func(t *testing.T, dir, _ string) {
			other := t.TempDir()
			e := open(t, other, Config{})
			table := e.roles(t)
			for i := range 60 {
				mustCreate(t, table, KeyOf(fmt.Sprint(i)), role{})
			}
			e.close(t)
			remove(t, filepath.Join(dir, "jetstream"))
			copyDir(t, filepath.Join(other, "jetstream"), filepath.Join(dir, "jetstream"))
		}, "is not the one that was written"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, older := t.TempDir(), t.TempDir()
			e := open(t, dir, Config{})
			table := e.roles(t)
			mustCreate(t, table, KeyOf("first"), role{})
			e.close(t)
			copyDir(t, dir, older)
			e = open(t, dir, Config{})
			history(t, e.roles(t))
			e.close(t)

			c.do(t, dir, older)
			_, err := contents(t, dir)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open = %v, want ErrDamaged with %q", err, c.want)
			}
		})
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

func TestCrashBetweenChangeAndMark(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, Config{})
	table := e.roles(t)
	mustCreate(t, table, KeyOf("a"), role{})
	mark, err := os.ReadFile(filepath.Join(dir, markFile))
	if err != nil {
		t.Fatal(err)
	}
	mustCreate(t, table, KeyOf("b"), role{})
	e.close(t)
	if err := os.WriteFile(filepath.Join(dir, markFile), mark, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := contents(t, dir)
		if err != nil || len(got) != 2 {
			t.Fatalf("contents = %v, %v, want both values", got, err)
		}
	}
}

func TestCompactionKeepsTheLogShort(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, Config{compactAt: 50})
	table := e.roles(t)
	kept := make(map[Key]Revision)
	for i := range 20 {
		k := KeyOf("kept", fmt.Sprint(i))
		kept[k] = mustCreate(t, table, k, role{Name: k.String()})
	}
	churn := KeyOf("churn")
	for range 300 {
		if err := table.Delete(t.Context(), churn, mustCreate(t, table, churn, role{})); err != nil {
			t.Fatal(err)
		}
	}
	// What has been asked for may still be under way; this waits for it.
	if err := e.catalog.compactLog(t.Context()); err != nil {
		t.Fatal(err)
	}
	state, err := e.catalog.stream.State(t.Context())
	if err != nil || state.Messages > 200 {
		t.Errorf("log of 21 keys has %d messages after 620 writes, %v", state.Messages, err)
	}
	e.close(t)

	table = open(t, dir, Config{}).roles(t)
	if _, _, ok := table.Get(churn); ok || table.Len() != 20 {
		t.Errorf("Len = %d, deleted key is there: %v", table.Len(), ok)
	}
	for k, want := range kept {
		if v, rev, ok := table.Get(k); !ok || rev != want || v.Name != k.String() {
			t.Errorf("Get(%s) = %v, %d, %v, want revision %d", k, v, rev, ok, want)
		}
	}
}

func TestCompactionOfAnEmptyCatalog(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		// What a death leaves: a copy made while everything is open.
		e := open(t, dir, Config{})
		table := e.roles(t)
		if table.Len() != 0 {
			t.Fatalf("%d values", table.Len())
		}
		if err := table.Delete(t.Context(), KeyOf("k"), mustCreate(t, table, KeyOf("k"), role{})); err != nil {
			t.Fatal(err)
		}
		if err := e.catalog.compactLog(t.Context()); err != nil {
			t.Fatal(err)
		}
		dead := t.TempDir()
		copyDir(t, dir, dead)
		e.close(t)
		dir = dead
	}
}

func TestChangeSetOfAnotherHistoryIsRefused(t *testing.T) {
	e := open(t, t.TempDir(), Config{})
	table := e.roles(t)
	rev := mustCreate(t, table, KeyOf("k"), role{})
	set := changeSet{Revision: rev + 1, Previous: sum(1).String()}
	msg, _, err := set.encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.catalog.stream.Publish(subject, msg); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Create(t.Context(), KeyOf("l"), role{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("Create = %v, want ErrDamaged", err)
	}
}

// child writes until it is killed and prints each write that has returned.
func child(dir string) int {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	b, err := broker.Open(ctx, broker.Config{Dir: dir, Log: log})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	c, err := Open(ctx, Config{Broker: b, Log: log, compactAt: 100})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	table := NewTable[int](c, "counters")
	if err := c.Ready(); err != nil {
		fmt.Println(err)
		return 1
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			// Each writer counts in ten keys of its own and deletes every seventh value.
			for i := 1; ; i++ {
				k := KeyOf(fmt.Sprint(w), fmt.Sprint(i%10))
				_, rev, ok := table.Get(k)
				if ok && i%7 == 0 {
					fmt.Printf("try %s -\n", k)
					if err := table.Delete(ctx, k, rev); err != nil {
						return
					}
					fmt.Printf("did %s -\n", k)
					continue
				}
				fmt.Printf("try %s %d\n", k, i)
				if _, err := table.Update(ctx, k, func(int, bool) (int, error) { return i, nil }); err != nil {
					return
				}
				fmt.Printf("did %s %d\n", k, i)
			}
		})
	}
	wg.Wait()
	return 1
}

func TestKilledProcessLosesNoWriteAndBringsNoneBack(t *testing.T) {
	dir := t.TempDir()
	want := make(map[string][]string) // by key: what may be there
	for round := range 6 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "CATALOG_TEST_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			f := strings.Fields(lines.Text())
			if len(f) != 3 {
				t.Fatalf("child says %q", lines.Text())
			}
			switch f[0] {
			case "try":
				want[f[1]] = append(want[f[1]], f[2])
			case "did":
				want[f[1]] = []string{f[2]}
			}
			if n == 400+round*100 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed

		e := open(t, dir, Config{compactAt: 100})
		table := NewTable[int](e.catalog, "counters")
		got := make(map[string]string)
		for k, v := range table.Scan(Key{}) {
			got[k.String()] = strconv.Itoa(v)
		}
		for k := range got {
			if want[k] == nil {
				t.Errorf("round %d: %s is there and was never written", round, k)
			}
		}
		for _, k := range slices.Sorted(maps.Keys(want)) {
			value := got[k]
			if value == "" {
				value = "-"
			}
			if !slices.Contains(want[k], value) {
				t.Errorf("round %d: %s is %s, want one of %v", round, k, value, want[k])
			}
			want[k] = []string{value}
		}
		e.close(t)
	}
	if len(want) != 80 {
		t.Errorf("the children wrote %d keys, want 80", len(want))
	}
}

func FuzzDecodeChangeSet(f *testing.F) {
	set := changeSet{Revision: 7, Previous: sum(5).String(), Changes: []change{
		{Table: "roles", Key: []string{"a", "b"}, Schema: 1, Value: []byte(`{"name":"n"}`)},
		{Table: "roles", Key: []string{"c"}, Deleted: true},
	}}
	msg, _, err := set.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg, false)
	f.Add([]byte(`{"format":1,"revision":7,"previous":"","changes":[]`), true)
	f.Add([]byte(`{"format":2,"revision":7`), true)
	f.Fuzz(func(t *testing.T, msg []byte, addSum bool) {
		if addSum { // to get past the checksum
			msg = fmt.Appendf(msg, sumPrefix+"%016x"+sumSuffix, uint64(sumOf(msg)))
		}
		got, own, err := decodeChangeSet(7, msg)
		if err != nil {
			return
		}
		again, sum, err := got.encode()
		if err != nil {
			t.Fatalf("decoded but not encoded: %v", err)
		}
		if _, _, err := decodeChangeSet(7, again); err != nil {
			t.Fatalf("encoded but not decoded: %v (%v, %v)", err, own, sum)
		}
	})
}
