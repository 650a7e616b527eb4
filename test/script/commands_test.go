package script

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

const (
	patience = 20 * time.Second       // of the commands that wait
	interval = 100 * time.Millisecond // between two looks
)

// aws runs the CLI as the root user of an account. Its output is for stdout,
// stderr and the like.
func aws(ts *testscript.TestScript, account string, words ...string) error {
	ts.Setenv("AWS_ACCESS_KEY_ID", account)
	return ts.Exec(awsProgram, append([]string{"--endpoint-url", ts.Getenv("ENDPOINT")}, words...)...)
}

func cmdAWS(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) >= 3, "aws ACCOUNT SERVICE OPERATION [WORD...]")
	judge(ts, neg, aws(ts, args[0], args[1:]...), "aws")
}

// until looks again and again until done, or ends the story.
func until(ts *testscript.TestScript, what string, done func() bool) {
	deadline := time.After(patience)
	again := time.NewTicker(interval)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-deadline:
			ts.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func cmdWaitfor(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) >= 4 && args[1] == "aws", "waitfor REGEXP aws ACCOUNT SERVICE OPERATION [WORD...]")
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	until(ts, strings.Join(args, " "), func() bool {
		err := aws(ts, args[2], args[3:]...)
		return (err == nil && want.MatchString(ts.ReadFile("stdout"))) != neg
	})
}

func cmdCapture(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 0, "capture NAME...")
	words := strings.Fields(ts.ReadFile("stdout"))
	if len(words) != len(args) {
		ts.Fatalf("capture %s: the last output has %d words", strings.Join(args, " "), len(words))
	}
	for i, name := range args {
		ts.Setenv(name, words[i])
	}
}

func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) > 0, "expand FILE...")
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), func(variable string) string {
			value := ts.Getenv(variable)
			if value == "" {
				ts.Fatalf("expand %s: no variable %s", name, variable)
			}
			return value
		})
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func cmdPut(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, len(args) == 4, "put ACCOUNT GROUP STREAM FILE")
	type event struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	var events []event
	now := time.Now().UnixMilli()
	for line := range strings.Lines(ts.ReadFile(args[3])) {
		events = append(events, event{now, strings.TrimSuffix(line, "\n")})
	}
	body, err := json.Marshal(events)
	ts.Check(err)
	file := ts.MkAbs("put.json")
	ts.Check(os.WriteFile(file, body, 0o600))
	judge(ts, neg, aws(ts, args[0], "logs", "put-log-events",
		"--log-group-name", args[1], "--log-stream-name", args[2], "--log-events", "file://"+file), "put")
}

// An envelope is what CloudWatch Logs puts into a record.
type envelope struct {
	MessageType         string   `json:"messageType"`
	Owner               string   `json:"owner"`
	LogGroup            string   `json:"logGroup"`
	LogStream           string   `json:"logStream"`
	SubscriptionFilters []string `json:"subscriptionFilters"`
	LogEvents           []struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	} `json:"logEvents"`
}

// envelopes are the unpacked texts of the records in an answer of get-records.
func envelopes(answer string) ([][]byte, error) {
	var page struct {
		Records []struct{ Data []byte }
	}
	if err := json.Unmarshal([]byte(answer), &page); err != nil {
		return nil, fmt.Errorf("not an answer of get-records: %w", err)
	}
	var all [][]byte
	for i, r := range page.Records {
		z, err := gzip.NewReader(bytes.NewReader(r.Data))
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		all = append(all, text)
	}
	return all, nil
}

func cmdDecode(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) <= 1, "decode [FILE]")
	source := "stdout"
	if len(args) == 1 {
		source = args[0]
	}
	all, err := envelopes(ts.ReadFile(source))
	ts.Check(err)
	for _, text := range all {
		_, err := fmt.Fprintf(ts.Stdout(), "%s\n", text)
		ts.Check(err)
	}
}

// received lists the events in an answer of get-records, without those of
// control messages.
func received(answer string) ([]string, error) {
	all, err := envelopes(answer)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, text := range all {
		var e envelope
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, err
		}
		if e.MessageType == "CONTROL_MESSAGE" {
			continue
		}
		for _, event := range e.LogEvents {
			lines = append(lines, fmt.Sprintf("%s %s %s %s %s",
				e.Owner, e.LogGroup, e.LogStream, strings.Join(e.SubscriptionFilters, ","), event.Message))
		}
	}
	return lines, nil
}

func cmdReceived(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, !neg && len(args) >= 2, "received COUNT ACCOUNT [WORD...]")
	count, err := strconv.Atoi(args[0])
	ts.Check(err)
	var lines []string
	until(ts, fmt.Sprintf("%d events", count), func() bool {
		ts.Check(aws(ts, args[1], append([]string{"kinesis", "get-records"}, args[2:]...)...))
		lines, err = received(ts.ReadFile("stdout"))
		ts.Check(err)
		return len(lines) >= count
	})
	for _, line := range lines {
		_, err := fmt.Fprintln(ts.Stdout(), line)
		ts.Check(err)
	}
}
