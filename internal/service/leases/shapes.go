package leases

import "tributary/internal/service/api"

// The wire shapes, as DynamoDB's model has them. What is left out is ignored when a
// client sends it.

type keyElement struct {
	AttributeName string `json:"AttributeName" required:"true" min:"1" max:"255"`
	KeyType       string `json:"KeyType" required:"true" enum:"HASH,RANGE"`
}

type attributeDefinition struct {
	AttributeName string `json:"AttributeName" required:"true" min:"1" max:"255"`
	AttributeType string `json:"AttributeType" required:"true" enum:"S,N,B"`
}

type throughput struct {
	ReadCapacityUnits  int64 `json:"ReadCapacityUnits" required:"true" min:"1"`
	WriteCapacityUnits int64 `json:"WriteCapacityUnits" required:"true" min:"1"`
}

type projection struct {
	ProjectionType   string   `json:"ProjectionType,omitzero" enum:"ALL,KEYS_ONLY,INCLUDE"`
	NonKeyAttributes []string `json:"NonKeyAttributes,omitzero"`
}

type indexDefinition struct {
	IndexName             string       `json:"IndexName" required:"true" min:"3" max:"255" pattern:"[a-zA-Z0-9_.-]+"`
	KeySchema             []keyElement `json:"KeySchema" required:"true" min:"1" max:"2"`
	Projection            *projection  `json:"Projection" required:"true"`
	ProvisionedThroughput *throughput  `json:"ProvisionedThroughput,omitzero"`
}

type createTableInput struct {
	TableName                 string                `json:"TableName" required:"true" min:"1" max:"1024"`
	AttributeDefinitions      []attributeDefinition `json:"AttributeDefinitions" required:"true"`
	KeySchema                 []keyElement          `json:"KeySchema" required:"true" min:"1" max:"2"`
	BillingMode               string                `json:"BillingMode,omitzero" enum:"PROVISIONED,PAY_PER_REQUEST"`
	ProvisionedThroughput     *throughput           `json:"ProvisionedThroughput,omitzero"`
	GlobalSecondaryIndexes    []indexDefinition     `json:"GlobalSecondaryIndexes,omitzero"`
	DeletionProtectionEnabled *bool                 `json:"DeletionProtectionEnabled,omitzero"`
}

type tableInput struct {
	TableName string `json:"TableName" required:"true" min:"1" max:"1024"`
}

type indexUpdate struct {
	Create *indexDefinition `json:"Create,omitzero"`
	Delete *indexName       `json:"Delete,omitzero"`
}

type indexName struct {
	IndexName string `json:"IndexName" required:"true" min:"3" max:"255"`
}

type updateTableInput struct {
	TableName                   string                `json:"TableName" required:"true" min:"1" max:"1024"`
	AttributeDefinitions        []attributeDefinition `json:"AttributeDefinitions,omitzero"`
	BillingMode                 string                `json:"BillingMode,omitzero" enum:"PROVISIONED,PAY_PER_REQUEST"`
	ProvisionedThroughput       *throughput           `json:"ProvisionedThroughput,omitzero"`
	GlobalSecondaryIndexUpdates []indexUpdate         `json:"GlobalSecondaryIndexUpdates,omitzero"`
	DeletionProtectionEnabled   *bool                 `json:"DeletionProtectionEnabled,omitzero"`
}

type throughputDescription struct {
	NumberOfDecreasesToday int64 `json:"NumberOfDecreasesToday"`
	ReadCapacityUnits      int64 `json:"ReadCapacityUnits"`
	WriteCapacityUnits     int64 `json:"WriteCapacityUnits"`
}

type billingSummary struct {
	BillingMode string `json:"BillingMode"`
}

type indexDescription struct {
	IndexName             string                `json:"IndexName"`
	IndexArn              string                `json:"IndexArn"`
	IndexStatus           string                `json:"IndexStatus"`
	KeySchema             []keyElement          `json:"KeySchema"`
	Projection            projection            `json:"Projection"`
	ProvisionedThroughput throughputDescription `json:"ProvisionedThroughput"`
	ItemCount             int64                 `json:"ItemCount"`
	IndexSizeBytes        int64                 `json:"IndexSizeBytes"`
}

