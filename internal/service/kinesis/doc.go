// Package kinesis is Kinesis Data Streams: streams, shards, and the records in
// them. A stream is one key of the catalog; what was put into a shard lies in a
// journal of its own.
//
//	PutRecord(s), delivery's StreamWriter
//	    │  MD5(partition key) or the explicit hash key ── which shard
//	    ▼
//	shard journal   block 1 │ block 2 │ block 3 │ …      (durable/journal)
//	    │  position (block, index) + the shard's identity = sequence number
//	    ▼
//	GetShardIterator ── a sealed position ── GetRecords
//	SubscribeToShard ── waits at the journal's end ── events, pushed
//
// # Sequence numbers are addresses
//
// The counter inside a sequence number is the position of the record in its
// journal. So a number is never stored, a reader finds a record by its number
// without an index, and numbers of a shard grow strictly whatever the clock does.
// See sequence.go.
//
// # Life of a stream
//
//	CreateStream          Run                     DeleteStream          Run
//	record: CREATING ──▶ journals, then ACTIVE ──▶ record: DELETING ──▶ journals gone, then the record
//
// The names of the journals follow from the record (its generation, a random
// number, and the shard's number), so at every moment of a crash the catalog names
// every journal there may be, and a stream that is created again under an old name
// never meets the old one's journals. Run finishes what a crash interrupted.
//
// # Resharding
//
//	SplitShard, MergeShards, UpdateShardCount      Run
//	ACTIVE ──▶ UPDATING, children planned ──▶ their journals ──▶ one change: parents closed, children open, ACTIVE
//
// Whoever appends to a shard holds the catalog's gate from the look at the stream until
// the records are on disk. So the change that closes a shard waits for the last of them,
// and a shard that is seen closed has ended. See reshard.go.
//
// # What consumers are promised
//
// A record that was acknowledged is read once by whoever follows the iterators of
// its shard, in the order of sequence numbers; nothing is skipped: a journal that
// has lost something answers an internal failure, never the records behind the
// gap. Who goes on with the children of a closed shard when all their parents have been
// read sees the records of a key in the order in which they were put, across any number
// of reshards. Records older than the stream's retention are not shown, also when they
// have not been removed yet.
//
// # Many readers
//
// Readers of the same part of a shard share the work: what one has read from the disk is in
// memory for the others (durable/journal), and from the second reader on a block's records
// are decoded and encoded once (shared.go). What each costs by himself is his request and
// the bytes written to him.
//
// # Other accounts
//
// A stream and a consumer may have a policy that lets other accounts in, by ARN, to what
// sharedActions lists (policy.go). lookup is for what only the owner may do, lookupShared
// for the rest.
package kinesis
