package delivery_test

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"tributary/internal/server"
	"tributary/internal/server/servertest"
)

// heapGrowth is how much of memory, in bytes, a backlog may take, whatever its size.
const heapGrowth = 64 << 20

// A backlog is on the disk: memory does not grow with it, neither while its destination
// takes nothing nor while filters catch up. BACKLOG_MIB is its size.
func TestABacklogIsOnTheDiskAndNotInMemory(t *testing.T) {
	size := number(t, "BACKLOG_MIB", 60)
	for _, c := range []struct{ filters, mib int }{{1, size}, {100, max(10, size/8)}} {
		t.Run(fmt.Sprintf("%d filters, %d MiB", c.filters, c.mib), func(t *testing.T) {
			clock := &clock{}
			s := tell(t, servertest.StartWith(t, server.Config{Quotas: "aws", Now: clock.Now, FiltersPerLogGroup: c.filters}), 1)
			s.makeGroup("g", "a")
			for i := range c.filters {
				// They match a tenth of the events, so that not compression takes the time.
				s.subscribe("g", fmt.Sprint("f", i), "match")
			}
			random := rand.NewChaCha8([32]byte{1})
			s.putNoise(random, "nothing", 40) // fills the caches, ours and the engine's
			clock.stop()
			s.exhaust()
			onDisk, before := s.onDisk(), heap()
			grown := func(when string) uint64 {
				t.Helper()
				now := heap()
				growth := now - min(now, before)
				if growth > heapGrowth {
					t.Errorf("%s the heap has grown by %d MiB, want at most %d", when, growth>>20, heapGrowth>>20)
				}
				return growth
			}
			most := uint64(0)
			for range c.mib / 10 {
				s.putNoise(random, "match", 10)
				most = max(most, grown("behind the detours"))
			}
			for i := range c.filters {
				s.eventually("the filter is on a detour", s.isIn(fmt.Sprint("f", i), "RETRYING"))
			}
			stored := s.onDisk() - onDisk
			if stored < int64(c.mib)<<20*9/10 {
				t.Fatalf("the backlog takes %d MiB on the disk, want %d", stored>>20, c.mib)
			}
			catching := uint64(0)
			for range 20 {
				clock.jump(time.Second) // lets the shard take as much as in a second
				s.exhaust()
				catching = max(catching, grown("while the filters catch up"))
			}
			t.Logf("%d MiB on the disk; the heap grew by at most %.1f MiB before, %.1f MiB while the filters caught up",
				stored>>20, float64(most)/(1<<20), float64(catching)/(1<<20))
		})
	}
}

// putNoise sends so many MiB that cannot be compressed; one event in ten begins with a
// word.
func (s *story) putNoise(random *rand.ChaCha8, word string, mib int) {
	s.t.Helper()
	noise := make([]byte, 60<<10)
	for sent := 0; sent < mib<<20; {
		var messages []string
		for i := range 10 {
			_, _ = random.Read(noise) // never fails
			text := base64.StdEncoding.EncodeToString(noise)
			if i == 0 {
				text = word + " " + text
			}
			messages = append(messages, text)
			sent += len(noise)
		}
		s.put("g", "a", messages...)
	}
}

// onDisk is the size of the engine's files.
func (s *story) onDisk() (size int64) {
	s.t.Helper()
	err := filepath.WalkDir(filepath.Join(s.Dir(), "jetstream"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return size
}

// heap is what is in use after the garbage has been collected: the least of a few
// samples, because the engine reads files of 4 MiB, of which some are in somebody's
// hands at any moment.
func heap() uint64 {
	var samples []uint64
	for range 5 {
		runtime.GC()
		runtime.GC() // what sync.Pools hold goes with the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		samples = append(samples, m.HeapAlloc)
	}
	return slices.Min(samples)
}
