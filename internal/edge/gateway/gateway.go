package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/sigv4"
	"tributary/internal/service/api"
)

// Limits that a Config may leave zero.
const (
	// DefaultMaxBody holds the largest request of the five services: PutRecords
	// with 10 MiB of data, which is 13.4 MiB in base64.
	DefaultMaxBody    = 16 << 20
	DefaultMaxHeld    = 256 << 20
	DefaultMaxRunning = 16 << 10
	// DefaultStreamWrite: a client that has not read for so long is not there.
	DefaultStreamWrite = 30 * time.Second
)

// Config is what a Gateway needs.
type Config struct {
	Dispatcher *api.Dispatcher

	// Credentials returns the secret behind an access key id and who signs with
	// it. sessionToken is what came with the request, "" for long-term keys. The
	// error is ErrUnknownKey, ErrInvalidToken, ErrExpiredToken, an
	// *api.Exception, or something of ours. It is called for every request, and
	// twice for large ones, so that a key is good for nothing once it is gone.
	Credentials func(ctx context.Context, accessKeyID, sessionToken string) (secret string, caller api.Caller, err error)

	// TrustedProxies are those whose X-Forwarded-For counts.
	TrustedProxies []netip.Prefix

	Now func() time.Time
	Log *slog.Logger

	MaxBody         int64 // bytes of a body as received; 0 is DefaultMaxBody
	MaxExpandedBody int64 // bytes of a gzip body expanded; 0 is MaxBody
	// MaxHeld is how many bytes of large bodies and large answers all requests
	// together hold at a time. Those of one account hold a quarter of it, but at least
	// the largest body, and a single request as much as the largest takes. An eighth is
	// for accounts that hold little, each a quarter of that. Who does not fit waits, where
	// he holds nothing yet, or is refused with a 503 that SDKs try again. 0 is
	// DefaultMaxHeld.
	MaxHeld int64
	// MaxRunning is how many requests may be under way, those of one account a quarter
	// of it; further ones are throttled. Event streams do not count. 0 is
	// DefaultMaxRunning.
	MaxRunning int
	// StreamWrite is how long the client of an event stream may take to read one
	// event. 0 is DefaultStreamWrite.
	StreamWrite time.Duration

	// Observe, if not nil, is told of every answered request. service and
	// operation are names from the tables or "", code is the error's code or
	// "OK".
	Observe func(service, operation, code string, d time.Duration)
}

// What Credentials answers when a key is not good.
var (
	ErrUnknownKey   = errors.New("no such access key")
	ErrInvalidToken = errors.New("session token is not valid for the access key")
	ErrExpiredToken = errors.New("session token has expired")
)

// A Gateway is the handler for everything signed. It owns no goroutine.
type Gateway struct {
	config  Config
	keys    keyCache
	held    *allowance // bytes
	running *allowance // requests
	working *allowance // processors that expand and decode large bodies
	buffers buffers
	streams streams
}

// New returns a Gateway. It panics when a field that has no default is not set.
func New(c Config) *Gateway {
	if c.Dispatcher == nil || c.Credentials == nil || c.Now == nil || c.Log == nil {
		panic("gateway: Config lacks Dispatcher, Credentials, Now or Log")
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.MaxExpandedBody == 0 {
		c.MaxExpandedBody = c.MaxBody
	}
	if c.MaxHeld == 0 {
		c.MaxHeld = DefaultMaxHeld
	}
	if c.MaxRunning == 0 {
		c.MaxRunning = DefaultMaxRunning
	}
	if c.StreamWrite == 0 {
		c.StreamWrite = DefaultStreamWrite
	}
	if c.Observe == nil {
		c.Observe = func(string, string, string, time.Duration) {}
	}
	processors := int64(runtime.GOMAXPROCS(0))
	return &Gateway{
		config:  c,
		held:    newHeld(&c),
		running: newAllowance(int64(c.MaxRunning), int64(max(c.MaxRunning/4, 1)), 0),
		working: newAllowance(processors, max(processors/2, 1), 0),
	}
}

// An exchange is one request, what has been learnt of it so far, and its answer.
// It belongs to one goroutine.
type exchange struct {
	*Gateway
	w     http.ResponseWriter
	r     *http.Request
	id    string
	begun time.Time

	protocol  api.Protocol   // 0 while it cannot be told
	codec     *codec         // of a service that is routed by X-Amz-Target
	service   *api.Service   // nil until known
	operation *api.Operation // nil until known
	cutOff    bool           // an answer could not be sent to its end
	hurried   bool           // the client must take the answer at once or not at all
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Gateway: g, w: w, r: r, id: newRequestID(), codec: &inJSON, begun: g.config.Now().UTC()}
	h := w.Header()
	h["x-amzn-RequestId"] = []string{x.id} // Fluent Bit looks for this spelling
	h.Set("Date", x.begun.Format(http.TimeFormat))

	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p)
		}
		x.fail(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	}()
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

