package broker

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// What is removed while a tree is made durable does not fail that.
func TestSyncTreeWhileSomethingIsRemoved(t *testing.T) {
	dir := t.TempDir()
	for range 20 {
		gone := filepath.Join(dir, "gone")
		for i := range 30 {
			if err := os.MkdirAll(filepath.Join(gone, fmt.Sprint(i), "deep"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		var removing sync.WaitGroup
		removing.Go(func() {
			if err := os.RemoveAll(gone); err != nil {
				t.Error(err)
			}
		})
		if err := syncTree(dir); err != nil {
			t.Error(err)
		}
		removing.Wait()
	}
	if err := syncTree(filepath.Join(dir, "absent")); err == nil {
		t.Error("a tree that is not there was made durable")
	}
}
