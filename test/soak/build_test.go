package soak_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tributary/test/process"
)

const root = "../.."

// A program is one to start, with settings of its environment.
type program struct {
	file string
	env  []string // NAME=value
}

// start starts the program on a data directory, with further settings.
func (p program) start(data string, env ...string) (*process.Server, error) {
	return process.StartIn(slices.Concat(p.env, env), p.file, data)
}

// build builds the program as it is shipped, once for all rigs.
func build(t *testing.T) program {
	t.Helper()
	return program{file: built(t, "shipped")}
}

// rigged builds the one other program that the rigs use: it obeys a remote, and it
// has the faults, of which it commits none unless it is told to.
func rigged(t *testing.T) program {
	t.Helper()
	changes := slices.Concat(remoteControl(t), faults())
	for _, folder := range []string{"internal/durable/broker", "internal/durable/catalog", "internal/durable/journal", "internal/service/kinesis", "internal/edge/gateway", "internal/server"} {
		changes = append(changes, process.Fault{
			File:  folder + "/zrig.go",
			Wrong: fmt.Sprintf(source(t, "fault.txt"), path.Base(folder)),
		})
	}
	return program{file: built(t, "rigged", changes...)}
}

// faulty is the rigged program that commits a fault.
func faulty(t *testing.T, f fault) program {
	t.Helper()
	p := rigged(t)
	p.env = []string{"RIG_FAULT=" + string(f)}
	return p
}

// built builds the program with changes to its source, unless that has been done,
// into a directory that TestMain removes.
func built(t *testing.T, name string, changes ...process.Fault) (file string) {
	t.Helper()
	dir := filepath.Join(os.Getenv(scratch), name)
	file = filepath.Join(dir, "tributary")
	if _, err := os.Stat(file); err == nil {
		return file
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := process.BuildFaulty(root, dir, changes...); err != nil {
		t.Fatal(err)
	}
	t.Logf("the %s program was built in %.1f s", name, time.Since(began).Seconds())
	return file
}

// A fault takes one protection out of the program. A rig that does not find the fault
// that it is there for shows nothing when it finds none.
type fault string

const (
	withoutSync     fault = "no sync"           // acknowledges before anything is on the disk
	withoutMarks    fault = "no marks"          // does not ask a shard after a crash what it holds already
	withoutGate     fault = "no gate"           // the catalog may change between permission and append
	withoutDoubts   fault = "no doubts"         // answers although an append may come yet
	withoutChecks   fault = "no checks"         // believes what the engine shows of a journal, and skips what it does not
	withoutFailStop fault = "no failures heard" // does not hear of the engine's failures
	wallRetention   fault = "wall retention"    // lets records expire by the wall clock
	withoutBounds   fault = "no bounds"         // lets clients take any memory

	withoutHeadTimeout fault = "no head timeout" // waits for heads as long as it takes
)

// faults are the changes that make the program able to commit each of them.
func faults() []process.Fault {
	when := func(f fault) string { return fmt.Sprintf("rigFault(%q)", f) }
	// insert commits the fault before what is right.
	insert := func(f fault, file, right, wrong string) process.Fault {
		return process.Fault{File: file, Right: right, Wrong: "\tif " + when(f) + " {\n\t\t" + wrong + "\n\t}\n" + right}
	}
	return []process.Fault{
		{File: "internal/durable/broker/engine.go", Right: "!b.cfg.noSync,", Wrong: "!b.cfg.noSync && !" + when(withoutSync) + ","},
		insert(withoutMarks, "internal/durable/journal/lane.go", "\treturn mark, number != 0, nil\n", "return Position{}, false, nil"),
		insert(withoutGate, "internal/durable/catalog/catalog.go", "\tc.gate.RLock()\n\treturn c.gate.RUnlock\n", "return func() {}"),
		insert(withoutDoubts, "internal/durable/catalog/doubt.go", "\tif len(open) == 0 {\n", "return nil"),
		insert(withoutFailStop, "internal/durable/broker/health.go", "\th.err = err\n\tclose(h.failed)\n", "return"),
		insert(wallRetention, "internal/service/kinesis/retention.go", "return s.started.Add(s.cfg.Now().Sub(s.started))", "return s.cfg.Now().Round(0)"),
		insert(withoutChecks, "internal/durable/journal/reader.go", "\tr.ahead = r.ahead[:0]\n",
			"for _, m := range messages[:min(1, len(messages))] {\n\t\t\tnumber, r.next = m.Seq, Position{Block: m.Seq}\n\t\t}"),
		insert(withoutChecks, "internal/durable/journal/marks.go", "\tend, err := s.markedEnd(r)\n", "return nil"),
		insert(withoutBounds, "internal/server/memory.go", "\tb := bounds{held", "return bounds{held: 1 << 40}"),
		// With the limit it may live on at the edge, without answering.
		insert(withoutBounds, "internal/server/memory.go", "\tlimit = memoryLimit(system)\n", "return 0"),
		insert(withoutHeadTimeout, "internal/edge/gateway/server.go", "\tprotocols := new(http.Protocols)\n", "return &http.Server{Handler: counted(handler), ConnContext: connContext}"),
		{File: "internal/durable/journal/block.go", Right: "; want != got {", Wrong: "; want != got && !" + when(withoutChecks) + " {"},
	}
}

// remoteControl are the changes that let a rig count and choose where the program
// dies, and set its clock.
func remoteControl(t *testing.T) []process.Fault {
	t.Helper()
	changes := []process.Fault{
		{File: "std/syscall/zrig.go", Wrong: source(t, "syscall.go")},
		{File: "std/time/zrig.go", Wrong: source(t, "time.go")},
		{File: "cmd/tributary/zrig.go", Wrong: source(t, "program.go")},
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
		changes = append(changes, process.Fault{File: call.file, Right: call.head, Wrong: call.head + "\t" + call.point + "()\n"})
	}
	return changes
}

// source is a file of testdata.
func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
