package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/test/process"
)

const (
	recipient = "999999999999"
	sender    = "111111111111"
)

// A child is a tributary process on a data directory of its own.
type child struct {
	*process.Server
	binary  string
	args    []string
	dir     string
	started time.Duration // from the start of the process to ready
	// connections are shared by all clients: as many as a load has writers stay open.
	connections *http.Transport
}

func startChild(binary string, args ...string) (*child, error) {
	dir, err := os.MkdirTemp("", "tributary-bench-")
	if err != nil {
		return nil, err
	}
	c := &child{binary: binary, args: args, dir: dir, connections: &http.Transport{MaxIdleConnsPerHost: 512}}
	if err := c.start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

func (c *child) start() (err error) {
	began := time.Now()
	c.Server, err = process.Start(c.binary, filepath.Join(c.dir, "data"), c.args...)
	c.started = time.Since(began)
	return err
}

// restart ends the process and starts another on its data.
func (c *child) restart() error {
	c.connections.CloseIdleConnections()
	if err := c.Stop(); err != nil {
		return err
	}
	return c.start()
}

// stop ends the process and removes its data.
func (c *child) stop() error {
	c.connections.CloseIdleConnections()
	return errors.Join(c.Stop(), os.RemoveAll(c.dir))
}

// onChild is a measure on a server that has nothing but what the measure makes.
func onChild(measure func(context.Context, *settings, *child) ([]row, error), args ...string) func(context.Context, *settings) ([]row, error) {
	return func(ctx context.Context, s *settings) (rows []row, err error) {
		c, err := startChild(s.binary, args...)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, c.stop()) }()
		return measure(ctx, s, c)
	}
}

// client is a client with the root key that --dev gives an account.
func (c *child) client(account string) *client.Client {
	return &client.Client{
		Endpoint: c.Endpoint, Region: "us-east-1", Now: time.Now,
		Credentials: sigv4.Credentials{AccessKeyID: account, SecretAccessKey: "test"},
		HTTP:        &http.Client{Transport: c.connections},
	}
}

// kinesis calls an operation as the recipient.
func (c *child) kinesis(ctx context.Context, operation string, in, out any) error {
	return c.kinesisAs(ctx, recipient, operation, in, out)
}

func (c *child) kinesisAs(ctx context.Context, account, operation string, in, out any) error {
	return c.client(account).JSON(ctx, "kinesis", kinesisTarget+operation, in, out)
}

func (c *child) logs(ctx context.Context, account, operation string, in, out any) error {
	return c.client(account).JSON(ctx, "logs", "Logs_20140328."+operation, in, out)
}

func (c *child) iam(ctx context.Context, account, action string, in map[string]any) error {
	_, err := c.client(account).Query(ctx, "iam", "2010-05-08", action, in)
	return err
}

// A meter tells what the server has used since the meter was made.
type meter struct {
	c     *child
	began time.Time
	cpu   time.Duration
}

func (c *child) meter() (*meter, error) {
	used, err := c.cpu()
	return &meter{c, time.Now(), used}, err
}

// read is the time since the meter was made and the CPU time of the server in it.
func (m *meter) read() (wall, cpu time.Duration, err error) {
	used, err := m.c.cpu()
	return time.Since(m.began), used - m.cpu, err
}

// untilIdle waits until the server uses next to no CPU time: a start may leave it
// work, such as shortening the catalog's log.
func (c *child) untilIdle() error {
	for range 100 {
		m, err := c.meter()
		if err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
		if _, used, err := m.read(); err != nil || used <= clockTick {
			return err
		}
	}
	return errors.New("the server is never idle")
}

// residentMiB is the process's resident memory.
func (c *child) residentMiB() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in the status of process %d", c.PID())
}

// clockTick is the unit of CPU times in /proc, which is 1/100 s on Linux.
const clockTick = 10 * time.Millisecond

// cpu is the CPU time that the process has used.
func (c *child) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.PID()))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest) // f[11] and f[12] are utime and stime
	user, err := strconv.ParseInt(f[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * clockTick, err
}
