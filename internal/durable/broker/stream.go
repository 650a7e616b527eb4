package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrNoStream means that the engine does not know a stream of this name.
	ErrNoStream = errors.New("no such stream")
	// ErrStreamExists means that a stream of this name is there already.
	ErrStreamExists = errors.New("stream exists")
	// ErrUnreadable means that a stream of this name has messages, and that the engine
	// cannot read its files.
	ErrUnreadable = errors.New("the engine cannot read the stream in")
)

// A StreamConfig describes a stream to be made. Streams are kept in files with one
// replica, have no limit of age or size, and give no single message up.
type StreamConfig struct {
	Name string // letters, digits, '-' and '_'
	// Subjects are those that the stream stores; no other stream may store them.
	Subjects []string
	// Note is stored with the stream for whoever looks at the files.
	Note string
}

// A Stream stores messages under sequence numbers that ascend by one from 1.
// It is a handle: making one asks nothing and proves nothing.
type Stream struct {
	b    *Broker
	name string
}

// A State is what a stream says about itself. A stream that holds nothing has
// First == Last+1.
type State struct {
	First, Last uint64 // sequence numbers
	Messages    uint64
	// Missing counts the sequence numbers between First and Last that have no message.
	Missing uint64
}

// Stream returns a handle on the stream of this name.
func (b *Broker) Stream(name string) Stream { return Stream{b: b, name: name} }

// Create makes the stream: ErrStreamExists. When it returns, the stream survives a crash.
// A creation that a crash cut short is begun anew.
func (b *Broker) Create(ctx context.Context, cfg StreamConfig) (Stream, error) {
	if err := b.Health(); err != nil {
		return Stream{}, fmt.Errorf("create stream %s: %w", cfg.Name, err)
	}
	s := b.Stream(cfg.Name)
	// The engine answers a second creation with equal configuration as it does the first.
	if _, err := s.State(ctx); !errors.Is(err, ErrNoStream) {
		if err == nil {
			err = ErrStreamExists
		}
		return Stream{}, fmt.Errorf("create stream %s: %w", cfg.Name, err)
	}
	if err := s.sweep(); err != nil {
		return Stream{}, fmt.Errorf("create stream %s: %w", cfg.Name, err)
	}
	js := jetstream.StreamConfig{
		Name:        cfg.Name,
		Description: cfg.Note,
		Subjects:    cfg.Subjects,
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Replicas:    1,
		AllowDirect: true,
		Compression: jetstream.NoCompression, // whoever publishes compresses what pays
		DenyDelete:  true,
		// Never reached. With such a limit the engine keeps a stream in files of 4 MiB instead
		// of 8, and it has the file in memory that it writes to, and those that it reads.
		MaxMsgsPerSubject: 1 << 62,
	}
	if _, err := b.js.CreateStream(ctx, js); err != nil {
		return Stream{}, fmt.Errorf("create stream %s: %w", cfg.Name, err)
	}
	return s, nil
}

// States asks for the state of every stream that the engine knows, by name.
func (b *Broker) States(ctx context.Context) (map[string]State, error) {
	states := make(map[string]State)
	list := b.js.ListStreams(ctx)
	for info := range list.Info() {
		states[info.Config.Name] = stateOf(info.State)
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	return states, nil
}

// State asks for the state: ErrNoStream.
func (s Stream) State(ctx context.Context) (State, error) {
	js, err := s.b.js.Stream(ctx, s.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return State{}, fmt.Errorf("stream %s: %w", s.name, ErrNoStream)
	}
	if err != nil {
		return State{}, fmt.Errorf("stream %s: %w", s.name, err)
	}
	return stateOf(js.CachedInfo().State), nil
}

// Purge removes every message with a sequence number below first. Purging twice
// is the same as purging once.
func (s Stream) Purge(ctx context.Context, first uint64) error {
	js, err := s.b.js.Stream(ctx, s.name)
	if err != nil {
		return fmt.Errorf("purge stream %s: %w", s.name, err)
	}
	if err := js.Purge(ctx, jetstream.WithPurgeSequence(first)); err != nil {
		return fmt.Errorf("purge stream %s: %w", s.name, err)
	}
	return nil
}

// Remove removes the stream and everything in it, also when the engine does not know it
// because its files are damaged. Removing what is not there is no error.
func (s Stream) Remove(ctx context.Context) error {
	err := s.b.js.DeleteStream(ctx, s.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = os.RemoveAll(s.dir())
	}
	if err != nil {
		return fmt.Errorf("remove stream %s: %w", s.name, err)
	}
	return nil
}

// dir is where the engine keeps the stream.
func (s Stream) dir() string {
	return filepath.Join(s.b.cfg.Dir, server.JetStreamStoreDir, server.DEFAULT_GLOBAL_ACCOUNT, "streams", s.name)
}

// sweep removes what a crash leaves of a stream that was being made: its description
// without, or with half, a checksum. The engine does not know such a stream, and would
// make one of its name without ever writing the checksum: the next start would miss it.
// What holds messages stays: ErrUnreadable.
func (s Stream) sweep() error {
	files, err := os.ReadDir(filepath.Join(s.dir(), "msgs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			return err
		}
		if info.Size() > 0 && filepath.Ext(file.Name()) == ".blk" {
			return fmt.Errorf("%w %s", ErrUnreadable, s.dir())
		}
	}
	return os.RemoveAll(s.dir())
}

func stateOf(s jetstream.StreamState) State {
	st := State{First: s.FirstSeq, Last: s.LastSeq, Messages: s.Msgs, Missing: uint64(s.NumDeleted)}
	if s.Msgs == 0 {
		st.First = s.LastSeq + 1
	}
	return st
}
