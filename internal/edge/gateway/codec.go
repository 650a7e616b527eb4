package gateway

import (
	"tributary/internal/service/api"
)

// A codec is one of the encodings of the services that are routed by X-Amz-Target.
// All make the same trees and take the same structs.
type codec struct {
	contentType string
	parse       func(body []byte, in *room) (tree any, err error)
	valid       func(body []byte) bool
	append      func(dst []byte, out any) ([]byte, error)
	appendError func(dst []byte, e *api.Exception, messageMember string) ([]byte, error)
}

var (
	inJSON = codec{jsonType, parseJSON, validJSON, appendJSON, appendJSONError}
	// inJSON10 is the same under the older name, which DynamoDB's clients use.
	inJSON10 = codec{jsonType10, parseJSON, validJSON, appendJSON, appendJSONError}
	inCBOR   = codec{cborType, parseCBOR, validCBOR, appendCBOR, appendCBORError}
)

// of reports whether the service speaks it.
func (c *codec) of(s *api.Service) bool {
	switch c {
	case &inCBOR:
		return s.CBOR
	case &inJSON10:
		return s.JSON10
	default:
		return true
	}
}

func validCBOR(b []byte) bool {
	_, err := parseCBOR(b, anyRoom())
	return err == nil
}

// memberOfMessage is the member of an error body that has the text.
func memberOfMessage(e *api.Exception, ofService string) string {
	switch {
	case e.Code == "SerializationException": // whatever the service
		return "Message"
	case ofService == "":
		return "message"
	default:
		return ofService
	}
}
