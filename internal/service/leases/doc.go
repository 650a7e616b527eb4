// Package leases is a small table service with the wire form of DynamoDB: as much
// of it as consumers of the Kinesis Client Library need to share the shards of a
// stream among them.
//
//	table.go       tables and their index: CreateTable, DescribeTable, UpdateTable, DeleteTable
//	item.go        items: PutItem, GetItem, UpdateItem, DeleteItem
//	list.go        Scan and Query
//	value.go       attribute values; number.go their numbers
//	expected.go    the conditions and updates that KCL writes as maps
//	condition.go   condition expressions; update.go update expressions; lex.go their words;
//	               placeholder.go their #names and :values
//
// An item is one value of the catalog, so that a conditional write is one
// compare-and-set and survives a crash once it has been acknowledged. The catalog
// keeps everything in memory, so there are limits that DynamoDB does not have; see
// limits.go.
package leases
