package soak_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"tributary/internal/pure/sigv4"
)

// An attack is one way of being hostile.
type attack struct {
	name    string
	clients int           // that do it at the same time
	pause   time.Duration // of each between two times
	// strike does it once and says how the server put an end to it.
	strike func(ctx context.Context, at target, notes *notebook, client int) (outcome string)
}

// attacks are all that goes on in a siege. The account of an attacker is its own, but
// its requests are signed, so that they get as far as they can. The pauses leave two
// processors, which attackers and good clients share with the server, something to do
// besides: what the rig looks at is memory, and who has to wait for whom.
var attacks = []attack{
	{"slow heads", 2500, seldom, slowHead},
	{"slow bodies", 2500, seldom, slowBody},
	{"largest bodies", 500, seldom, largestBody},
	{"gzip bombs", 16, drip, gzipBomb},
	{"deep JSON", 8, drip, deepJSON},
	{"JSON of many values", 16, drip, manyValues},
	{"10,000 headers", 8, drip, manyHeaders},
	{"rapid reset", 4, drip, rapidReset},
	{"CONTINUATION flood", 4, drip, continuationFlood},
	{"SETTINGS flood", 4, drip, settingsFlood},
	{"PING flood", 4, drip, pingFlood},
	{"closed windows", 16, drip, closedWindows},
	{"subscribers that do not read", len(consumerNames), drip, deafSubscriber},
}

const (
	attacker     = "666666666666"
	largestSize  = 16 << 20
	bombSize     = 1 << 30
	strikeTime   = 2 * time.Minute // for a strike to come to its end
	drip         = time.Second     // between the bytes of a slow client
	often        = 100 * time.Millisecond
	seldom       = 5 * time.Second
	headersInOne = 10_000
	deafTime     = 5 * time.Second
)

var consumerNames = [...]string{"a", "b", "c", "d", "e"}

// setUpAttacks makes what some attacks need.
func (s *siege) setUpAttacks(ctx context.Context) error {
	own := s.as(attacker)
	if err := own.makeStream(ctx, "own", 1); err != nil {
		return err
	}
	for _, name := range consumerNames {
		var out struct{ Consumer struct{ ConsumerARN string } }
		if err := s.as(recipient).kinesis(ctx, "RegisterStreamConsumer", object{"StreamARN": streamARN, "ConsumerName": name}, &out); err != nil {
			return err
		}
		s.target.Consumers = append(s.target.Consumers, out.Consumer.ConsumerARN)
	}
	// Answers just small enough not to count as large.
	return own.kinesis(ctx, "PutRecord", object{"StreamName": "own", "PartitionKey": "k", "Data": make([]byte, 47<<10)}, nil)
}

// A payload is a body, hashed once for all its signatures.
type payload struct {
	bytes []byte
	hash  [sha256.Size]byte
}

func payloadOf(b []byte) payload { return payload{b, sha256.Sum256(b)} }

// signed is a signed request without its body.
func (at target) signed(account, target string, body payload, header http.Header) *http.Request {
	r, err := http.NewRequest(http.MethodPost, "http://"+at.Addr+"/", nil)
	if err != nil {
		panic(err) // the address is the server's own
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	service := "kinesis"
	if strings.HasPrefix(target, "Logs_") {
		service = "logs"
	}
	sigv4.Sign(r, body.hash, sigv4.Credentials{AccessKeyID: account, SecretAccessKey: "test"}, "us-east-1", service, time.Now())
	return r
}

// wire is the request's head as HTTP/1.1, up to its body of so many bytes.
func wire(r *http.Request, length int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.URL.Host, length)
	_ = r.Header.Write(&b) // into memory
	b.WriteString("\r\n")
	return b.Bytes()
}

// dial connects until the context ends.
func (at target) dial(ctx context.Context) (c *net.TCPConn, hangUp func(), err error) {
	dialed, err := (&net.Dialer{Timeout: strikeTime}).DialContext(ctx, "tcp", at.Addr)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = dialed.Close() })
	if err := dialed.SetDeadline(time.Now().Add(strikeTime)); err != nil {
		stop()
		return nil, nil, errors.Join(err, dialed.Close())
	}
	return dialed.(*net.TCPConn), func() { stop(); _ = dialed.Close() }, nil
}

// send sends a message on a connection of its own and returns how it was answered.
func (at target) send(ctx context.Context, message ...[]byte) (outcome string) {
	c, hangUp, err := at.dial(ctx)
	if err != nil {
		return "not connected"
	}
	defer hangUp()
	var answer string
	var reading sync.WaitGroup
	reading.Go(func() { answer = firstAnswer(c) })
	for _, part := range message {
		if _, err := c.Write(part); err != nil {
			break // answered early, or cut off
		}
	}
	reading.Wait()
	return answer
}

// firstAnswer is the status of the first answer on a connection.
func firstAnswer(c io.Reader) string {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "left open"
	}
	if err != nil {
		return "cut off"
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<10))
	_ = resp.Body.Close()
	return strconv.Itoa(resp.StatusCode)
}