// serve answers the request, or says why it cannot.
func (x *exchange) serve() error {
	x.protocol = x.readProtocol()
	if name := ambiguous(x.r); name != "" {
		x.w.Header().Set("Connection", "close")
		return x.refuse(incompleteSignature, "The header '"+name+"' is given more than once.")
	}
	switch x.protocol {
	case api.JSON:
		return x.serveJSON()
	case api.Query:
		return x.serveQuery()
	default:
		return x.unroutable()
	}
}

// readProtocol tells the protocol by method and content type, 0 for neither.
func (x *exchange) readProtocol() api.Protocol {
	if x.r.Method == http.MethodGet && x.r.URL.RawQuery != "" {
		return api.Query
	}
	if x.r.Method != http.MethodPost {
		return 0
	}
	contentType, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil {
		return 0
	}
	switch contentType {
	case jsonType:
		return api.JSON
	case jsonType10:
		x.codec = &inJSON10
		return api.JSON
	case cborType:
		x.codec = &inCBOR
		return api.JSON
	case formType:
		return api.Query
	default:
		return 0
	}
}

// ambiguous names a header that stands there twice and decides who answers or
// who asks: a proxy before us might have gone by the other one.
func ambiguous(r *http.Request) string {
	for _, name := range [...]string{
		"Authorization", "X-Amz-Date", "Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256",
		"X-Amz-Target", "Content-Type", "Content-Encoding",
	} {
		if len(r.Header[name]) > 1 {
			return name
		}
	}
	// HTTP/2 has the :authority, which net/http makes r.Host, and may have a
	// Host beside it.
	if host := r.Header["Host"]; len(host) > 1 || len(host) == 1 && host[0] != r.Host {
		return "Host"
	}
	return ""
}

// serveJSON takes AWS's order: body syntax, target, authentication, then what
// the Dispatcher checks. Of a body that is not small, the syntax comes last.
func (x *exchange) serveJSON() error {
	headErr := x.routeTarget()
	var auth *sigv4.Authorization
	if headErr == nil {
		auth, headErr = x.readAuthorization()
	}
	var account arn.AccountID
	if headErr == nil {
		account, headErr = x.admit(auth)
	}
	if headErr != nil {
		return x.refuseUnread(headErr)
	}
	body, err := x.readBody(account)
	if err != nil {
		return err
	}
	reuse := true
	defer func() {
		if body != nil {
			body.release(reuse)
		}
	}()

	call, err := x.authenticate(auth, body)
	if err != nil {
		if body.len() <= smallBody && x.plain() && x.broken(body.bytes()) {
			return malformedBody()
		}
		return err
	}
	turn, err := x.takeTurn(call.Account())
	if err != nil {
		return err
	}
	defer turn.release()
	in, err := x.input(body, call)
	if err != nil {
		return err
	}
	call.Room = func(bytes int64) bool { return x.makeRoom(body.held, bytes) }
	// A handler that fails, or is told to give up, may leave work behind that
	// still reads a scanned body.
	reuse = false
	out, err := x.config.Dispatcher.Do(x.r.Context(), x.operation, call, in)
	if errors.Is(err, api.ErrNoRoom) {
		return x.busy()
	}
	if err != nil {
		return err
	}
	if stream, ok := out.(*api.Stream); ok {
		body.release(false)
		body = nil
		turn.release()
		return x.answerStream(call, auth, stream)
	}
	reuse = x.r.Context().Err() == nil
	return x.answerJSON(body, out)
}

// input is what the body says. Large bodies are work: those of one account are expanded
// and decoded on half of the processors, so that the others' requests are not kept
// waiting for one.
func (x *exchange) input(b *body, call *api.Call) (in api.Input, err error) {
	if b.len() > smallBody || !x.plain() {
		processor := x.working.reserve(x.r.Context(), call.Account(), 1)
		if processor == nil {
			return in, x.busy()
		}
		defer processor.release()
	}
	if err := x.expand(b); err != nil {
		return in, err
	}
	if x.operation.Scans() && x.codec != &inCBOR {
		in.Body = b.bytes()
		in.Parse = func([]byte) (any, error) { return x.decode(b) }
		return in, nil
	}
	in.Tree, err = x.decode(b)
	return in, err
}

// routeTarget finds the operation that X-Amz-Target names.
func (x *exchange) routeTarget() error {
	prefix, name, _ := strings.Cut(x.r.Header.Get("X-Amz-Target"), ".")
	service, ok := x.config.Dispatcher.ServiceByTarget(prefix)
	if x.codec == &inJSON10 && !(ok && service.JSON10) {
		return x.unroutable()
	}
	if ok && service.Protocol == api.JSON && x.codec.of(service) {
		x.service = service
		x.operation, _ = x.config.Dispatcher.Operation(service.Name, name)
		if service.Name == "kinesis" {
			x.w.Header()["x-amz-id-2"] = []string{newExtendedID()}
		}
	}
	if x.operation == nil {
		return api.Refuse("UnknownOperationException", "")
	}
	return nil
}

