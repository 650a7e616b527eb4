package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
)

// A child is a tributary process on a data directory of its own.
type child struct {
	cmd      *exec.Cmd
	dir      string
	endpoint string
	started  time.Duration // from exec to ready
}

func startChild(ctx context.Context, binary string) (*child, error) {
	dir, err := os.MkdirTemp("", "tributary-bench-")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, "serve", "--dev", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, dir: dir}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			c.started, c.endpoint = time.Since(began), url
			return c, nil
		}
	}
	return nil, fmt.Errorf("%s did not become ready: %w", binary, cmd.Wait())
}

// stop ends the process and removes its data.
func (c *child) stop() error {
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := c.cmd.Wait(); err != nil {
		return err
	}
	return os.RemoveAll(c.dir)
}

func (c *child) client(account string) *client.Client {
	return &client.Client{
		Endpoint: c.endpoint, Region: "us-east-1", Now: time.Now,
		Credentials: sigv4.Credentials{AccessKeyID: account, SecretAccessKey: "test"},
		HTTP:        &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
}

// residentMiB is the process's resident memory.
func (c *child) residentMiB() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in the status of process %d", c.cmd.Process.Pid)
}

// clockTick is the unit of CPU times in /proc, which is 1/100 s on Linux.
const clockTick = 10 * time.Millisecond

// cpu is the CPU time that the process has used.
func (c *child) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
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