// slowly sends a byte now and then until the server hangs up or answers.
func slowly(c net.Conn) (outcome string) {
	answer := make([]byte, len("HTTP/1.1 xxx"))
	for end := time.Now().Add(strikeTime); time.Now().Before(end); {
		_ = c.SetReadDeadline(time.Now().Add(drip))
		n, err := io.ReadFull(c, answer)
		if n > 0 {
			return strings.TrimPrefix(string(answer[:n]), "HTTP/1.1 ")
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return "cut off"
		}
		if _, err := c.Write([]byte("x")); err != nil {
			return "cut off"
		}
	}
	return "left open"
}

func slowHead(ctx context.Context, at target, notes *notebook, client int) string {
	c, hangUp, err := at.dial(ctx)
	if err != nil {
		return "not connected"
	}
	defer hangUp()
	began := time.Now()
	beginnings := [...]string{"POST / HTTP/1.1\r\nHost: x\r\nX-A: ", "P"}
	if _, err := io.WriteString(c, beginnings[client%len(beginnings)]); err != nil {
		return "cut off"
	}
	outcome := slowly(c)
	if ctx.Err() == nil {
		notes.slowHead(time.Since(began))
	}
	return outcome
}

// slowBody sends the head of a request and then hardly anything: half of the clients
// name a key, whose secret they do not have.
func slowBody(ctx context.Context, at target, _ *notebook, client int) string {
	c, hangUp, err := at.dial(ctx)
	if err != nil {
		return "not connected"
	}
	defer hangUp()
	r := at.signed(attacker, "Kinesis_20131202.PutRecord", payload{}, nil)
	if client%2 == 0 {
		r.Header.Del("Authorization")
	}
	if _, err := c.Write(wire(r, 8000)); err != nil {
		return "cut off"
	}
	return slowly(c)
}

var largest = sync.OnceValue(func() payload {
	body := make([]byte, 0, largestSize)
	body = append(body, `{"StreamName":"none","PartitionKey":"k","Data":"`...)
	body = append(body, bytes.Repeat([]byte("A"), largestSize-len(body)-2)...)
	return payloadOf(append(body, `"}`...))
})

func largestBody(ctx context.Context, at target, _ *notebook, _ int) string {
	body := largest()
	return at.send(ctx, wire(at.signed(attacker, "Kinesis_20131202.PutRecord", body, nil), len(body.bytes)), body.bytes)
}

// bomb is many small bombs, one behind the other.
var bomb = sync.OnceValue(func() payload {
	const part = 1 << 20
	var b bytes.Buffer
	zw, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is good
	_, _ = zw.Write(make([]byte, part))                    // into memory
	_ = zw.Close()                                         // the same
	return payloadOf(bytes.Repeat(b.Bytes(), bombSize/part))
})

func gzipBomb(ctx context.Context, at target, _ *notebook, _ int) string {
	body := bomb()
	return at.send(ctx, wire(at.signed(attacker, "Logs_20140328.PutLogEvents", body, http.Header{"Content-Encoding": {"gzip"}}), len(body.bytes)), body.bytes)
}

var deep = sync.OnceValue(func() payload {
	return payloadOf([]byte(`{"StreamName":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}"))
})

func deepJSON(ctx context.Context, at target, _ *notebook, _ int) string {
	body := deep()
	return at.send(ctx, wire(at.signed(attacker, "Kinesis_20131202.PutRecord", body, nil), len(body.bytes)), body.bytes)
}

// many is a body that is small for what it takes to hold its values.
var many = sync.OnceValue(func() payload {
	return payloadOf([]byte(`{"StreamName":"own","PartitionKey":[` + strings.Repeat(`{"a":[]},`, 66_000) + `{}]}`))
})

func manyValues(ctx context.Context, at target, _ *notebook, _ int) string {
	body := many()
	return at.send(ctx, wire(at.signed(attacker, "Kinesis_20131202.PutRecord", body, nil), len(body.bytes)), body.bytes)
}

var headers = sync.OnceValue(func() []byte {
	b := []byte("POST / HTTP/1.1\r\nHost: x\r\n")
	for i := range headersInOne {
		b = fmt.Appendf(b, "X-%d: y\r\n", i)
	}
	return append(b, "\r\n"...)
})

func manyHeaders(ctx context.Context, at target, _ *notebook, _ int) string {
	return at.send(ctx, headers())
}

// deafSubscriber subscribes to a shard and does not read for long.
func deafSubscriber(ctx context.Context, at target, _ *notebook, client int) string {
	c, hangUp, err := at.dial(ctx)
	if err != nil {
		return "not connected"
	}
	defer hangUp()
	body := payloadOf(fmt.Appendf(nil, `{"ConsumerARN":%q,"ShardId":"shardId-%012d","StartingPosition":{"Type":"TRIM_HORIZON"}}`, at.Consumers[client], 0))
	if err := c.SetReadBuffer(4 << 10); err != nil {
		return err.Error()
	}
	if _, err := c.Write(append(wire(at.signed(recipient, "Kinesis_20131202.SubscribeToShard", body, nil), len(body.bytes)), body.bytes...)); err != nil {
		return "cut off"
	}
	rest(ctx, deafTime)
	if err := c.SetReadDeadline(time.Now().Add(drip)); err != nil { // the stream goes on
		return err.Error()
	}
	return firstAnswer(c)
}
