package gateway

import (
	"context"
	"errors"
	"hash/crc32"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"tributary/internal/service/api"
)

// hurry is how long a client may take to read that there was no room for its request,
// which takes room itself until then.
const hurry = time.Second

// answerJSON answers a JSON operation. One without output members has an empty
// body, as in AWS. An answer that is not small counts like a body while the client
// takes it: who asks for much and reads nothing is asked to come again.
func (x *exchange) answerJSON(b *body, out any) error {
	size := smallBody
	if large, ok := out.(api.JSONAppender); ok {
		size = large.JSONSize()
	}
	if n := b.memory() + charge(capacityFor(size)); b.held.size < n && !b.held.resize(n) {
		return x.busy()
	}
	buf := x.buffers.get(size)
	defer func() { x.reuse(buf) }()
	if out != nil {
		text, err := x.codec.append((*buf)[:0], out)
		if err != nil {
			return err
		}
		*buf = text
	}
	if !b.held.resize(b.memory() + charge(cap(*buf))) {
		return x.busy()
	}
	x.write(http.StatusOK, x.codec.contentType, *buf, "OK")
	return nil
}

// reuse gives back the buffer of an answer, unless a stream of HTTP/2 was cut off while
// it was sent: its connection may be about to send some of it.
func (x *exchange) reuse(buf *[]byte) {
	if !x.cutOff || x.r.ProtoMajor == 1 {
		x.buffers.put(buf)
	}
}

// makeRoom makes room for more bytes of an answer, or gives some back. A request that
// holds nothing yet keeps nobody waiting, so it may wait itself. One that takes more than
// its account's share has what it gets beyond that, or does without.
func (x *exchange) makeRoom(held *hold, bytes int64) bool {
	if held.size > 0 {
		return held.resize(max(0, held.size+bytes))
	}
	if bytes <= 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(x.r.Context(), maxWait)
	defer cancel()
	if !held.wait(ctx, min(bytes, x.held.share)) {
		return false
	}
	held.resize(bytes)
	return true
}

// answerQuery answers a Query operation.
func (x *exchange) answerQuery(out any) error {
	doc := appendXMLAnswer(nil, x.operation.Name, x.service.XMLNamespace, out, x.id)
	x.write(http.StatusOK, xmlType, doc, "OK")
	return nil
}

// fail answers an error: an Exception as it is, anything else as a failure of
// ours, which the caller learns nothing of but the request id that the log has
// too.
func (x *exchange) fail(err error) {
	if raw, ok := errors.AsType[*unroutable](err); ok {
		x.writeUnroutable(raw)
		return
	}
	e, ok := api.AsException(err)
	if !ok {
		x.logFailure(err)
		e = api.RefuseStatus(500, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.")
		if x.service != nil && api.Unavailable(err) {
			e = x.service.Unavailable()
		}
	}
	if e.Encoded != "" {
		x.w.Header()["X-Tributary-Authorization-Message"] = []string{e.Encoded}
	}
	if x.protocol == api.Query {
		x.failQuery(e)
		return
	}
	x.failJSON(e)
}

func (x *exchange) failJSON(e *api.Exception) {
	member := ""
	if x.service != nil {
		member = x.service.MessageMember
	}
	text, err := x.codec.appendError(nil, e, member)
	if err != nil {
		x.logFailure(err)
		e = &api.Exception{Code: "InternalFailure", Status: 500}
		text, _ = x.codec.appendError(nil, e, member) // only members can fail
	}
	x.write(e.Status, x.codec.contentType, text, e.Code)
}

func (x *exchange) failQuery(e *api.Exception) {
	namespace := ""
	if x.service != nil {
		namespace = x.service.XMLNamespace
	}
	if e.Code == "SerializationException" { // the binder's word, which JSON services use
		e = api.Refuse("MalformedInput", "%s", e.Message)
	}
	x.write(e.Status, xmlType, appendXMLError(nil, e, namespace, x.id), e.Code)
}

// write sends the answer, whole, and tells Observe.
func (x *exchange) write(status int, contentType string, body []byte, code string) {
	h := x.w.Header()
	h["Content-Type"] = []string{contentType}
	if contentType == "" {
		h["Content-Type"] = nil // and let nobody guess one
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	if contentType == jsonType10 {
		// Clients of DynamoDB compare it, and warn where there is none.
		h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	}
	x.w.WriteHeader(status)
	var err error
	if x.hurried {
		err = x.sendWithin(hurry, body)
	} else {
		_, err = x.w.Write(body)
	}
	if err != nil {
		x.cutOff = true
		x.config.Log.Debug("answer not sent", "requestID", x.id, "error", err)
	}
	x.observe(code)
	service, operation := x.names()
	if status >= 400 && x.config.Log.Enabled(x.r.Context(), slog.LevelDebug) {
		x.config.Log.Debug("request refused", "requestID", x.id, "service", service, "operation", operation,
			"code", code, "client", x.r.RemoteAddr)
	}
}

// observe tells Observe of the answer.
func (x *exchange) observe(code string) {
	service, operation := x.names()
	x.config.Observe(service, operation, code, x.config.Now().Sub(x.begun))
}

func (x *exchange) logFailure(err error) {
	service, operation := x.names()
	level := slog.LevelError
	if errors.Is(err, context.Canceled) && x.r.Context().Err() != nil {
		level = slog.LevelDebug // the client left; nothing of ours went wrong
	}
	x.config.Log.Log(x.r.Context(), level, "request failed", "requestID", x.id,
		"service", service, "operation", operation, "client", x.r.RemoteAddr, "error", err)
}

func (x *exchange) names() (service, operation string) {
	if x.service != nil {
		service = x.service.Name
	}
	if x.operation != nil {
		operation = x.operation.Name
	}
	return service, operation
}

// unroutable is the answer to a request whose protocol cannot be told. AWS's
// front door then speaks a bare XML of its own.
type unroutable struct {
	status  int
	code    string
	message string
}

func (u *unroutable) Error() string { return u.code + ": " + u.message }

func (x *exchange) unroutable() error {
	switch {
	case x.r.Header.Get("Authorization") == "":
		return &unroutable{403, "MissingAuthenticationTokenException", "Missing Authentication Token"}
	case x.r.Method == http.MethodPost && x.r.Header.Get("X-Amz-Target") != "":
		return &unroutable{404, "UnknownOperationException", ""}
	default:
		return &unroutable{403, "AccessDeniedException", "Unable to determine service/operation name to be authorized"}
	}
}

func (x *exchange) writeUnroutable(u *unroutable) {
	text := "<" + u.code + ">\n  <Message>" + u.message + "</Message>\n</" + u.code + ">\n"
	if u.message == "" {
		text = "<" + u.code + "/>\n"
	}
	x.write(u.status, "", []byte(text), u.code)
}
