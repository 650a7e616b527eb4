// Package delivery carries log events from the ingest journals to the
// recipients' shards.
//
//	ingest journal ──► worker ──► filters of the group ──► match ──► envelope ──► gzip
//	                     │                                                        │
//	                     │            ┌── gate: catalog stands still ─────────────▼──┐
//	                     └── cursor   │ permission of every filter ──► shard append   │
//	                                  └───────────────────────────────────────────────┘
//
// One worker reads one ingest journal, in order, so the events of a log stream
// stay in order for each filter. Three things make every acknowledged event
// arrive once:
//
//   - Where an event goes is a function of the event and its filter alone, never
//     of how events were batched, so that a second reading after a crash sends it
//     to the same shard.
//   - A worker's records for a shard are one block of the shard's journal, on a
//     lane of the worker's own, that carries the mark up to which the block covers
//     the ingest journal. After a crash the worker asks each shard for that mark
//     and leaves out what it covers.
//   - A saved cursor per journal bounds what is read a second time. It may lag; it
//     never leads.
//
// A filter whose shard does not take its events leaves the worker's cursor and goes on
// a detour: with a position and lanes of its own, until it has caught up and joins the
// others again, or until events are 24 hours old and are dropped, with a record of
// what. So nobody waits for a destination that fails. worker.go is the shared cursor,
// detour.go how filters leave it and join it, sweep.go how they catch up, carrier.go
// what both do with a batch; docs/adr/0010 says why it loses and doubles nothing, and
// test/model tries it out. A backfill is a detour that begins in the past.
//
// Permission is asked at every delivery, under the gate: from the answer to the
// end of the append nothing in the catalog changes, so whatever was revoked
// before a call returned is obeyed by every append after it. An append whose end is not
// known keeps such calls from returning (doubt.go, docs/adr/0013).
package delivery
