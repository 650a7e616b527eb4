package syscall

import "sync/atomic"

// rigControl is what a rig shares with the program, in a file that both have
// mapped; see control_test.go.
var rigControl atomic.Pointer[[3]int64]

// RigObey makes the program obey the rig.
func RigObey(control *[3]int64) { rigControl.Store(control) }

// RigPoint counts a call that makes something durable, and ends the process at the
// one that the rig has chosen.
func RigPoint() {
	control := rigControl.Load()
	if control == nil {
		return
	}
	if n := atomic.AddInt64(&control[0], 1); n == atomic.LoadInt64(&control[1]) {
		_ = Kill(Getpid(), SIGKILL)
		select {}
	}
}

// RigSkew is what the rig adds to the clock, in seconds.
func RigSkew() int64 {
	control := rigControl.Load()
	if control == nil {
		return 0
	}
	return atomic.LoadInt64(&control[2])
}
