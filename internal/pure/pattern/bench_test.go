package pattern

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The benchmarks run a pattern over a batch of events, as the literals that they are
// stored as, and beside it what one would write without this package. MB/s
// counts the literals' bytes; a benchmark of one goroutine is a figure per core.

// logLines returns the literals of log lines: of ../shared/data if it is there,
// else made up.
func logLines(b *testing.B) [][]byte {
	b.Helper()
	var lines []string
	root := moduleRoot(b)
	files, err := filepath.Glob(filepath.Join(root, "..", "shared", "data", "*.log"))
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		lines = append(lines, strings.Split(strings.TrimSpace(string(content)), "\n")...)
	}
	if lines == nil {
		for i := range 10000 {
			lines = append(lines, fmt.Sprintf("2017-05-16 00:00:%02d.%03d 25746 INFO nova.osapi_compute.wsgi.server "+
				"[req-%d - - -] 10.11.10.1 \"GET /v2/servers/detail HTTP/1.1\" status: 200 len: %d time: 0.24", i%60, i%1000, i*7919, i))
		}
	}
	return toLiterals(lines)
}

// accessLines returns the literals of lines of a web server's log, of seven fields.
func accessLines() [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for range 2000 {
		lines = append(lines, fmt.Sprintf(`10.%d.%d.1 - frank [10/Oct/2000:13:25:%02d -0700] "GET /products/%d/index.html HTTP/1.0" %d %d`,
			random.IntN(256), random.IntN(256), random.IntN(60), random.IntN(100000), 200+random.IntN(300), random.IntN(10000)))
	}
	return toLiterals(lines)
}

// trailEvents returns the literals of JSON events of about 1 KB.
func trailEvents() [][]byte {
	random := rand.New(rand.NewPCG(3, 4))
	names := []string{"PutObject", "GetObject", "ConsoleLogin", "AssumeRole", "StopLogging"}
	var lines []string
	for range 500 {
		lines = append(lines, fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:%d",`+
			`"arn":"arn:aws:sts::111111111111:assumed-role/worker/%d","accountId":"111111111111","sessionContext":{"sessionIssuer":`+
			`{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111111111111:role/worker","accountId":"111111111111",`+
			`"userName":"worker"},"attributes":{"creationDate":"2024-05-16T00:00:00Z","mfaAuthenticated":"false"}}},`+
			`"eventTime":"2024-05-16T00:00:%02dZ","eventSource":"s3.amazonaws.com","eventName":"%s","awsRegion":"us-east-1",`+
			`"sourceIPAddress":"10.0.%d.%d","userAgent":"[aws-sdk-go-v2/1.30 os/linux lang/go md/GOOS#linux md/GOARCH#amd64]",`+
			`"requestParameters":{"bucketName":"logs","key":"prefix/%d/object.gz","x-amz-acl":"private","parts":[1,2,3,4,5]},`+
			`"responseElements":null,"additionalEventData":{"bytesTransferredIn":%d,"bytesTransferredOut":0,"ratio":0.25},`+
			`"readOnly":false,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::logs/prefix"}],"eventType":"AwsApiCall"}`,
			random.IntN(1000000), random.IntN(1000000), random.IntN(60), names[random.IntN(len(names))], random.IntN(256),
			random.IntN(256), random.IntN(1000000), random.IntN(100000)))
	}
	return toLiterals(lines)
}

func toLiterals(lines []string) [][]byte {
	var out [][]byte
	for _, line := range lines {
		out = append(out, []byte(literals(strings.ToValidUTF8(line, "?"))[0]))
	}
	return out
}

