package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tributary/internal/durable/broker"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("CATALOG_TEST_DIR"); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// A role is what the tests store.
type role struct {
	Name     string            `json:"name"`
	Policies map[string]string `json:"policies"`
}

// An engine is a broker and a catalog on one directory.
type engine struct {
	broker  *broker.Broker
	catalog *Catalog
}

// tryOpen opens an engine that is closed when the test ends.
func tryOpen(t *testing.T, dir string, cfg Config) (*engine, error) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b, err := broker.Open(t.Context(), broker.Config{Dir: dir, Log: log})
	if err != nil {
		return nil, err
	}
	e := &engine{broker: b}
	t.Cleanup(func() { e.close(t) })
	cfg.Broker, cfg.Log = b, log
	e.catalog, err = Open(t.Context(), cfg)
	return e, err
}

func open(t *testing.T, dir string, cfg Config) *engine {
	t.Helper()
	e, err := tryOpen(t, dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *engine) close(t *testing.T) {
	t.Helper()
	if e.catalog != nil {
		if err := e.catalog.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if err := e.broker.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// roles registers the only table and says that the catalog is ready.
func (e *engine) roles(t *testing.T) *Table[role] {
	t.Helper()
	table := NewTable[role](e.catalog, "roles")
	if err := e.catalog.Ready(); err != nil {
		t.Fatal(err)
	}
	return table
}

func mustCreate(t *testing.T, table *Table[role], k Key, v role) Revision {
	t.Helper()
	rev, err := table.Create(t.Context(), k, v)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func TestCompareAndSet(t *testing.T) {
	table := open(t, t.TempDir(), Config{}).roles(t)
	ctx, k := t.Context(), KeyOf("111111111111", "reader")

	if _, _, ok := table.Get(k); ok {
		t.Error("a key has a value before Create")
	}
	if _, err := table.Replace(ctx, k, role{}, 1); !errors.Is(err, ErrConflict) {
		t.Errorf("Replace before Create: %v, want ErrConflict", err)
	}
	first := mustCreate(t, table, k, role{Name: "reader"})
	if _, err := table.Create(ctx, k, role{}); !errors.Is(err, ErrExists) {
		t.Errorf("Create twice: %v, want ErrExists", err)
	}
	second, err := table.Replace(ctx, k, role{Name: "writer", Policies: map[string]string{"p": "{}"}}, first)
	if err != nil || second <= first {
		t.Fatalf("Replace = %d, %v, want more than %d", second, err, first)
	}
	if _, err := table.Replace(ctx, k, role{}, first); !errors.Is(err, ErrConflict) {
		t.Errorf("Replace of an old revision: %v, want ErrConflict", err)
	}
	if err := table.Delete(ctx, k, first); !errors.Is(err, ErrConflict) {
		t.Errorf("Delete of an old revision: %v, want ErrConflict", err)
	}
	want := role{Name: "writer", Policies: map[string]string{"p": "{}"}}
	if v, rev, ok := table.Get(k); !ok || rev != second || !cmp.Equal(v, want) {
		t.Errorf("Get = %v, %d, %v, want %v, %d", v, rev, ok, want, second)
	}
	if err := table.Delete(ctx, k, second); err != nil {
		t.Fatal(err)
	}
	if v, _, ok := table.Get(k); ok || table.Len() != 0 {
		t.Errorf("after Delete: Get = %v, Len = %d", v, table.Len())
	}
	if table.Revision() <= second {
		t.Errorf("Delete left the table at revision %d", table.Revision())
	}
	mustCreate(t, table, k, role{Name: "again"})
}

func TestWritesThatAreRefused(t *testing.T) {
	table := open(t, t.TempDir(), Config{}).roles(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		key  Key
		v    role
		want string
	}{
		{"no key", t.Context(), Key{}, role{}, "key needs a part"},
		{"too large", t.Context(), KeyOf("k"), role{Name: strings.Repeat("x", MaxValue)}, ErrTooLarge.Error()},
		{"key is not UTF-8", t.Context(), KeyOf("\xff"), role{}, "invalid UTF-8"},
		{"value is not UTF-8", t.Context(), KeyOf("k"), role{Name: "\xff"}, "invalid UTF-8"},
		{"context has ended", ended, KeyOf("k"), role{}, context.Canceled.Error()},
	} {
		if _, err := table.Create(c.ctx, c.key, c.v); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Create = %v, want %q", c.name, err, c.want)
		}
	}
	if table.Len() != 0 {
		t.Errorf("%d values are there", table.Len())
	}
	mustCreate(t, table, KeyOf("k"), role{}) // and it goes on
}

func TestUpdateLosesNothing(t *testing.T) {
	e := open(t, t.TempDir(), Config{})
	table := NewTable[int](e.catalog, "counters")
	if err := e.catalog.Ready(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				_, err := table.Update(t.Context(), KeyOf("n"), func(n int, exists bool) (int, error) {
					if exists != (n > 0) {
						t.Errorf("exists = %v with value %d", exists, n)
					}
					return n + 1, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n, _, _ := table.Get(KeyOf("n")); n != 160 {
		t.Errorf("counted to %d, want 160", n)
	}
	stop := errors.New("stop")
	if _, err := table.Update(t.Context(), KeyOf("n"), func(int, bool) (int, error) { return 0, stop }); err != stop {
		t.Errorf("Update = %v, want the error of the function", err)
	}
}

func TestWritersShareFsyncs(t *testing.T) {
	e := open(t, t.TempDir(), Config{})
	table := e.roles(t)
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := range 10 {
				if _, err := table.Create(t.Context(), KeyOf(fmt.Sprint(w), fmt.Sprint(i)), role{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := e.catalog.Revision(); n > 320 {
		t.Errorf("640 writes by 64 writers made %d change sets", n)
	}
	if table.Len() != 640 {
		t.Errorf("Len = %d, want 640", table.Len())
	}
}

func TestScan(t *testing.T) {
	table := open(t, t.TempDir(), Config{}).roles(t)
	var want []string
	for _, account := range []string{"1", "2", "22", "3"} {
		for i := range 200 {
			want = append(want, fmt.Sprintf("%s/%03d", account, i))
		}
	}
	var wg sync.WaitGroup
	for _, k := range want {
		wg.Go(func() { mustCreate(t, table, KeyOf(strings.Split(k, "/")...), role{Name: k}) })
	}
	wg.Wait()
	for _, c := range []struct {
		name          string
		prefix, after Key
		want          []string
	}{
		{"all", Key{}, Key{}, want},
		{"one account", KeyOf("2"), Key{}, want[200:400]},
		{"one account from a key", KeyOf("2"), KeyOf("2", "016"), want[217:400]},
		{"from a key that is not there", KeyOf("2"), KeyOf("2", "0165"), want[217:400]},
		{"from before the prefix", KeyOf("2"), KeyOf("1", "5"), want[200:400]},
		{"from behind the prefix", KeyOf("2"), KeyOf("3"), nil},
		{"one key", KeyOf("22", "007"), Key{}, want[407:408]},
		{"nothing", KeyOf("4"), Key{}, nil},
	} {
		var got []string
		for k, v := range table.ScanFrom(c.prefix, c.after) {
			if k.String() != v.Name {
				t.Fatalf("%s: key %s has value %s", c.name, k, v.Name)
			}
			got = append(got, v.Name)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", c.name, diff)
		}
	}
	for range table.Scan(Key{}) {
		break // a caller may stop
	}
}

func TestEverythingIsThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, Config{})
	table := e.roles(t)
	odd := []Key{KeyOf(""), KeyOf("", ""), KeyOf("a\x00b", "\x01"), KeyOf(strings.Repeat("Ж", 512), "*.>"), KeyOf("a b", "\n")}
	revs := make(map[Key]Revision)
	for _, k := range odd {
		revs[k] = mustCreate(t, table, k, role{Name: k.String()})
	}
	gone := KeyOf("gone")
	if err := table.Delete(t.Context(), gone, mustCreate(t, table, gone, role{})); err != nil {
		t.Fatal(err)
	}
	e.close(t)

	table = open(t, dir, Config{}).roles(t)
	for _, k := range odd {
		if v, rev, ok := table.Get(k); !ok || rev != revs[k] || v.Name != k.String() {
			t.Errorf("Get(%q) = %v, %d, %v, want revision %d", k.Parts(), v, rev, ok, revs[k])
		}
	}
	if table.Len() != len(odd) {
		t.Errorf("Len = %d, want %d", table.Len(), len(odd))
	}
}

func TestHoldKeepsChangesInvisible(t *testing.T) {
	e := open(t, t.TempDir(), Config{})
	table := e.roles(t)
	k := KeyOf("k")
	rev := mustCreate(t, table, k, role{Name: "old"})

	release := e.catalog.Hold()
	returned := make(chan error, 1)
	go func() {
		_, err := table.Replace(t.Context(), k, role{Name: "new"}, rev)
		returned <- err
	}()
	// Wait until the change is on disk: from then on only the gate keeps it back.
	for {
		state, err := e.catalog.stream.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if Revision(state.Last) > rev {
			break
		}
	}
	for range 100 { // reading works under Hold, with a writer waiting
		if v, _, _ := table.Get(k); v.Name != "old" {
			t.Fatalf("under Hold the value became %q", v.Name)
		}
	}
	select {
	case err := <-returned:
		t.Fatalf("write returned under Hold: %v", err)
	default:
	}
	release()
	if err := <-returned; err != nil {
		t.Fatal(err)
	}
	if v, _, _ := table.Get(k); v.Name != "new" {
		t.Errorf("after release the value is %q", v.Name)
	}
}

func TestReadyRefusesWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, Config{})
	newer := NewTable[role](e.catalog, "roles", Schema(2))
	other := NewTable[int](e.catalog, "other")
	for _, write := range []func() error{
		func() error { _, err := newer.Create(t.Context(), KeyOf("k"), role{}); return err },
		func() error { _, err := other.Create(t.Context(), KeyOf("k"), 1); return err },
	} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
	}
	e.close(t)

	e = open(t, dir, Config{})
	table := NewTable[role](e.catalog, "roles")
	err := e.catalog.Ready()
	if !errors.Is(err, errNewer) || !strings.Contains(err.Error(), "roles k") || !strings.Contains(err.Error(), "table other") {
		t.Errorf("Ready = %v, want both tables named", err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a table that Ready refused can be read")
			}
		}()
		table.Get(KeyOf("k"))
	}()
	e.close(t)

	e = open(t, dir, Config{})
	if t2 := NewTable[role](e.catalog, "roles", Schema(3)); t2.Len() != 1 {
		t.Errorf("a newer release reads %d values, want 1", t2.Len())
	}
	NewTable[int](e.catalog, "other")
	if err := e.catalog.Ready(); err != nil {
		t.Error(err)
	}
}

func TestShapeThatHasChangedWithoutItsVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	e := open(t, dir, Config{})
	mustCreate(t, e.roles(t), KeyOf("k"), role{Name: "n"})
	e.close(t)

	e = open(t, dir, Config{})
	NewTable[struct {
		Policies map[string]string `json:"policies"`
	}](e.catalog, "roles")
	if err := e.catalog.Ready(); err == nil {
		t.Error("Ready = nil although a member would be lost")
	}
}

func TestClosedCatalogRefusesWrites(t *testing.T) {
	e := open(t, t.TempDir(), Config{})
	table := e.roles(t)
	if err := e.catalog.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Create(t.Context(), KeyOf("k"), role{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Create = %v, want ErrClosed", err)
	}
}

func BenchmarkCreate(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			log := slog.New(slog.DiscardHandler)
			br, err := broker.Open(b.Context(), broker.Config{Dir: b.TempDir(), Log: log})
			if err != nil {
				b.Fatal(err)
			}
			c, err := Open(b.Context(), Config{Broker: br, Log: log})
			if err != nil {
				b.Fatal(err)
			}
			table := NewTable[role](c, "roles")
			var wg sync.WaitGroup
			b.ResetTimer()
			for w := range writers {
				wg.Go(func() {
					for i := range b.N / writers {
						if _, err := table.Create(b.Context(), KeyOf(fmt.Sprint(w), fmt.Sprint(i)), role{Name: "n"}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			_ = c.Close(context.Background())
			_ = br.Close(context.Background())
		})
	}
}
