package soak_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk is a file system of its own, on a file that serves as its device.
type disk struct {
	t            testing.TB
	image, mount string
	kind         string
}

// imageSize is the smallest that xfs takes, and some.
const imageSize = 400 << 20

// newDisk makes a file system of the kind, ext4 or xfs, and mounts it until the end
// of the test.
func newDisk(t *testing.T, kind string) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		unable(t, "it mounts file systems, which is root's")
	}
	mkfs, err := exec.LookPath("mkfs." + kind)
	if err != nil {
		unable(t, "there is no mkfs.%s; scripts/install-test-tools installs it", kind)
	}
	dir := t.TempDir()
	d := &disk{t: t, image: filepath.Join(dir, "image"), mount: filepath.Join(dir, "mount"), kind: kind}
	f, err := os.Create(d.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(imageSize), f.Close(), os.Mkdir(d.mount, 0o700)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, "-q", d.image).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", mkfs, err, out)
	}
	if out, err := d.attach(); err != nil {
		unable(t, "loop devices cannot be mounted: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", d.mount).CombinedOutput(); err != nil {
			t.Errorf("unmount %s: %v\n%s", d.mount, err, out)
		}
	})
	return d
}

// attach mounts the image. The loop device goes away with the mount.
func (d *disk) attach() (string, error) {
	out, err := exec.Command("mount", "-o", "loop", d.image, d.mount).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// data is a directory for a server on the disk.
func (d *disk) data() string { return filepath.Join(d.mount, "data") }

// cut ends all writing to the disk, at once and without writing anything more: what
// has not been synced will not be there, neither data nor the file system's own log.
// At the last moment before that it calls before.
func (d *disk) cut(before func()) error {
	const (
		shutdown   = 0x8004587d // EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
		noLogFlush = uint32(2)
	)
	f, err := os.Open(d.mount)
	if err != nil {
		return err
	}
	flags := noLogFlush
	before()
	if errno := ioctl(f, shutdown, &flags); errno != 0 {
		err = fmt.Errorf("shut the file system down: %w", errno)
	}
	return errors.Join(err, f.Close())
}

// comeBack mounts the disk again as after a power cut. Nobody may use it any more.
func (d *disk) comeBack() {
	d.t.Helper()
	if out, err := exec.Command("umount", d.mount).CombinedOutput(); err != nil {
		d.t.Fatalf("unmount: %v\n%s", err, out)
	}
	if out, err := d.attach(); err != nil {
		d.t.Fatalf("mount again: %v\n%s", err, out)
	}
}

// smallDisk is a file system in memory, of size bytes.
func smallDisk(t *testing.T, size int) (mount string) {
	t.Helper()
	if os.Geteuid() != 0 {
		unable(t, "it mounts file systems, which is root's")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		unable(t, "tmpfs cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}
