// Package journal keeps ordered, durable sequences of entries. Accepted log events
// lie in journals, and so do the records of every Kinesis shard.
//
//	Append  Append  Append                 callers wait together ...
//	   \      |      /
//	    one block: number, time, entries   ... for one message and one fsync
//	          |
//	    stream J17…  1 2 3 4 5 6           block number = sequence number, no gaps
//	          |            |
//	     catalog: trimmed, end             a second and a third place say where
//	     journals.mark:    end             the journal begins and ends
//	          |
//	    Reader Reader Reader               in order; the tail from memory, and what
//	                                       another has read a moment ago
//
// # What a returned Append means
//
// The entries are on disk, together, in this order, and every Reader sees them. An
// error that is broker.ErrUnknownOutcome says that they may or may not be there; a
// caller that appends them again may store them twice. After any other error they
// are not there.
//
// # Lanes
//
// A writer that copies from another journal appends with AppendFrom on a lane of its
// own, and each of its blocks carries a mark: how far it has copied. The mark is as
// durable as the entries, because it is in the same block, so after a crash Mark says
// exactly where to go on. When two processes take themselves for the writer of a
// lane, the first to append goes on and the other gets ErrFenced. Inside one process
// it is for the callers to agree who writes a lane.
//
// # What is not lost in silence
//
// A block carries its number, its journal's id and a checksum over everything, and
// readers treat a missing or wrong block as an error, never as something to skip.
// A journal that ends before the block that was last acknowledged, begins after the
// one that was last trimmed, or has lost its stream, is quarantined: it cannot be
// opened, nothing is appended to it, it is not made again, and Health reports it.
//
// Formats: docs/formats/journal.md.
package journal