type tableDescription struct {
	TableName                 string                `json:"TableName"`
	TableArn                  string                `json:"TableArn"`
	TableID                   string                `json:"TableId"`
	TableStatus               string                `json:"TableStatus"`
	CreationDateTime          api.Timestamp         `json:"CreationDateTime"`
	AttributeDefinitions      []attributeDefinition `json:"AttributeDefinitions"`
	KeySchema                 []keyElement          `json:"KeySchema"`
	BillingModeSummary        *billingSummary       `json:"BillingModeSummary,omitzero"`
	ProvisionedThroughput     throughputDescription `json:"ProvisionedThroughput"`
	GlobalSecondaryIndexes    []indexDescription    `json:"GlobalSecondaryIndexes,omitzero"`
	ItemCount                 int64                 `json:"ItemCount"`
	TableSizeBytes            int64                 `json:"TableSizeBytes"`
	DeletionProtectionEnabled bool                  `json:"DeletionProtectionEnabled"`
}

type tableDescriptionOutput struct {
	TableDescription tableDescription `json:"TableDescription"`
}

type describeTableOutput struct {
	Table tableDescription `json:"Table"`
}

// item is a whole item, or the key of one.
type item = map[string]value

type expectedValue struct {
	Value              *value  `json:"Value,omitzero"`
	Exists             *bool   `json:"Exists,omitzero"`
	ComparisonOperator string  `json:"ComparisonOperator,omitzero" enum:"EQ,NE,IN,LE,LT,GE,GT,BETWEEN,NOT_NULL,NULL,CONTAINS,NOT_CONTAINS,BEGINS_WITH"`
	AttributeValueList []value `json:"AttributeValueList,omitzero"`
}

type valueUpdate struct {
	Value  *value `json:"Value,omitzero"`
	Action string `json:"Action,omitzero" enum:"ADD,PUT,DELETE"`
}

type putItemInput struct {
	TableName                           string                   `json:"TableName" required:"true" min:"1" max:"1024"`
	Item                                item                     `json:"Item" required:"true"`
	Expected                            map[string]expectedValue `json:"Expected,omitzero"`
	ConditionalOperator                 string                   `json:"ConditionalOperator,omitzero" enum:"AND,OR"`
	ConditionExpression                 string                   `json:"ConditionExpression,omitzero"`
	ExpressionAttributeNames            map[string]string        `json:"ExpressionAttributeNames,omitzero"`
	ExpressionAttributeValues           item                     `json:"ExpressionAttributeValues,omitzero"`
	ReturnValues                        string                   `json:"ReturnValues,omitzero" enum:"NONE,ALL_OLD,UPDATED_OLD,ALL_NEW,UPDATED_NEW"`
	ReturnValuesOnConditionCheckFailure string                   `json:"ReturnValuesOnConditionCheckFailure,omitzero" enum:"ALL_OLD,NONE"`
}

type updateItemInput struct {
	TableName                           string                   `json:"TableName" required:"true" min:"1" max:"1024"`
	Key                                 item                     `json:"Key" required:"true"`
	AttributeUpdates                    map[string]valueUpdate   `json:"AttributeUpdates,omitzero"`
	Expected                            map[string]expectedValue `json:"Expected,omitzero"`
	ConditionalOperator                 string                   `json:"ConditionalOperator,omitzero" enum:"AND,OR"`
	UpdateExpression                    string                   `json:"UpdateExpression,omitzero"`
	ConditionExpression                 string                   `json:"ConditionExpression,omitzero"`
	ExpressionAttributeNames            map[string]string        `json:"ExpressionAttributeNames,omitzero"`
	ExpressionAttributeValues           item                     `json:"ExpressionAttributeValues,omitzero"`
	ReturnValues                        string                   `json:"ReturnValues,omitzero" enum:"NONE,ALL_OLD,UPDATED_OLD,ALL_NEW,UPDATED_NEW"`
	ReturnValuesOnConditionCheckFailure string                   `json:"ReturnValuesOnConditionCheckFailure,omitzero" enum:"ALL_OLD,NONE"`
}

