package api

import (
	"errors"
	"fmt"
)

// An Exception is a refusal or failure that is meant for the caller. Any other
// error is ours: it is answered as an internal failure and logged.
type Exception struct {
	// Code is what clients branch on: the short type name in JSON
	// ("ResourceNotFoundException"), the query code in XML ("NoSuchEntity").
	Code    string
	Message string
	// Status is the HTTP status: 400 for every client error of a JSON service.
	Status int
	// Encoded is more about a denial, for DecodeAuthorizationMessage. It goes into
	// the header X-Tributary-Authorization-Message.
	Encoded string
	// Members are further members of a JSON error body, such as Reason.
	Members map[string]any
}

func (e *Exception) Error() string { return e.Code + ": " + e.Message }

// Refuse makes an Exception with status 400, which is what JSON services answer
// to every client error.
func Refuse(code, format string, args ...any) *Exception {
	return RefuseStatus(400, code, format, args...)
}

// RefuseStatus makes an Exception with the given HTTP status.
func RefuseStatus(status int, code, format string, args ...any) *Exception {
	msg := format
	if len(args) > 0 {
		msg = fmt.Sprintf(format, args...)
	}
	return &Exception{Code: code, Message: msg, Status: status}
}

// AsException returns the Exception in err's chain, if there is one.
func AsException(err error) (*Exception, bool) {
	e, ok := errors.AsType[*Exception](err)
	return e, ok
}

// Unavailable reports whether err, which is one of ours, is an outage: something in
// its chain, such as a full disk's error, says so by a method Unavailable. It is
// answered as status 503, after which clients try again.
func Unavailable(err error) bool {
	outage, ok := errors.AsType[interface {
		error
		Unavailable() bool
	}](err)
	return ok && outage.Unavailable()
}

// serialization is the refusal of a body whose members have wrong types.
func serialization(format string, args ...any) *Exception {
	return Refuse("SerializationException", format, args...)
}
