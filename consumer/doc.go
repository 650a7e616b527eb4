// Package consumer reads what CloudWatch Logs subscriptions deliver into a Kinesis
// stream. It works with Tributary and with AWS: it speaks through the client of
// the AWS SDK for Go.
//
// [Decode] turns the data of one record into an [Envelope] of log events. It is
// all that a program needs which gets its records elsewhere, from the Kinesis
// Client Library or an event source mapping.
//
// A [Follower] reads a whole stream in one process: every shard, and the shards
// that come from splits and merges, each after its parents, so that what is in
// order under a partition key stays in order. With [Checkpoints] it goes on where
// it stopped; every record is handled at least once. Work that is to be shared by
// several processes is the Kinesis Client Library's.
package consumer
