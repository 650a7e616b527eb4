package soak_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tributary/test/process"
)

const root = "../.."

// build builds the program, with faults planted if there are any: each kind once for
// all rigs, into a directory that TestMain removes.
func build(t *testing.T, faults ...process.Fault) (program string) {
	t.Helper()
	kind := sha256.Sum256(fmt.Append(nil, faults))
	dir := filepath.Join(os.Getenv(scratch), fmt.Sprintf("program-%x", kind[:8]))
	if built := filepath.Join(dir, "tributary"); exists(built) {
		return built
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	program, err := process.BuildFaulty(root, dir, faults...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("built in %.1f s", time.Since(began).Seconds())
	return program
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// The faults take one protection each out of the program. A rig that does not find
// the fault that it is there for shows nothing when it finds none.
var (
	// withoutSync acknowledges before anything is on the disk.
	withoutSync = process.Fault{
		File:  "internal/durable/broker/engine.go",
		Right: "!b.cfg.noSync,",
		Wrong: "false,",
	}
	// withoutMarks does not ask a shard after a crash what it holds already.
	withoutMarks = process.Fault{
		File:  "internal/durable/journal/lane.go",
		Right: "return mark, number != 0, nil",
		Wrong: "return Position{}, false, nil",
	}
	// withoutGate lets the catalog change between the answer that a record may be
	// appended and the append.
	withoutGate = process.Fault{
		File:  "internal/durable/catalog/catalog.go",
		Right: "\tc.gate.RLock()\n\treturn c.gate.RUnlock\n",
		Wrong: "\treturn func() {}\n",
	}
	// withoutChecks believes what the engine shows of a journal.
	withoutChecks = []process.Fault{
		{File: "internal/durable/journal/block.go", Right: "; want != got {", Wrong: "; want != got && false {"},
		{File: "internal/durable/journal/marks.go", Right: "case state.Last < end:", Wrong: "case false:"},
		{File: "internal/durable/journal/marks.go", Right: "case state.Missing > 0:", Wrong: "case false:"},
	}
	// withoutFailStop does not hear of the engine's failures.
	withoutFailStop = process.Fault{
		File:  "internal/durable/broker/health.go",
		Right: "\th.err = err\n\tclose(h.failed)\n",
	}
)

// rigged are the changes that let a rig count and choose where the program dies,
// and set its clock. They stay out of its way otherwise.
func rigged(t *testing.T) []process.Fault {
	t.Helper()
	source := func(name string) string {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	faults := []process.Fault{
		{File: "std/syscall/zrig.go", Wrong: source("syscall.go")},
		{File: "std/time/zrig.go", Wrong: source("time.go")},
		{File: "cmd/tributary/zrig.go", Wrong: source("program.go")},
		{
			File:  "std/time/time.go",
			Right: "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n",
			Wrong: "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n\tsec += rigSkew()\n",
		},
	}
	for _, call := range []struct{ file, head, point string }{
		{"std/syscall/zsyscall_linux_amd64.go", "func Fsync(fd int) (err error) {\n", "RigPoint"},
		{"std/syscall/zsyscall_linux_amd64.go", "func Fdatasync(fd int) (err error) {\n", "RigPoint"},
		{"std/syscall/zsyscall_linux_amd64.go", "func unlinkat(dirfd int, path string, flags int) (err error) {\n", "RigPoint"},
		{"std/syscall/zsyscall_linux_amd64.go", "func Renameat(olddirfd int, oldpath string, newdirfd int, newpath string) (err error) {\n", "RigPoint"},
		{"std/internal/syscall/unix/at.go", "func Unlinkat(dirfd int, path string, flags int) error {\n", "syscall.RigPoint"},
	} {
		faults = append(faults, process.Fault{File: call.file, Right: call.head, Wrong: call.head + "\t" + call.point + "()\n"})
	}
	return faults
}
