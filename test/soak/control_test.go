package soak_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A remote is what a rig shares with a program that was built rigged: three numbers
// in a file that both have mapped.
type remote struct {
	file    string
	numbers *[3]int64 // points passed, the point to die at, seconds added to the clock
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	file := filepath.Join(t.TempDir(), "control")
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var r remote
	size := int(unsafe.Sizeof(*r.numbers))
	err = f.Truncate(int64(size))
	shared, e := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err := errors.Join(err, e, f.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(shared); err != nil {
			t.Error(err)
		}
	})
	return &remote{file, (*[3]int64)(unsafe.Pointer(unsafe.SliceData(shared)))}
}

// env tells the program where the file is.
func (r *remote) env() string { return "RIG_CONTROL=" + r.file }

// points is how many calls that make something durable there have been since
// dieAt was called.
func (r *remote) points() int { return int(atomic.LoadInt64(&r.numbers[0])) }

// dieAt lets the program die at the n-th such call from now on; 0 for never.
func (r *remote) dieAt(n int) {
	atomic.StoreInt64(&r.numbers[1], 0)
	atomic.StoreInt64(&r.numbers[0], 0)
	atomic.StoreInt64(&r.numbers[1], int64(n))
}

// jump sets the program's clock so much before or after the right time.
func (r *remote) jump(by time.Duration) { atomic.StoreInt64(&r.numbers[2], int64(by/time.Second)) }

// now is the program's time.
func (r *remote) now() time.Time {
	return time.Now().Round(0).Add(time.Duration(atomic.LoadInt64(&r.numbers[2])) * time.Second)
}
