package time

import "syscall"

func rigSkew() int64 { return syscall.RigSkew() }
