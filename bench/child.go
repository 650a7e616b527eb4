package main

import (
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

// A child is a tributary process on a data directory of its own.
type child struct {
	*process.Server
	dir     string
	started time.Duration // from the start of the process to ready
}

func startChild(binary string) (*child, error) {
	dir, err := os.MkdirTemp("", "tributary-bench-")
	if err != nil {
		return nil, err
	}
	began := time.Now()
	server, err := process.Start(binary, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	return &child{server, dir, time.Since(began)}, nil
}

// stop ends the process and removes its data.
func (c *child) stop() error {
	if err := c.Stop(); err != nil {
		return err
	}
	return os.RemoveAll(c.dir)
}

func (c *child) client(account string) *client.Client {
	return &client.Client{
		Endpoint: c.Endpoint, Region: "us-east-1", Now: time.Now,
		Credentials: sigv4.Credentials{AccessKeyID: account, SecretAccessKey: "test"},
		HTTP:        &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
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