type deleteItemInput struct {
	TableName                           string                   `json:"TableName" required:"true" min:"1" max:"1024"`
	Key                                 item                     `json:"Key" required:"true"`
	Expected                            map[string]expectedValue `json:"Expected,omitzero"`
	ConditionalOperator                 string                   `json:"ConditionalOperator,omitzero" enum:"AND,OR"`
	ConditionExpression                 string                   `json:"ConditionExpression,omitzero"`
	ExpressionAttributeNames            map[string]string        `json:"ExpressionAttributeNames,omitzero"`
	ExpressionAttributeValues           item                     `json:"ExpressionAttributeValues,omitzero"`
	ReturnValues                        string                   `json:"ReturnValues,omitzero" enum:"NONE,ALL_OLD,UPDATED_OLD,ALL_NEW,UPDATED_NEW"`
	ReturnValuesOnConditionCheckFailure string                   `json:"ReturnValuesOnConditionCheckFailure,omitzero" enum:"ALL_OLD,NONE"`
}

type attributesOutput struct {
	Attributes item `json:"Attributes,omitzero"`
}

type getItemInput struct {
	TableName string `json:"TableName" required:"true" min:"1" max:"1024"`
	Key       item   `json:"Key" required:"true"`
	// Every read is consistent.
	ConsistentRead *bool `json:"ConsistentRead,omitzero"`
}

type getItemOutput struct {
	Item item `json:"Item,omitzero"`
}

type scanInput struct {
	TableName                 string            `json:"TableName" required:"true" min:"1" max:"1024"`
	Limit                     *int32            `json:"Limit,omitzero" min:"1"`
	Select                    string            `json:"Select,omitzero" enum:"ALL_ATTRIBUTES,ALL_PROJECTED_ATTRIBUTES,SPECIFIC_ATTRIBUTES,COUNT"`
	ExclusiveStartKey         item              `json:"ExclusiveStartKey,omitzero"`
	Segment                   *int32            `json:"Segment,omitzero" min:"0" max:"999999"`
	TotalSegments             *int32            `json:"TotalSegments,omitzero" min:"1" max:"1000000"`
	FilterExpression          string            `json:"FilterExpression,omitzero"`
	ExpressionAttributeNames  map[string]string `json:"ExpressionAttributeNames,omitzero"`
	ExpressionAttributeValues item              `json:"ExpressionAttributeValues,omitzero"`
}

type queryInput struct {
	TableName                 string            `json:"TableName" required:"true" min:"1" max:"1024"`
	IndexName                 string            `json:"IndexName,omitzero" min:"3" max:"255"`
	Limit                     *int32            `json:"Limit,omitzero" min:"1"`
	Select                    string            `json:"Select,omitzero" enum:"ALL_ATTRIBUTES,ALL_PROJECTED_ATTRIBUTES,SPECIFIC_ATTRIBUTES,COUNT"`
	ScanIndexForward          *bool             `json:"ScanIndexForward,omitzero"`
	ExclusiveStartKey         item              `json:"ExclusiveStartKey,omitzero"`
	KeyConditionExpression    string            `json:"KeyConditionExpression,omitzero"`
	FilterExpression          string            `json:"FilterExpression,omitzero"`
	ExpressionAttributeNames  map[string]string `json:"ExpressionAttributeNames,omitzero"`
	ExpressionAttributeValues item              `json:"ExpressionAttributeValues,omitzero"`
}

type listOutput struct {
	Items            []item `json:"Items,omitzero"`
	Count            int32  `json:"Count"`
	ScannedCount     int32  `json:"ScannedCount"`
	LastEvaluatedKey item   `json:"LastEvaluatedKey,omitzero"`
}
