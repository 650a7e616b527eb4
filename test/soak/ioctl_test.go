package soak_test

import (
	"os"
	"syscall"
	"unsafe"
)

// ioctl asks the driver of a file.
func ioctl(f *os.File, request uintptr, argument *uint32) syscall.Errno {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(argument)))
	return errno
}
