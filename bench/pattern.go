package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"tributary/internal/pure/pattern"
)

// measurePatterns is how fast filter patterns are on one core, beside what one
// would write with encoding/json and regexp. Events are JSON string literals, as
// they are stored, and MB/s counts the literals' bytes; only Go's regexp by itself
// is given texts that are decoded already.
func measurePatterns(_ context.Context, s *settings) ([]row, error) {
	lines, err := logLines(s.logs)
	if err != nil {
		return nil, err
	}
	access, trail := newEvents(accessLines()), newEvents(trailLines())
	var rows []row
	absent := regexp.MustCompile(`OutOfMemoryError`)
	hasA, hasE, hasO := regexp.MustCompile(`a`), regexp.MustCompile(`e`), regexp.MustCompile(`o`)
	stopped := regexp.MustCompile(`"mfaAuthenticated":"false".*"eventName":"StopLogging"`)
	fields := regexp.MustCompile(`^\S+ \S+ \S+ \[[^\]]*\] "[^"]*\.html[^"]*" 4\S* [1-9][0-9]{3,}$`)
	address := regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+ [a-z]*`)
	for _, c := range []patternCase{
		{
			what: "a term that no event has", pattern: `OutOfMemoryError`, on: lines, aim: ">= 1500 MB/s",
			decoding: func(s string) bool { return strings.Contains(s, "OutOfMemoryError") },
			regexp:   absent.MatchString,
		},
		{
			what: "three terms and an exclusion", pattern: `a e "o" -OutOfMemoryError`, on: lines, aim: ">= 600 MB/s",
			decoding: func(s string) bool {
				return strings.Contains(s, "a") && strings.Contains(s, "e") && strings.Contains(s, "o") && !strings.Contains(s, "OutOfMemoryError")
			},
			regexp: func(s string) bool {
				return hasA.MatchString(s) && hasE.MatchString(s) && hasO.MatchString(s) && !absent.MatchString(s)
			},
		},
		{
			what: "JSON, two selectors, events of 1 KB", on: trail, aim: ">= 500 MB/s",
			pattern:  `{ $.eventName = "StopLogging" && $.userIdentity.sessionContext.attributes.mfaAuthenticated != "true" }`,
			decoding: isStopLogging, regexp: stopped.MatchString,
		},
		{
			what: "seven fields", pattern: `[ip, user, name, time, request=*.html*, status=4*, bytes>1000]`, on: access, aim: ">= 300 MB/s",
			decoding: fields.MatchString, regexp: fields.MatchString,
		},
		{
			what: "a regular expression", pattern: "%" + address.String() + "%", on: lines, aim: ">= 100 MB/s",
			decoding: address.MatchString, regexp: address.MatchString,
		},
	} {
		r, err := c.measure()
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	r, err := measureThousandFilters(append(trail[:100:100], lines[:min(100, len(lines))]...))
	return append(rows, r), err
}

// A patternEvent is a log event in both forms.
type patternEvent struct {
	literal []byte
	text    string
}

// A patternCase is a row of the table.
type patternCase struct {
	what, pattern, aim string
	on                 []patternEvent
	// The same decision about a text without the package: decoding is given what
	// encoding/json decodes, regexp the text itself.
	decoding, regexp func(text string) bool
}

func (c *patternCase) measure() (row, error) {
	p, err := pattern.Parse(c.pattern)
	if err != nil {
		return row{}, err
	}
	ours := speedOf(c.on, func(e patternEvent) bool { return p.Match(e.literal) })
	decoding := speedOf(c.on, func(e patternEvent) bool { return c.decoding(decoded(e)) })
	regexp := speedOf(c.on, func(e patternEvent) bool { return c.regexp(e.text) })
	if ours.matched != decoding.matched || ours.matched != regexp.matched {
		return row{}, fmt.Errorf("%s: of %d events match %d, decoded %d, by regexp %d", c.what, len(c.on), ours.matched, decoding.matched, regexp.matched)
	}
	return row{
		what:     "pattern, one core: " + c.what,
		measured: fmt.Sprintf("%.0f MB/s, %.2f allocations/event", ours.rate, ours.allocations),
		beside:   fmt.Sprintf("decoding %.0f MB/s, regexp %.0f MB/s", decoding.rate, regexp.rate),
		ratio:    fmt.Sprintf("%.1f, %.1f", ours.rate/decoding.rate, ours.rate/regexp.rate),
		aim:      c.aim,
	}, nil
}

// A speed is what matching costs.
type speed struct {
	rate        float64 // MB of literals a second of CPU time
	allocations float64 // per event
	matched     int
}

// patternTime is the CPU time that one measurement takes.
const patternTime = 300 * time.Millisecond

func speedOf(events []patternEvent, match func(patternEvent) bool) speed {
	size, matched := 0, 0
	for _, e := range events { // which also grows the buffers
		size += len(e.literal)
		if match(e) {
			matched++
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, rounds := used(), 0
	for used()-began < patternTime {
		for _, e := range events {
			match(e)
		}
		rounds++
	}
	took := used() - began
	runtime.ReadMemStats(&after)
	return speed{
		rate:        float64(size) * float64(rounds) / 1e6 / took.Seconds(),
		allocations: float64(after.Mallocs-before.Mallocs) / float64(rounds*len(events)),
		matched:     matched,
	}
}

// measureThousandFilters is what a filter costs among 1,000 on one batch, where
// each event is prepared once, beside a filter by itself.
func measureThousandFilters(batch []patternEvent) (row, error) {
	patterns := make([]*pattern.Pattern, 1000)
	for i := range patterns {
		var err error
		patterns[i], err = pattern.Parse([]string{
			fmt.Sprintf(`ERROR%d`, i),
			fmt.Sprintf(`"request %d" -DEBUG`, i),
			fmt.Sprintf(`{ $.eventName = "Delete%d" }`, i),
			fmt.Sprintf(`[ip, user, name, time, request, status=%d, bytes]`, i),
		}[i%4])
		if err != nil {
			return row{}, err
		}
	}
	perFilter := func(all func()) time.Duration {
		began, rounds := used(), 0
		for used()-began < patternTime {
			all()
			rounds++
		}
		return (used() - began) / time.Duration(rounds*len(patterns))
	}
	var message pattern.Event
	together := perFilter(func() {
		for _, e := range batch {
			message.Reset(e.literal)
			for _, p := range patterns {
				p.MatchEvent(&message)
			}
		}
	})
	alone := perFilter(func() {
		for _, p := range patterns {
			for _, e := range batch {
				p.Match(e.literal)
			}
		}
	})
	return row{
		what:     fmt.Sprintf("1,000 filters on %d events, per filter", len(batch)),
		measured: together.String(), beside: alone.String() + " by itself", ratio: times(float64(together), float64(alone)),
	}, nil
}

// decoded is the event's text with the standard library.
func decoded(e patternEvent) string {
	var s string
	if err := json.Unmarshal(e.literal, &s); err != nil {
		panic("bench: " + err.Error()) // the literal is ours
	}
	return s
}

func isStopLogging(text string) bool {
	var event struct {
		EventName    string
		UserIdentity struct {
			SessionContext struct {
				Attributes struct{ MFAAuthenticated string }
			}
		}
	}
	err := json.Unmarshal([]byte(text), &event)
	return err == nil && event.EventName == "StopLogging" && event.UserIdentity.SessionContext.Attributes.MFAAuthenticated != "true"
}

// logLines is the lines of the *.log files in a folder, or generated ones where
// there are none.
func logLines(folder string) ([]patternEvent, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.log"))
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(strings.ToValidUTF8(string(content), "?")) {
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
	}
	if len(lines) == 0 {
		for i := range 10_000 {
			lines = append(lines, fmt.Sprintf("2017-05-16 00:00:%02d.%03d 25746 INFO nova.osapi_compute.wsgi.server "+
				"[req-%d - - -] 10.11.10.1 \"GET /v2/servers/detail HTTP/1.1\" status: 200 len: %d time: 0.24", i%60, i%1000, i*7919, i))
		}
	}
	return newEvents(lines), nil
}

// accessLines is lines of a web server's log, of seven fields.
func accessLines() (lines []string) {
	for i := range 2000 {
		lines = append(lines, fmt.Sprintf(`10.%d.%d.1 - frank [10/Oct/2000:13:25:%02d -0700] "GET /products/%d/index.html HTTP/1.0" %d %d`,
			i%256, i*7%256, i%60, i*31, 200+i*37%300, i*97%10000))
	}
	return lines
}

// trailLines is audit events of about 1 KB.
func trailLines() (lines []string) {
	names := []string{"PutObject", "GetObject", "ConsoleLogin", "AssumeRole", "StopLogging"}
	for i := range 500 {
		lines = append(lines, fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:%[1]d",`+
			`"arn":"arn:aws:sts::111111111111:assumed-role/worker/%[1]d","accountId":"111111111111","sessionContext":{"sessionIssuer":`+
			`{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111111111111:role/worker","accountId":"111111111111",`+
			`"userName":"worker"},"attributes":{"creationDate":"2024-05-16T00:00:00Z","mfaAuthenticated":"false"}}},`+
			`"eventTime":"2024-05-16T00:00:%02[2]dZ","eventSource":"s3.amazonaws.com","eventName":"%[3]s","awsRegion":"us-east-1",`+
			`"sourceIPAddress":"10.0.%[4]d.7","userAgent":"[aws-sdk-go-v2/1.30 os/linux lang/go md/GOOS#linux md/GOARCH#amd64]",`+
			`"requestParameters":{"bucketName":"logs","key":"prefix/%[1]d/object.gz","x-amz-acl":"private","parts":[1,2,3,4,5]},`+
			`"responseElements":null,"additionalEventData":{"bytesTransferredIn":%[1]d,"bytesTransferredOut":0,"ratio":0.25},`+
			`"readOnly":false,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::logs/prefix"}],"eventType":"AwsApiCall"}`,
			i*2654435761%1_000_000, i%60, names[i%len(names)], i%256))
	}
	return lines
}

func newEvents(lines []string) []patternEvent {
	events := make([]patternEvent, len(lines))
	for i, line := range lines {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(line); err != nil {
			panic("bench: " + err.Error()) // a string has a JSON form
		}
		events[i] = patternEvent{bytes.TrimSuffix(b.Bytes(), []byte("\n")), line}
	}
	return events
}