// overEvents runs match over all events and reports bytes and matches.
func overEvents(b *testing.B, events [][]byte, match func(literal []byte) bool) {
	b.Helper()
	size := 0
	for _, e := range events {
		size += len(e)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	matched := 0
	for b.Loop() {
		matched = 0
		for _, e := range events {
			if match(e) {
				matched++
			}
		}
	}
	b.ReportMetric(float64(matched)/float64(len(events))*100, "%matched")
}

func mustParse(tb testing.TB, text string) *Pattern {
	tb.Helper()
	p, err := Parse(text)
	if err != nil {
		tb.Fatalf("Parse(%q) fails with %v", text, err)
	}
	return p
}

func decoded(b *testing.B, literal []byte) string {
	var s string
	if err := json.Unmarshal(literal, &s); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkTermAbsent(b *testing.B) {
	events := logLines(b)
	b.Run("pattern", func(b *testing.B) {
		overEvents(b, events, mustParse(b, `OutOfMemoryError`).Match)
	})
	b.Run("encoding-json-and-Contains", func(b *testing.B) {
		overEvents(b, events, func(l []byte) bool { return strings.Contains(decoded(b, l), "OutOfMemoryError") })
	})
	b.Run("regexp", func(b *testing.B) {
		re := regexp.MustCompile(`OutOfMemoryError`)
		overEvents(b, events, func(l []byte) bool { return re.MatchString(decoded(b, l)) })
	})
}

func BenchmarkThreeTermsAndAnExclusion(b *testing.B) {
	events := logLines(b)
	b.Run("pattern", func(b *testing.B) {
		overEvents(b, events, mustParse(b, `a e "o" -OutOfMemoryError`).Match)
	})
	b.Run("words", func(b *testing.B) {
		overEvents(b, events, mustParse(b, `INFO status GET -OutOfMemoryError`).Match)
	})
	b.Run("encoding-json-and-Contains", func(b *testing.B) {
		overEvents(b, events, func(l []byte) bool {
			s := decoded(b, l)
			return strings.Contains(s, "a") && strings.Contains(s, "e") && strings.Contains(s, "o") && !strings.Contains(s, "OutOfMemoryError")
		})
	})
}

func BenchmarkTermsOnJSON(b *testing.B) {
	events := trailEvents()
	b.Run("pattern", func(b *testing.B) {
		overEvents(b, events, mustParse(b, `DeleteTrail`).Match)
	})
}

func BenchmarkTwoSelectors(b *testing.B) {
	events := trailEvents()
	const text = `{ $.eventName = "StopLogging" && $.userIdentity.sessionContext.attributes.mfaAuthenticated != "true" }`
	b.Run("pattern", func(b *testing.B) {
		overEvents(b, events, mustParse(b, text).Match)
	})
	b.Run("absent", func(b *testing.B) {
		overEvents(b, events, mustParse(b, strings.Replace(text, "StopLogging", "DeleteTrail", 1)).Match)
	})
	b.Run("numbers", func(b *testing.B) {
		overEvents(b, events, mustParse(b, `{ $.additionalEventData.bytesTransferredIn > 50000 && $.resources[0].type = "AWS::*" }`).Match)
	})
	b.Run("encoding-json", func(b *testing.B) {
		type event struct {
			EventName    string
			UserIdentity struct {
				SessionContext struct {
					Attributes struct{ MFAAuthenticated string }
				}
			}
		}
		overEvents(b, events, func(l []byte) bool {
			var e event
			if err := json.Unmarshal([]byte(decoded(b, l)), &e); err != nil {
				return false
			}
			return e.EventName == "StopLogging" && e.UserIdentity.SessionContext.Attributes.MFAAuthenticated != "true"
		})
	})
	b.Run("encoding-json-tree", func(b *testing.B) {
		overEvents(b, events, func(l []byte) bool {
			var e map[string]any
			if err := json.Unmarshal([]byte(decoded(b, l)), &e); err != nil {
				return false
			}
			return e["eventName"] == "StopLogging"
		})
	})
}

func BenchmarkSevenFields(b *testing.B) {
	events := accessLines()
	b.Run("pattern", func(b *testing.B) {
		overEvents(b, events, mustParse(b, `[ip, user, username, timestamp, request=*.html*, status_code=4*, bytes>1000]`).Match)
	})
	b.Run("ellipsis", func(b *testing.B) {
		overEvents(b, events, mustParse(b, `[..., status_code=4*, bytes>1000]`).Match)
	})
	b.Run("regexp", func(b *testing.B) {
		re := regexp.MustCompile(`^\S+ \S+ \S+ \[[^\]]*\] "[^"]*\.html[^"]*" 4\S* [1-9][0-9]{3,}$`)
		overEvents(b, events, func(l []byte) bool { return re.MatchString(decoded(b, l)) })
	})
}

func BenchmarkExtractSevenFields(b *testing.B) {
	events := accessLines()
	p := mustParse(b, `[ip, user, username, timestamp, request, status_code, bytes]`)
	var fields []Field
	overEvents(b, events, func(l []byte) (ok bool) {
		fields, ok = p.Extract(l, fields[:0])
		return ok
	})
}

func BenchmarkRegex(b *testing.B) {
	events := logLines(b)
	for _, tt := range []struct{ name, expression string }{
		{"literal-inside", `sshd\[[0-9]+\]: Failed`},
		{"classes", `[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+ [a-z]*`},
		{"anchored", `^[A-Z][a-z][a-z] [0-9]+`},
		{"alternatives", `fail\w+|[Ee]rror$|time(d)? out`},
		{"repeats", `[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}x`},
	} {
		expression := strings.ReplaceAll(tt.expression, "(d)", "d")
		b.Run(tt.name+"/pattern", func(b *testing.B) {
			overEvents(b, events, mustParse(b, "%"+expression+"%").Match)
		})
		b.Run(tt.name+"/regexp", func(b *testing.B) {
			re := regexp.MustCompile(expression)
			overEvents(b, events, func(l []byte) bool { return re.MatchString(decoded(b, l)) })
		})
	}
}

// BenchmarkThousandFilters is one batch against 1,000 patterns of all kinds, each
// event prepared once.
func BenchmarkThousandFilters(b *testing.B) {
	events := append(trailEvents()[:100], logLines(b)[:100]...)
	var patterns []*Pattern
	for i := range 1000 {
		texts := []string{
			fmt.Sprintf(`ERROR%d`, i),
			fmt.Sprintf(`"request %d" -DEBUG`, i),
			fmt.Sprintf(`{ $.eventName = "Delete%d" }`, i),
			fmt.Sprintf(`[ip, user, name, time, request, status=%d, bytes]`, i),
		}
		patterns = append(patterns, mustParse(b, texts[i%len(texts)]))
	}
	var e Event
	b.ReportAllocs()
	for b.Loop() {
		for _, literal := range events {
			e.Reset(literal)
			for _, p := range patterns {
				p.MatchEvent(&e)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(patterns)), "ns/filter/batch")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(patterns)*len(events)), "ns/filter/event")
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mustParse(b, `{ ($.eventName = "StopLogging") && ($.errorCode = %^Access% || $.a.b[0] > 12.5) }`)
	}
}
