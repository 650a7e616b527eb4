// Package model is delivery's protocol without its code: what a worker, its lanes
// and marks, the detours of its filters, the barrier and the gate do, as a machine of
// small steps, and an explorer that takes every order in which the steps, crashes,
// failing shards, appends that are not answered, reshards and revocations can come.
//
// The machine is one ingest journal with a few entries and two filters, which both
// take every entry. Filter 0 spreads them over two shards; filter 1 sends to one of
// them and can be shut out. What is in docs/adr/0010 and 0013 in words is here in
// steps: each is one thing that is atomic, an append to a shard or a write to the
// catalog, or a change of memory that a crash takes away.
//
//	environment.go   what happens: crash, failure, late append, revocation, reshard
//	protocol.go      the shared cursor, and how a filter leaves it
//	detour.go        how it catches up and joins again
//	state.go         what decides what can come next, and what must not be
//	explore.go       every run
//
// Checked in every state: no event is in its shards twice, those of a filter are there
// in order, also across a reshard, none was appended after the call that shut its
// filter out was answered, and none is missing that the worker takes for delivered. The
// explorer also finds whether delivery can get stuck.
//
// A Mistake takes one rule out of the protocol. The tests see that the explorer
// finds what each of them breaks: without that, that it finds nothing would show
// nothing.
//
// Left out: several processes, whose appends the lanes fence, and more than one reshard
// or unanswered append at a time.
package model
