package soak_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A cell is a memory cgroup for one server, of version 1 or 2.
type cell struct {
	dir string
	v2  bool
}

// cgroupRoots are where Linux shows the memory cgroups, by a file that is there.
var cgroupRoots = []struct {
	dir, sign string
	v2        bool
}{
	{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", false},
	{"/sys/fs/cgroup", "cgroup.subtree_control", true},
}

// newCell makes a cgroup whose processes may use so many bytes, and skips the test
// where that is impossible. CI may run in a container without the right to, so that is
// no failure there either; the skipped test says so.
func newCell(t *testing.T, limit int64) *cell {
	t.Helper()
	for _, root := range cgroupRoots {
		if _, err := os.Stat(filepath.Join(root.dir, root.sign)); err != nil {
			continue
		}
		c := &cell{dir: filepath.Join(root.dir, fmt.Sprintf("tributary-rig-%d", os.Getpid())), v2: root.v2}
		if err := c.make(limit); err != nil {
			t.Skipf("THIS RIG CANNOT RUN HERE: a memory cgroup cannot be made: %v", err)
		}
		t.Cleanup(func() {
			if err := c.remove(); err != nil {
				t.Error(err)
			}
		})
		return c
	}
	t.Skip("THIS RIG CANNOT RUN HERE: there are no memory cgroups")
	return nil
}

func (c *cell) make(limit int64) error {
	if c.v2 {
		if err := os.WriteFile(filepath.Join(filepath.Dir(c.dir), "cgroup.subtree_control"), []byte("+memory"), 0); err != nil {
			return err
		}
	}
	if err := os.Mkdir(c.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	file := "memory.limit_in_bytes"
	if c.v2 {
		file = "memory.max"
	}
	return os.WriteFile(filepath.Join(c.dir, file), strconv.AppendInt(nil, limit, 10), 0)
}

// remove removes the cgroup once its last process is quite gone.
func (c *cell) remove() error {
	for deadline := time.Now().Add(patience); ; {
		err := os.Remove(c.dir)
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
		<-time.After(20 * time.Millisecond)
	}
}

// confine returns the program as one that starts inside the cell.
func (c *cell) confine(t *testing.T, p program) program {
	t.Helper()
	file := filepath.Join(t.TempDir(), "confined")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%s/cgroup.procs && exec %s \"$@\"\n", c.dir, p.file)
	if err := os.WriteFile(file, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	p.file = file
	return p
}

// kills is how often the kernel has killed a process of the cell for want of memory.
func (c *cell) kills() (int64, error) {
	if c.v2 {
		return fieldOf(filepath.Join(c.dir, "memory.events"), "oom_kill")
	}
	return fieldOf(filepath.Join(c.dir, "memory.oom_control"), "oom_kill")
}

// most is how many bytes the cell has had at most: the process, what the kernel has for
// it, and the page cache, which alone fills it up to the limit and gives way.
func (c *cell) most() (int64, error) {
	file := "memory.max_usage_in_bytes"
	if c.v2 {
		file = "memory.peak"
	}
	text, err := os.ReadFile(filepath.Join(c.dir, file))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// peakRSS is how many bytes a process has had in memory at most.
func peakRSS(pid int) (int64, error) {
	kib, err := fieldOf(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
	return kib << 10, err
}

// fieldOf is field of a file.
func fieldOf(file, name string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	n, err := field(text, name)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return n, nil
}

// field is the number behind a name at the beginning of a line.
func field(text []byte, name string) (int64, error) {
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == name {
			return strconv.ParseInt(f[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}

// sockets counts the open sockets of a process.
func sockets(pid int) (int, error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		// One that has been closed since is none.
		if to, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n, nil
}
