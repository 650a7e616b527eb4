package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A Checkpoint says how far a shard has been handled. The zero Checkpoint is that
// of a shard nobody has read.
type Checkpoint struct {
	// SequenceNumber is that of the last record that was handled.
	SequenceNumber string `json:"sequenceNumber,omitempty"`
	// Since is where reading began, as long as no record has been handled.
	Since time.Time `json:"since,omitzero"`
	// Finished says that the shard is closed and all of it was handled.
	Finished bool `json:"finished,omitempty"`
}

// Checkpoints keep the checkpoint of each shard of one stream. A Follower calls
// them from several goroutines.
type Checkpoints interface {
	// Load returns the checkpoint of a shard, the zero Checkpoint if it has none.
	Load(ctx context.Context, shardID string) (Checkpoint, error)
	// Save keeps the checkpoint of a shard. When it has returned, the records before
	// it may never be handled again.
	Save(ctx context.Context, shardID string, c Checkpoint) error
}

// FileCheckpoints keep checkpoints in a JSON file, which is replaced and fsynced at
// every Save. One process uses a file at a time.
type FileCheckpoints struct {
	path string

	mu  sync.Mutex
	all map[string]Checkpoint // by shard id; guarded by mu
}

// OpenCheckpoints reads the file at path, which need not exist yet.
func OpenCheckpoints(path string) (*FileCheckpoints, error) {
	f := &FileCheckpoints{path: path, all: map[string]Checkpoint{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	if err := json.Unmarshal(text, &f.all); err != nil {
		return nil, fmt.Errorf("read checkpoints: %s: %w", path, err)
	}
	if f.all == nil {
		return nil, fmt.Errorf("read checkpoints: %s: want an object", path)
	}
	return f, nil
}

// Load implements [Checkpoints].
func (f *FileCheckpoints) Load(_ context.Context, shardID string) (Checkpoint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[shardID], nil
}

// Save implements [Checkpoints].
func (f *FileCheckpoints) Save(_ context.Context, shardID string, c Checkpoint) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[shardID] = c
	text, err := json.MarshalIndent(f.all, "", "  ")
	if err != nil {
		return fmt.Errorf("save checkpoints: %w", err)
	}
	if err := replace(f.path, append(text, '\n')); err != nil {
		return fmt.Errorf("save checkpoints: %w", err)
	}
	return nil
}

// replace puts text into the file at path so that a crash leaves the old text or
// the new one.
func replace(path string, text []byte) error {
	dir := filepath.Dir(path)
	next, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	if err := errors.Join(err, next.Sync(), next.Close()); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	if err := os.Rename(next.Name(), path); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// forgetful keeps checkpoints while the process runs.
type forgetful struct {
	mu  sync.Mutex
	all map[string]Checkpoint // guarded by mu
}

func (f *forgetful) Load(_ context.Context, shardID string) (Checkpoint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[shardID], nil
}

func (f *forgetful) Save(_ context.Context, shardID string, c Checkpoint) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[shardID] = c
	return nil
}
