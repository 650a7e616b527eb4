package server

import (
	"fmt"
	"io/fs"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"tributary/internal/edge/gateway"
)

// Of the memory that the process may have, the Go runtime is told to keep to
// heapPercent: the rest is for what it does not see, the program itself and what the
// kernel holds for its sockets.
const heapPercent = 72

const (
	// gcPercent is how much garbage may come to what is in use before it is collected, in
	// percent, where there is plenty of memory. Each collection goes through the whole
	// catalog, which takes the longer the more filters there are.
	gcPercent = 200
	plenty    = 1 << 30 // bytes
)

// bounds are what clients may take, and what is kept in memory for them.
type bounds struct {
	held    int64 // bytes of large bodies and answers
	clients int   // connections and requests under way; 0 for any number
	cache   int   // bytes of recent blocks of journals; half as many of older ones, half as many again of shared records
	reads   int64 // bytes of blocks, and of their files, that the engine is asked for at a time
}

// perClient is what a connection, or a request under way, may take at worst: its head,
// buffers on both sides, a stack; and as much again of garbage, where memory is short.
const perClient = 160 << 10

// boundsFor says what clients may take of so many bytes of memory, 0 for plenty, and
// of so many files that may be open. A quarter of the files is for what is durable.
func boundsFor(memory int64, files uint64) bounds {
	b := bounds{held: gateway.DefaultMaxHeld, clients: int(min(files, 1<<20) / 4 * 3), cache: 16 << 20, reads: 256 << 20}
	if memory > 0 {
		b.held = min(b.held, memory/5)
		b.clients = min(b.clients, int(memory/perClient))
		b.cache = min(b.cache, int(memory/64))
		b.reads = min(b.reads, memory/20)
	}
	return b
}

// mayOpen is how many files, and sockets, this process may have open.
func mayOpen() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // as many as anywhere
	}
	return limit.Cur
}

// keepToMemory tells the Go runtime of the limit that the system sets, unless the
// operator has set one (GOMEMLIMIT), and returns the limit, 0 for none. Without it the
// heap would grow to several times what is in use, whatever the system allows.
func keepToMemory(system fs.FS) (limit int64) {
	limit = memoryLimit(system)
	switch set := debug.SetMemoryLimit(-1); { // -1 asks
	case set != math.MaxInt64 && (limit == 0 || set < limit):
		return set
	case set == math.MaxInt64 && limit > 0:
		debug.SetMemoryLimit(limit / 100 * heapPercent)
	}
	return limit
}

// collectLess lets the Go runtime collect garbage less often if both the limit, 0 for
// none, and the machine have memory for it.
func collectLess(limit int64, system fs.FS) {
	if (limit == 0 || limit >= plenty) && machineMemory(system) >= plenty {
		debug.SetGCPercent(gcPercent)
	}
}

// machineMemory is how many bytes the machine has, as far as is known.
func machineMemory(system fs.FS) int64 {
	text, err := fs.ReadFile(system, "proc/meminfo")
	if err != nil {
		return unlimited
	}
	var kib int64
	if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kib); err != nil {
		return unlimited
	}
	return kib << 10
}

// memoryLimit is how many bytes the cgroups of this process, of version 1 or 2, allow
// it; 0 for no limit. system is the root of the file system.
func memoryLimit(system fs.FS) int64 {
	groups, err := fs.ReadFile(system, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(groups)) {
		hierarchy, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		root, file := "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		switch {
		case hierarchy == "0" && controllers == "":
			root, file = "sys/fs/cgroup", "memory.max"
		case controllers != "memory":
			continue
		}
		// A limit further up binds as well. In a container the root that is seen may
		// be the group itself.
		for at := path.Clean("/" + group); ; at = path.Dir(at) {
			least = min(least, readLimit(system, path.Join(root, at, file)))
			if at == "/" {
				break
			}
		}
	}
	if least >= unlimited {
		return 0
	}
	return least
}

// unlimited is more than any machine has: version 1 shows no limit as the largest
// multiple of a page, version 2 as a word.
const unlimited = 1 << 50

func readLimit(system fs.FS, name string) int64 {
	text, err := fs.ReadFile(system, name)
	if err != nil {
		return unlimited
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || n <= 0 {
		return unlimited
	}
	return n
}
