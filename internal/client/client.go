package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tributary/internal/pure/sigv4"
	"tributary/internal/service/api"
)

// A Client sends requests to one endpoint as one principal. It is used by one
// goroutine at a time or many.
type Client struct {
	Endpoint    string // http://127.0.0.1:4566
	Region      string
	Credentials sigv4.Credentials
	HTTP        *http.Client
	Now         func() time.Time
}

// A Refusal is an error that the server answered.
type Refusal struct {
	Code, Message string
	Status        int
}

func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// maxAnswer bounds an answer: GetRecords gives at most 10 MiB of data, which
// base64 makes a third longer.
const maxAnswer = 64 << 20

// JSON calls an operation of a JSON service. target is what X-Amz-Target holds,
// in the input's members; the answer goes into out, unless that is nil.
func (c *Client) JSON(ctx context.Context, service, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode %s: %w", target, err)
	}
	status, answer, err := c.send(ctx, service, body, http.Header{
		"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target},
	})
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return jsonRefusal(status, answer)
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("answer to %s: %w", target, err)
	}
	return nil
}

func jsonRefusal(status int, answer []byte) error {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"` // in either case
	}
	if err := json.Unmarshal(answer, &e); err != nil || e.Type == "" {
		return fmt.Errorf("status %d: %.200q", status, answer)
	}
	return &Refusal{Code: e.Type, Message: e.Message, Status: status}
}

// Query calls an operation of a Query service and returns the members of its
// result: texts, maps and lists of these.
func (c *Client) Query(ctx context.Context, service, version, action string, in map[string]any) (map[string]any, error) {
	form := url.Values{"Action": {action}, "Version": {version}}
	addForm(form, "", in)
	status, answer, err := c.send(ctx, service, []byte(form.Encode()), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"},
	})
	if err != nil {
		return nil, err
	}
	var root element
	if err := xml.Unmarshal(answer, &root); err != nil {
		return nil, fmt.Errorf("status %d: answer to %s: %w", status, action, err)
	}
	tree, _ := root.value().(map[string]any)
	if status != http.StatusOK {
		e, _ := tree["Error"].(map[string]any)
		code, _ := e["Code"].(string)
		if code == "" {
			return nil, fmt.Errorf("status %d: %.200q", status, answer)
		}
		message, _ := e["Message"].(string)
		return nil, &Refusal{Code: code, Message: message, Status: status}
	}
	result, _ := tree[action+"Result"].(map[string]any)
	return result, nil
}

// Run calls the operation that an AWS CLI command names and returns its answer.
// The services tell how each is spoken to.
func (c *Client) Run(ctx context.Context, services *api.Dispatcher, cmd Command) (map[string]any, error) {
	svc, ok := services.Service(cmd.Service())
	if !ok {
		return nil, fmt.Errorf("%s: unknown service %q", cmd, cmd.Service())
	}
	op, ok := services.Operation(svc.Name, cmd.Operation())
	if !ok {
		return nil, fmt.Errorf("%s: unknown operation %s", cmd, cmd.Operation())
	}
	in, err := cmd.Input(op.InputType())
	if err != nil {
		return nil, err
	}
	if region := cmd.Region(); region != "" {
		other := *c
		other.Region = region
		c = &other
	}
	if svc.Protocol == api.Query {
		return c.Query(ctx, svc.Name, svc.Version, op.Name, in)
	}
	var out map[string]any
	err = c.JSON(ctx, svc.Name, svc.TargetPrefix+"."+op.Name, in, &out)
	return out, err
}

func (c *Client) send(ctx context.Context, service string, body []byte, header http.Header) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.Endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header = header
	sigv4.Sign(r, sha256.Sum256(body), c.Credentials, c.Region, service, c.Now())
	resp, err := c.HTTP.Do(r)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return 0, nil, fmt.Errorf("no server answers at %s: %w", c.Endpoint, err)
	}
	if err != nil {
		return 0, nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, answer, errors.Join(err, resp.Body.Close())
}

// addForm adds members as the Query protocol writes them: X.member.1, X.Key.
func addForm(form url.Values, prefix string, v any) {
	join := func(name string) string { return strings.TrimPrefix(prefix+"."+name, ".") }
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			addForm(form, join(name), e)
		}
	case []any:
		for i, e := range v {
			addForm(form, join("member."+strconv.Itoa(i+1)), e)
		}
	case []string:
		for i, e := range v {
			form.Set(join("member."+strconv.Itoa(i+1)), e)
		}
	default:
		form.Set(prefix, fmt.Sprint(v))
	}
}

// An element is any XML element.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

// value is the element's text, the list of its children if they are called
// member, and otherwise a map of them.
func (e *element) value() any {
	if len(e.Children) == 0 {
		return e.Text
	}
	if e.Children[0].XMLName.Local == "member" {
		list := make([]any, len(e.Children))
		for i := range e.Children {
			list[i] = e.Children[i].value()
		}
		return list
	}
	m := map[string]any{}
	for i := range e.Children {
		m[e.Children[i].XMLName.Local] = e.Children[i].value()
	}
	return m
}
