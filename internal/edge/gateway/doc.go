// Package gateway is the AWS wire: it takes HTTP requests as unmodified SDKs,
// tools and agents send them, proves who signed them, and gives them to the
// Dispatcher.
//
//	head: method, content type, target            who answers, in which protocol
//	  │   Authorization: form, date, scope        nothing is believed yet
//	  ▼
//	body: read, hashed on the way, within limits  large ones only for a known key
//	  ▼
//	signature over the received bytes             now we know the caller
//	  ▼
//	gunzip, JSON or form to a tree of values      or the bytes, for an operation that scans
//	  ▼
//	Dispatcher.Do                                 bind, constraints, authorize, handle
//	  ▼
//	JSON, CBOR or XML; or an event stream, for minutes
//
// JSON services (logs, kinesis, organizations) are AWS JSON 1.1, routed by
// X-Amz-Target; some speak AWS CBOR 1.1 or AWS JSON 1.0 as well, by content type.
// Query services (iam, sts) are forms answered in XML, routed by
// the service in the credential scope and Action. The URL's path means nothing,
// as in AWS. A form for one of the few operations that AWS answers to anybody needs no
// signature (unsigned.go).
//
// What an unauthenticated client can cost is bounded: the head by the server of
// [NewServer], the body by [smallBody], since a larger one is read only when the
// request names a key that exists. All larger bodies together stay within
// Config.MaxHeld, and so do the events of streams while their clients take them.
//
// Connections come through [Harden], which puts TLS under them and refuses HTTP/1
// that a proxy before us could read otherwise than we do.
//
// A file is a subject: gateway.go the order of a request, authenticate.go the
// signature, body.go bytes and memory, json.go, cbor.go, form.go and xml.go the
// formats, answer.go and stream.go what goes back, conn.go and framing.go what
// requests come on.
package gateway
