package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// The reasons for which Open refuses a directory, to be compared with errors.Is.
var (
	// ErrInUse means that another process has the directory open.
	ErrInUse = errors.New("data directory is in use by another process")
	// ErrForeign means that the directory is not empty and has no marker of ours,
	// or a marker that this release does not know.
	ErrForeign = errors.New("data directory is not Tributary's")
	// ErrUnwritable means that the directory cannot be made or written.
	ErrUnwritable = errors.New("data directory cannot be written")
)

const (
	markerName = "TRIBUTARY"
	markerText = "Tributary data directory, format 1. Do not edit or remove this file.\n"
	lockName   = "lock"
)

// claim makes dir ours: it exists, is ours alone, carries the marker and is
// locked until the returned file is closed.
func claim(dir string) (lock *os.File, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unwritable(dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, unwritable(dir, err)
	}
	marked, err := checkMarker(dir, entries)
	if err != nil {
		return nil, err
	}
	// Only now that it is known to be ours: nobody else reads what lies below.
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, unwritable(dir, err)
	}
	lock, err = os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unwritable(dir, err)
	}
	if err := takeLock(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), lock.Close())
	}
	if !marked {
		if err := writeMarker(dir); err != nil {
			return nil, errors.Join(unwritable(dir, err), lock.Close())
		}
	}
	return lock, nil
}

// checkMarker reports whether the directory carries our marker. Without one the
// directory must hold nothing but what a crash during the very first start leaves.
func checkMarker(dir string, entries []fs.DirEntry) (marked bool, err error) {
	text, err := os.ReadFile(filepath.Join(dir, markerName))
	switch {
	case err == nil && string(text) == markerText:
		return true, nil
	case err == nil:
		return false, fmt.Errorf("%s: %w: its file %s is from another release or damaged", dir, ErrForeign, markerName)
	case !errors.Is(err, fs.ErrNotExist):
		return false, unwritable(dir, err)
	}
	for _, e := range entries {
		switch e.Name() {
		case lockName, markerName + ".new", "lost+found":
		default:
			return false, fmt.Errorf("%s: %w: it holds %q and no file %s; choose an empty directory", dir, ErrForeign, e.Name(), markerName)
		}
	}
	return false, nil
}

// takeLock takes the lock that the kernel gives back when the process ends,
// however it ends.
func takeLock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	if err != nil {
		return fmt.Errorf("%w: lock: %w", ErrUnwritable, err)
	}
	return nil
}

// writeMarker makes the marker appear whole or not at all, also after a power cut.
func writeMarker(dir string) error {
	path := filepath.Join(dir, markerName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(markerText)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncPath(dir)
}

// syncTree makes everything below a directory durable. A process that was killed
// leaves what it had written and not yet synced to be read by the next one, and what
// is read must not be taken back by a power cut later.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (d.IsDir() || d.Type().IsRegular()) {
			err = syncPath(path)
		}
		if path != dir && errors.Is(err, fs.ErrNotExist) {
			// An engine that was stopped in this process goes on removing what was deleted.
			return nil
		}
		return err
	})
}

// syncPath makes a file's content, or the names in a directory, durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func unwritable(dir string, err error) error {
	return fmt.Errorf("%s: %w: %w", dir, ErrUnwritable, err)
}
