package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// engineLog takes the server's log lines. The server tells of a failed write in no
// other way at once: it sets the stream aside and leaves the publisher waiting.
type engineLog struct {
	log    *slog.Logger
	health *health

	mu   sync.Mutex // guards last
	last string
}

func (l *engineLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.remember(text)
	// "… critical write error: CAUSE" of a stream, "Critical write error: CAUSE" of
	// its store. A test writes to a full disk to see that the words are still these.
	if strings.Contains(strings.ToLower(text), "critical write error") {
		l.health.fail(errors.New(text))
	}
	l.print(slog.LevelError, text)
}

func (l *engineLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.remember(text)
	l.print(slog.LevelError, text)
}

func (l *engineLog) Warnf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if strings.HasPrefix(text, "Maximum payloads over") {
		return // good advice for a network; ours is this process
	}
	l.print(slog.LevelWarn, text)
}

func (l *engineLog) Noticef(format string, v ...any) {
	l.print(slog.LevelDebug, fmt.Sprintf(format, v...))
}

func (l *engineLog) Debugf(string, ...any) {}
func (l *engineLog) Tracef(string, ...any) {}

// lastError returns the last error line: why the server has not started.
func (l *engineLog) lastError() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return errors.New("not ready in time")
	}
	return errors.New(l.last)
}

func (l *engineLog) remember(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = text
}

func (l *engineLog) print(level slog.Level, text string) {
	l.log.Log(context.Background(), level, "engine", "text", strings.TrimSpace(text))
}