// refuseUnread answers err without keeping the body, except that a small body
// is looked at first, because AWS tells of a malformed body before anything
// else.
func (x *exchange) refuseUnread(err error) error {
	n := x.r.ContentLength
	if n > smallBody || !x.plain() {
		return err
	}
	body, readErr := x.readSmall()
	if readErr != nil {
		return err
	}
	defer body.release(true)
	if x.broken(body.bytes()) {
		return malformedBody()
	}
	return err
}

// broken reports whether b is no JSON, or CBOR, at all. No body is enough for an
// operation that wants nothing, and for one that does not exist.
func (x *exchange) broken(b []byte) bool {
	if len(b) == 0 {
		return x.operation != nil && x.operation.InputType().NumField() > 0
	}
	return !x.codec.valid(b)
}

// decode makes the value tree of a body, which must be an object or an array (the
// binder says what it thinks of an array). An operation without input may have no
// body at all.
func (x *exchange) decode(b *body) (any, error) {
	if b.len() == 0 && x.operation.InputType().NumField() == 0 {
		return nil, nil
	}
	in, err := x.room(b)
	if err != nil {
		return nil, err
	}
	tree, err := x.codec.parse(b.bytes(), in)
	if errors.Is(err, errNoRoom) {
		return nil, x.busy()
	}
	if err != nil {
		return nil, malformedBody()
	}
	return tree, nil
}

// malformedBody is how AWS refuses a body that is no JSON or CBOR, without a message.
func malformedBody() error { return api.Refuse("SerializationException", "") }

// takeTurn counts the request among those under way for the account.
func (x *exchange) takeTurn(account arn.AccountID) (*hold, error) {
	turn := x.running.none(account)
	if turn.extend(1) {
		return turn, nil
	}
	x.hurried = true
	if x.protocol == api.Query {
		return nil, api.Refuse("Throttling", "Rate exceeded")
	}
	return nil, api.Refuse("ThrottlingException", "Rate exceeded")
}

// serveQuery answers forms. Which operation is meant stands in the body, so it
// is known only when the caller is.
func (x *exchange) serveQuery() error {
	auth, err := x.readAuthorization()
	if err != nil {
		return x.serveUnsigned(err)
	}
	account, err := x.admit(auth)
	if err != nil {
		return err
	}
	body, err := x.readBody(account)
	if err != nil {
		return err
	}
	defer body.release(true) // a form's tree holds copies

	call, err := x.authenticate(auth, body)
	if err != nil {
		return err
	}
	turn, err := x.takeTurn(call.Account())
	if err != nil {
		return err
	}
	defer turn.release()
	if err := x.expand(body); err != nil {
		return err
	}
	form := string(body.bytes())
	if x.r.Method == http.MethodGet {
		form = x.r.URL.RawQuery
	}
	tree, err := decodeForm(form)
	if err != nil {
		return x.refuse(malformedInput, "The form is malformed: "+err.Error()+".")
	}
	if err := x.routeAction(tree); err != nil {
		return err
	}
	call.Operation = x.operation.Name
	out, err := x.config.Dispatcher.Do(x.r.Context(), x.operation, call, api.Input{Tree: tree, Loose: true})
	if err != nil {
		return err
	}
	return x.answerQuery(out)
}

// routeAction finds the operation that Action and Version name.
func (x *exchange) routeAction(tree map[string]any) error {
	action, _ := tree["Action"].(string)
	version, _ := tree["Version"].(string)
	if action == "" {
		return api.Refuse("MissingAction", "Request is missing the Action parameter")
	}
	operation, ok := x.config.Dispatcher.Operation(x.service.Name, action)
	if !ok || version != x.service.Version {
		return api.Refuse("InvalidAction", "Could not find operation %s for version %s", action, version)
	}
	x.operation = operation
	return nil
}

// call is the request as services see it.
func (x *exchange) call(caller api.Caller) *api.Call {
	c := &api.Call{
		Service:   x.service.Name,
		Caller:    caller,
		RequestID: x.id,
		Time:      x.begun,
		SourceIP:  x.sourceIP(),
		Secure:    secure(x.r.Context()),
		UserAgent: x.r.UserAgent(),
	}
	if x.operation != nil {
		c.Operation = x.operation.Name
	}
	return c
}

// newRequestID is a random UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := make([]byte, 0, 36)
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, part)
	}
	return string(text)
}

// newExtendedID is what Kinesis sends as x-amz-id-2.
func newExtendedID() string {
	var b [72]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}
