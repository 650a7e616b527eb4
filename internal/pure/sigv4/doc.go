// Package sigv4 reads, checks and makes Signature Version 4, the way AWS
// requests are signed with a shared secret (AWS4-HMAC-SHA256).
//
//	request ──Read──▶ Authorization: who, scope, signed headers, signature
//	                      │ CheckTime(now)
//	secret, scope ──DeriveKey──▶ Key
//	                      │ Verify(request, key)
//	                      ▼
//	                  true or false
//
// [Read] refuses whatever leaves a choice: other algorithms, header and query
// credentials at once, a date that is not the scope's, an x-amz-* header that
// is not signed. [Sign] and [Presign] are for clients of ours.
//
// The package computes on what it is given. It has no clock, keeps nothing and
// reads no body: the caller hashes the payload. The rules of S3 (paths encoded
// once, unsigned and streaming payloads) are not here.
package sigv4
