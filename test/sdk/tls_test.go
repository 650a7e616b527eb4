package sdk

import (
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"tributary/test/process"
)

// An http2Counter is an HTTP client that counts what came over HTTP/2.
type http2Counter struct {
	*awshttp.BuildableClient
	answers atomic.Int64
}

func (c *http2Counter) Do(r *http.Request) (*http.Response, error) {
	res, err := c.BuildableClient.Do(r)
	if err == nil && res.ProtoMajor == 2 {
		c.answers.Add(1)
	}
	return res, err
}

func TestRecordsArePushedOverTLSAndHTTP2(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	server, err := process.Start(os.Getenv(program), data, "--tls-dev")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	let(t, server)
	t.Setenv("AWS_CA_BUNDLE", filepath.Join(data, "tls", "ca.pem"))
	a := as(t, firstID, region)
	// The SDK trusts the bundle with a client of its own; what that client speaks is
	// counted by one around it.
	counter := &http2Counter{BuildableClient: a.kinesis.Options().HTTPClient.(*awshttp.BuildableClient)}
	a.kinesis = kinesis.New(a.kinesis.Options(), func(o *kinesis.Options) { o.HTTPClient = counter })
	testPush(t, a)
	if counter.answers.Load() == 0 {
		t.Error("nothing came over HTTP/2")
	}
	if _, err := a.kinesis.ListStreams(t.Context(), &kinesis.ListStreamsInput{Limit: aws.Int32(1)}); err != nil {
		t.Error(err)
	}
}
