// Package catalog is the durable table of everything that has a name: accounts,
// roles, policies, destinations, filters, groups, streams.
//
// It is kept whole in memory, ordered, and reads never leave it. On disk it is a
// log: one JetStream stream in which every message is a set of changes.
//
//	Create, Replace, Delete, Update        many callers wait ...
//	            |
//	      one change set                   ... and share one message and one fsync
//	            |
//	  stream "catalog"   41 42 43 44 45    contiguous, checksummed, chained
//	            |
//	  file catalog.mark  45, sum           a second place says where the log ends
//	            |
//	      gate  -> tables in memory        then, at once for all readers, it is true
//
// # What a returned write means
//
// It is on disk and every read in this process sees it. After an error that is
// broker.ErrUnknownOutcome the change may or may not become true; before the next
// write is made the catalog finds out.
//
// # Compare and set
//
// Every value has the Revision that wrote it. Replace and Delete name the revision
// they expect and fail with ErrConflict when it is another; Create expects none.
//
// # The gate
//
// Hold keeps the tables as they are while it is held. A decision made and acted on
// under Hold is therefore never overtaken by a change: the write that would change
// it returns only after release. Reads do not take the gate and work under it.
// Doubt is for the act whose end is not known at release: then the write becomes true
// and returns later.
//
// # What is not lost in silence
//
// The log has no gaps, each message carries its own number, a checksum and the
// checksum of the one before, and the mark says where the log begins and ends.
// Open refuses a log that disagrees (ErrDamaged) rather than serve less than was
// written. A table that a newer release wrote, or that nobody registered, is
// refused by Ready.
//
// The log does not grow without bound: when most of it is history, the values that
// are still true are written again at its end and what lies before is removed.
//
// Formats: docs/formats/catalog.md.
package catalog
