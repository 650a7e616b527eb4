// Package process builds the tributary program and runs it as a child process,
// for the tests that look at it from outside. It imports nothing of ours, so
// that test/sdk, a module of its own, can use it without our dependencies.
package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTime = 30 * time.Second // until the line ready
	stopTime  = 30 * time.Second // from SIGTERM to the end
)

// A Server is a running child process.
type Server struct {
	// Endpoint is the URL that it answers on.
	Endpoint string

	cmd    *exec.Cmd
	log    lockedBuffer
	exited chan struct{} // closed after err is set
	err    error
}

// Start runs "tributary serve --dev" on a free loopback port with its data in the
// directory data, and returns when it answers requests.
func Start(program, data string, args ...string) (*Server, error) {
	return StartIn(nil, program, data, args...)
}

// StartIn is Start with further settings of the environment, as NAME=value.
func StartIn(env []string, program, data string, args ...string) (*Server, error) {
	args = append([]string{"serve", "--dev", "--listen", "127.0.0.1:0", "--data", data}, args...)
	s := &Server{cmd: exec.Command(program, args...), exited: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stderr = &s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				ready <- url
			}
		}
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	select {
	case s.Endpoint = <-ready:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("the server ended before it was ready: %w\n%s", s.err, s.Log())
	case <-time.After(startTime):
		return nil, errors.Join(fmt.Errorf("the server was not ready after %v\n%s", startTime, s.Log()), s.Kill())
	}
}

// Stop ends the server with SIGTERM and waits for it. A server that does not end
// in time, or not with status 0, is an error.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the server: %w\n%s", err, s.Log())
	}
	select {
	case <-s.exited:
		if s.err != nil {
			return fmt.Errorf("the server ended badly: %w\n%s", s.err, s.Log())
		}
		return nil
	case <-time.After(stopTime):
		return errors.Join(fmt.Errorf("the server ran on for %v after SIGTERM\n%s", stopTime, s.Log()), s.Kill())
	}
}

// Kill ends the server with SIGKILL and waits for it.
func (s *Server) Kill() error {
	err := s.cmd.Process.Kill()
	<-s.exited
	return err
}

// Exited is closed when the server has ended.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// PID is the number of the server's process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Log is what the server has written to its standard error.
func (s *Server) Log() string { return s.log.String() }

// A lockedBuffer is written by the child's copier and read by the test.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
