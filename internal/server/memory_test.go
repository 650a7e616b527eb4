package server

import (
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestMemoryLimitIsThatOfTheTightestCgroup(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	const none = "9223372036854771712\n"
	for _, c := range []struct {
		name   string
		system fstest.MapFS
		want   int64
	}{
		{"no cgroups", fstest.MapFS{}, 0},
		{"version 1", fstest.MapFS{
			"proc/self/cgroup":                               file("4:cpu,cpuacct:/x\n3:memory:/a/b\n0::/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":     file(none),
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes":   file("1000\n"),
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": file("2000\n"),
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes":   file("1\n"),
		}, 1000},
		{"version 1 without a limit", fstest.MapFS{
			"proc/self/cgroup":                           file("3:memory:/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file(none),
		}, 0},
		{"version 1 in a container", fstest.MapFS{
			"proc/self/cgroup":                           file("3:memory:/docker/1234\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("268435456\n"),
		}, 268435456},
		{"version 2", fstest.MapFS{
			"proc/self/cgroup":                                file("0::/system.slice/x.service\n"),
			"sys/fs/cgroup/system.slice/memory.max":           file("max\n"),
			"sys/fs/cgroup/system.slice/x.service/memory.max": file("3000\n"),
		}, 3000},
		{"version 2 without a limit", fstest.MapFS{
			"proc/self/cgroup":           file("0::/x\n"),
			"sys/fs/cgroup/x/memory.max": file("max\n"),
		}, 0},
	} {
		if got := memoryLimit(c.system); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

func TestBoundsFollowMemoryAndFiles(t *testing.T) {
	for _, c := range []struct {
		name   string
		memory int64
		files  uint64
		want   bounds
	}{
		{"plenty", 0, 1 << 30, bounds{256 << 20, 3 << 18, 16 << 20, 256 << 20}},
		{"few files", 0, 1024, bounds{256 << 20, 768, 16 << 20, 256 << 20}},
		{"256 MiB", 256 << 20, 20_000, bounds{256 << 20 / 5, 1638, 4 << 20, 256 << 20 / 20}},
		{"256 MiB and few files", 256 << 20, 1024, bounds{256 << 20 / 5, 768, 4 << 20, 256 << 20 / 20}},
		{"64 GiB", 64 << 30, 20_000, bounds{256 << 20, 15_000, 16 << 20, 256 << 20}},
	} {
		if got := boundsFor(c.memory, c.files); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestGarbageIsCollectedLessOftenWherePossible(t *testing.T) {
	before := debug.SetGCPercent(-1)
	defer debug.SetGCPercent(before)
	machine := func(kib string) fstest.MapFS {
		return fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal:       " + kib + " kB\nMemFree:  1 kB\n")}}
	}
	for _, c := range []struct {
		name   string
		limit  int64
		system fstest.MapFS
		want   int
	}{
		{"no limit", 0, machine("4000000"), 200},
		{"nothing is known", 0, fstest.MapFS{}, 200},
		{"plenty", 1 << 30, machine("4000000"), 200},
		{"little", 256 << 20, machine("4000000"), 100},
		{"a small machine", 0, machine("512000"), 100},
	} {
		debug.SetGCPercent(100)
		collectLess(c.limit, c.system)
		if got := debug.SetGCPercent(-1); got != c.want {
			t.Errorf("%s: %d percent, want %d", c.name, got, c.want)
		}
	}
}
