// Package broker is the connection to JetStream, the engine under everything
// that survives a crash. It is the only package that sees a NATS type.
//
//	catalog   journal              our formats, checksums, order, damage
//	      \   /
//	    Stream: Publish Fetch Last State Purge
//	        |
//	    two in-process connections     one writes, one reads, so that a large
//	        |                          read does not stand before an acknowledgement
//	    nats-server in this process    no listener, SyncAlways, one replica
//	        |
//	    DIR/jetstream/                 the engine's files
//	    DIR/TRIBUTARY                  the marker: this directory is ours, format 1
//	    DIR/lock                       flock: one process at a time
//
// # What a returned Publish means
//
// The message is in its file and the file has been fsynced. When Publish returns
// an error that is ErrUnknownOutcome, the message may have been stored, now or a
// moment later; a writer that cares publishes with IfLast, so that whichever of
// two attempts comes second is refused. After any other error nothing was stored.
//
// # When the disk fails
//
// The engine never writes to a stream again once a write to it has failed, and
// does not answer the publisher either. The broker hears of the failure from the
// engine's log, fails all writes at once, and reports it from Health. Two kinds
// are told apart:
//
//   - No space. Before the disk is really full the broker refuses writes on its
//     own account (ErrNoSpace) and accepts them again when there is space. When the
//     engine has met ENOSPC itself, it is started again, within this process,
//     as soon as there is space. Readers see a short pause.
//   - Anything else, above all an error of fsync. What the page cache says after a
//     failed fsync is not what the disk holds, so nothing is retried: writes fail
//     until the process has been started again.
//
// An external cluster would take the place of the server in this process; Stream
// would stay as it is. It is not built.
package broker
