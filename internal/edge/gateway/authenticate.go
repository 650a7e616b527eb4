package gateway

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/sigv4"
	"tributary/internal/service/api"
)

// maxSkew is how far a signature's date may be from our clock.
const maxSkew = 5 * time.Minute

// A refusal is one reason in the words of both protocols.
type refusal struct {
	json        string
	query       string
	queryStatus int // JSON services answer 400 to everything
}

var (
	missingToken        = refusal{"MissingAuthenticationTokenException", "MissingAuthenticationToken", 403}
	incompleteSignature = refusal{"IncompleteSignatureException", "IncompleteSignature", 400}
	invalidSignature    = refusal{"InvalidSignatureException", "SignatureDoesNotMatch", 403}
	unrecognizedClient  = refusal{"UnrecognizedClientException", "InvalidClientTokenId", 403}
	expiredToken        = refusal{"ExpiredTokenException", "ExpiredToken", 403}
	malformedInput      = refusal{"SerializationException", "MalformedInput", 400}
)

func (x *exchange) refuse(why refusal, message string) *api.Exception {
	if x.protocol == api.Query {
		return api.RefuseStatus(why.queryStatus, why.query, "%s", message)
	}
	return api.Refuse(why.json, "%s", message)
}

// readAuthorization reads the credentials and checks what needs no secret: form,
// date, scope and what is signed. For a Query service it also routes, since the
// scope is where such a request names its service.
func (x *exchange) readAuthorization() (*sigv4.Authorization, error) {
	auth, err := sigv4.Read(x.signedRequest())
	if err != nil {
		return nil, x.refuseFault(err)
	}
	if err := auth.CheckTime(x.begun, maxSkew); err != nil {
		return nil, x.refuseFault(err)
	}
	if _, err := arn.ParseRegion(auth.Scope.Region); err != nil {
		return nil, x.refuse(invalidSignature, "Credential should be scoped to a valid region.")
	}
	if x.protocol == api.Query {
		service, ok := x.config.Dispatcher.Service(auth.Scope.Service)
		if !ok || service.Protocol != api.Query {
			return nil, x.refuse(invalidSignature, "Credential should be scoped to correct service.")
		}
		x.service = service
	}
	if auth.Scope.Service != x.service.Name {
		return nil, x.refuse(invalidSignature, "Credential should be scoped to correct service: '"+x.service.Name+"'.")
	}
	// A presigned URL is a secret that lands in logs and histories. Tools use it
	// to prove who they are (GetCallerIdentity), so it is good for STS and there
	// only in the form that a URL alone can make.
	if auth.Presigned && (x.r.Method != http.MethodGet || x.service.Name != "sts") {
		return nil, x.refuse(missingToken, "Missing Authentication Token")
	}
	return auth, nil
}

// admit decides, before the body is read, whether a body that is not small is
// worth holding: only for a key that exists, at the cost of its account. It
// proves nothing.
func (x *exchange) admit(auth *sigv4.Authorization) (arn.AccountID, error) {
	switch x.r.Header.Get("Content-Encoding") {
	case "", "identity", "gzip":
	default:
		return "", x.refuse(malformedInput, "Content-Encoding must be gzip or identity.")
	}
	switch n := x.r.ContentLength; {
	case n > x.config.MaxBody:
		return "", x.tooLarge()
	case 0 <= n && n <= smallBody:
		return "", nil
	}
	_, caller, err := x.credentials(auth)
	return caller.Principal.Account, err
}

// authenticate proves who signed the request, whose body has been read.
func (x *exchange) authenticate(auth *sigv4.Authorization, body *body) (*api.Call, error) {
	secret, caller, err := x.credentials(auth)
	if err != nil {
		return nil, err
	}
	if hash, ok := x.r.Header["X-Amz-Content-Sha256"]; ok && hash[0] != hex.EncodeToString(body.hash[:]) {
		return nil, x.refuse(invalidSignature, "The value of X-Amz-Content-Sha256 must be the SHA-256 of the body; unsigned and streaming payloads are not supported.")
	}
	signed := x.signedRequest()
	signed.PayloadHash = body.hash
	if !auth.Verify(signed, x.keys.derive(auth.AccessKeyID, secret, auth.Scope)) {
		return nil, x.refuse(invalidSignature, "The request signature we calculated does not match the signature you provided. "+
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	known(x.r.Context())
	call := x.call(caller)
	call.Region = arn.Region(auth.Scope.Region)
	if body.held.size == 0 { // of a small body, for which nobody was asked
		body.held.account = call.Account()
	}
	return call, nil
}

func (x *exchange) credentials(auth *sigv4.Authorization) (string, api.Caller, error) {
	secret, caller, err := x.config.Credentials(x.r.Context(), auth.AccessKeyID, auth.SessionToken)
	switch {
	case err == nil:
		return secret, caller, nil
	case errors.Is(err, ErrUnknownKey), errors.Is(err, ErrInvalidToken):
		err = x.refuse(unrecognizedClient, "The security token included in the request is invalid.")
	case errors.Is(err, ErrExpiredToken):
		err = x.refuse(expiredToken, "The security token included in the request is expired")
	default:
		err = fmt.Errorf("look up credentials: %w", err)
	}
	return "", api.Caller{}, err
}

// signedRequest is the request as received, without the body's hash.
func (x *exchange) signedRequest() *sigv4.Request {
	path, _, _ := strings.Cut(x.r.RequestURI, "?")
	if !strings.HasPrefix(path, "/") { // absolute form, or made by a test
		path = x.r.URL.EscapedPath()
	}
	return &sigv4.Request{
		Method:        x.r.Method,
		Path:          path,
		RawQuery:      x.r.URL.RawQuery,
		Host:          x.r.Host,
		Header:        x.r.Header,
		ContentLength: x.r.ContentLength,
	}
}

func (x *exchange) refuseFault(err error) error {
	fault, ok := errors.AsType[*sigv4.Error](err)
	if !ok {
		return fmt.Errorf("read signature: %w", err)
	}
	switch fault.Fault {
	case sigv4.Missing:
		return x.refuse(missingToken, fault.Message)
	case sigv4.Incomplete:
		return x.refuse(incompleteSignature, fault.Message)
	default:
		return x.refuse(invalidSignature, fault.Message)
	}
}
