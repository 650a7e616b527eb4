package leases

// Limits of one account in one Region. A lease takes less than a KiB, so they leave
// room for tens of thousands of shards.
const (
	maxTables     = 50
	maxTableItems = 50_000
	maxBytes      = 64 << 20 // of all items
	maxIndexes    = 5        // of a table

	maxItemBytes  = 400 << 10 // as in DynamoDB
	maxPageBytes  = 1 << 20   // as in DynamoDB, of the items that are looked at
	maxExpression = 4 << 10   // as in DynamoDB, bytes
	maxDepth      = 32        // of nested values, as in DynamoDB, and of parentheses
)
