// Package logs is CloudWatch Logs: log groups and streams, events, destinations
// and subscription filters. It decides who may send to whom, takes events in and
// shows them again; carrying them to the recipient is the work of package
// delivery, which reads what this package writes.
//
//	PutLogEvents ─► scan.go ─► put.go ─► entry.go ─► ingest journal ─► delivery
//	                one pass   rules     bytes         (by log stream)     │
//	                                                       │               │ Filters
//	                                      follow.go ◄──────┤               │ Consent
//	                                         │             │               │ Destination
//	                                      index.go         │               ▼
//	GetLogEvents, FilterLogEvents ─► read.go ─► search.go ─┘        filter.go, consent.go,
//	                                                                destination.go
//
// # Events
//
// A call of PutLogEvents becomes one entry of an ingest journal; when it is
// answered the entry has been fsynced. A message stays the JSON string literal in
// which it was sent, from the request's body to the answer or the delivered
// record: it is validated once and never escaped again. A Region has a fixed
// number of ingest journals, and a log stream's events are all in the same one,
// so their order is kept.
//
// Reads go by an index in memory, which a follower of each journal feeds. Before
// a read looks at it, it waits until the index holds everything that had been
// acknowledged when the read began.
//
// # Records
//
// Five tables of the catalog hold everything that has a name:
//
//	logs/group           account, Region, name         a log group with its subscription filters
//	logs/stream          account, Region, group, name  a log stream of one generation of its group
//	logs/destination     account, Region, name         a destination with its access policy
//	logs/account-policy  account, Region               a subscription filter on all log groups
//	logs/region          Region                        the number of its ingest journals
//
// Each change is one write of one key. What a deletion leaves behind (the streams
// of a deleted group) is absent by rule and removed later, so a crash between two
// writes is never seen.
//
// # Consent
//
// Whether a destination admits a sender is decided in consent.go, by the
// same two functions when a filter is made, at every delivery after it, and when
// somebody asks for an explanation.
package logs
