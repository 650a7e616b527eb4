// Package api is what all services have in common: an operation and the table
// it stands in, the call that is being answered, the refusal a caller gets, and
// the dispatcher that takes every call through the same steps.
//
//	door (edge/gateway): limits, protocol, authentication
//	    │  Operation, Call, Input
//	    ▼
//	Dispatcher.Do: bind ── constraints ── authorize ── handle
//	    │  output struct, or an *Exception, or an error of ours
//	    ▼
//	door: encode
//
// The package knows nothing of HTTP. A service declares each operation with
// [Define], naming the resources on which it must be authorized, so there is no
// operation without that check.
package api
