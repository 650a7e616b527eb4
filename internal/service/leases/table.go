package leases

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

// A tableRecord is a table: catalog table leases/table, key account, Region, name.
type tableRecord struct {
	ID         string                `json:"id"` // 32 hex digits
	Created    time.Time             `json:"created"`
	Key        []keyElement          `json:"key"`
	Attributes []attributeDefinition `json:"attributes"`
	Indexes    []indexDefinition     `json:"indexes,omitzero"`
	OnDemand   bool                  `json:"onDemand,omitzero"`
	Read       int64                 `json:"read,omitzero"` // capacity units, stored and echoed
	Write      int64                 `json:"write,omitzero"`
	Protected  bool                  `json:"protected,omitzero"`
}

// A tableID names a table.
type tableID struct {
	account arn.AccountID
	region  arn.Region
	name    string
}

func (id tableID) key() catalog.Key {
	return catalog.KeyOf(string(id.account), string(id.region), id.name)
}

func (id tableID) siblings() catalog.Key {
	return catalog.KeyOf(string(id.account), string(id.region))
}

func (id tableID) arn() string {
	return string(arn.New("dynamodb", id.region, id.account, "table/"+id.name))
}

var tableName = regexp.MustCompile(`\A[a-zA-Z0-9_.-]{3,255}\z`)

// parseTable reads a table's name or ARN. The ARN of another account's table names
// that table, which nobody but its owner is allowed.
func parseTable(call *api.Call, text string) (tableID, error) {
	id := tableID{call.Account(), call.Region, text}
	if strings.HasPrefix(text, "arn:") {
		p := arn.ARN(text).Parts()
		name, ok := strings.CutPrefix(p.Resource, "table/")
		if p.Service != "dynamodb" || !ok {
			return id, errInvalid("Invalid table ARN: %s", text)
		}
		id = tableID{p.Account, p.Region, name}
		if id.region != call.Region {
			return id, errResourceNotFound()
		}
	}
	if !tableName.MatchString(id.name) {
		return id, errInvalid("1 validation error detected: Value '%s' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+", id.name)
	}
	return id, nil
}

// table is the table that a call names.
func (s *Service) table(call *api.Call, name string) (tableRecord, tableID, error) {
	id, err := parseTable(call, name)
	if err != nil {
		return tableRecord{}, id, err
	}
	t, _, ok := s.tables.Get(id.key())
	if !ok || id.account != call.Account() {
		return t, id, errResourceNotFound()
	}
	return t, id, nil
}

// keyNames are the names of the hash key and the range key, which may be "".
func keyNames(schema []keyElement) (hash, sort string) {
	hash = schema[0].AttributeName
	if len(schema) == 2 {
		sort = schema[1].AttributeName
	}
	return hash, sort
}

func (t *tableRecord) typeOf(attribute string) string {
	for _, d := range t.Attributes {
		if d.AttributeName == attribute {
			return d.AttributeType
		}
	}
	return ""
}

func (t *tableRecord) index(name string) *indexDefinition {
	for i := range t.Indexes {
		if t.Indexes[i].IndexName == name {
			return &t.Indexes[i]
		}
	}
	return nil
}

// checkSchema refuses a key schema that is none, or whose attributes are not
// defined.
func (t *tableRecord) checkSchema(schema []keyElement) error {
	if schema[0].KeyType != "HASH" {
		return errInvalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	}
	if len(schema) == 2 && schema[1].KeyType != "RANGE" {
		return errInvalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	}
	hash, sort := keyNames(schema)
	if hash == sort {
		return errInvalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	}
	for _, k := range schema {
		if t.typeOf(k.AttributeName) == "" {
			return errParameters("Some index key attributes are not defined in AttributeDefinitions. Keys: [%s]", k.AttributeName)
		}
	}
	return nil
}

func (t *tableRecord) addIndex(d indexDefinition) error {
	if err := t.checkSchema(d.KeySchema); err != nil {
		return err
	}
	if t.index(d.IndexName) != nil {
		return errInvalid("Attempting to create an index which already exists: %s", d.IndexName)
	}
	if len(t.Indexes) >= maxIndexes {
		return errLimit("A table has at most %d indexes", maxIndexes)
	}
	t.Indexes = append(slices.Clone(t.Indexes), d)
	return nil
}

// bill takes over the billing mode and capacity, which are stored and echoed.
func (t *tableRecord) bill(mode string, p *throughput) error {
	switch {
	case mode == "PAY_PER_REQUEST" && p != nil:
		return errParameters("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	case mode == "PAY_PER_REQUEST":
		t.OnDemand, t.Read, t.Write = true, 0, 0
	case p != nil:
		t.OnDemand, t.Read, t.Write = false, p.ReadCapacityUnits, p.WriteCapacityUnits
	}
	return nil
}

func (s *Service) createTable(ctx context.Context, call *api.Call, in *createTableInput) (*tableDescriptionOutput, error) {
	id, err := parseTable(call, in.TableName)
	if err != nil {
		return nil, err
	}
	t := tableRecord{
		ID: newID(), Created: call.Time, Key: in.KeySchema, Attributes: in.AttributeDefinitions,
		Protected: in.DeletionProtectionEnabled != nil && *in.DeletionProtectionEnabled,
	}
	if err := t.checkSchema(t.Key); err != nil {
		return nil, err
	}
	if in.BillingMode != "PAY_PER_REQUEST" && in.ProvisionedThroughput == nil {
		return nil, errParameters("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	}
	if err := t.bill(in.BillingMode, in.ProvisionedThroughput); err != nil {
		return nil, err
	}
	for _, d := range in.GlobalSecondaryIndexes {
		if err := t.addIndex(d); err != nil {
			return nil, err
		}
	}
	tables := 0
	for range s.tables.Scan(id.siblings()) {
		tables++
	}
	if tables >= maxTables {
		return nil, errLimit("Subscriber limit exceeded: There is a limit of %d tables per subscriber", maxTables)
	}
	_, err = s.tables.Create(ctx, id.key(), t)
	if errors.Is(err, catalog.ErrExists) {
		return nil, errTableExists(id.name)
	}
	if err != nil {
		return nil, err
	}
	return &tableDescriptionOutput{s.describe(&t, id)}, nil
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (s *Service) describe(t *tableRecord, id tableID) tableDescription {
	s.mu.Lock()
	u := *s.usageOf(t.ID)
	s.mu.Unlock()
	d := tableDescription{
		TableName: id.name, TableArn: id.arn(), TableStatus: "ACTIVE", CreationDateTime: api.At(t.Created),
		TableID:              strings.Join([]string{t.ID[:8], t.ID[8:12], t.ID[12:16], t.ID[16:20], t.ID[20:]}, "-"),
		AttributeDefinitions: t.Attributes, KeySchema: t.Key, DeletionProtectionEnabled: t.Protected,
		ProvisionedThroughput: throughputDescription{ReadCapacityUnits: t.Read, WriteCapacityUnits: t.Write},
		ItemCount:             int64(u.items), TableSizeBytes: int64(u.bytes),
	}
	if t.OnDemand {
		d.BillingModeSummary = &billingSummary{"PAY_PER_REQUEST"}
	}
	for _, x := range t.Indexes {
		one := indexDescription{
			IndexName: x.IndexName, IndexArn: id.arn() + "/index/" + x.IndexName, IndexStatus: "ACTIVE",
			KeySchema: x.KeySchema, Projection: *x.Projection,
		}
		if p := x.ProvisionedThroughput; p != nil {
			one.ProvisionedThroughput = throughputDescription{ReadCapacityUnits: p.ReadCapacityUnits, WriteCapacityUnits: p.WriteCapacityUnits}
		}
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, one)
	}
	return d
}

func (s *Service) describeTable(_ context.Context, call *api.Call, in *tableInput) (*describeTableOutput, error) {
	t, id, err := s.table(call, in.TableName)
	if err != nil {
		return nil, errTableNotFound(id.name)
	}
	return &describeTableOutput{s.describe(&t, id)}, nil
}

// updateTable changes settings and indexes. An index is there at once: it is a view
// of the items.
func (s *Service) updateTable(ctx context.Context, call *api.Call, in *updateTableInput) (*tableDescriptionOutput, error) {
	_, id, err := s.table(call, in.TableName)
	if err != nil {
		return nil, err
	}
	var t tableRecord
	_, err = s.tables.Update(ctx, id.key(), func(old tableRecord, exists bool) (tableRecord, error) {
		if !exists {
			return old, errResourceNotFound()
		}
		t = old
		return t, t.change(in)
	})
	if err != nil {
		return nil, err
	}
	return &tableDescriptionOutput{s.describe(&t, id)}, nil
}

func (t *tableRecord) change(in *updateTableInput) error {
	for _, d := range in.AttributeDefinitions {
		switch known := t.typeOf(d.AttributeName); known {
		case d.AttributeType:
		case "":
			t.Attributes = append(slices.Clone(t.Attributes), d)
		default:
			return errParameters("Attribute %s has type %s", d.AttributeName, known)
		}
	}
	if err := t.bill(in.BillingMode, in.ProvisionedThroughput); err != nil {
		return err
	}
	if in.DeletionProtectionEnabled != nil {
		t.Protected = *in.DeletionProtectionEnabled
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if u.Create != nil {
			if err := t.addIndex(*u.Create); err != nil {
				return err
			}
		}
		if u.Delete != nil {
			if t.index(u.Delete.IndexName) == nil {
				return errResourceNotFound()
			}
			t.Indexes = slices.DeleteFunc(slices.Clone(t.Indexes), func(x indexDefinition) bool { return x.IndexName == u.Delete.IndexName })
		}
	}
	return nil
}

func (s *Service) deleteTable(ctx context.Context, call *api.Call, in *tableInput) (*tableDescriptionOutput, error) {
	t, id, err := s.table(call, in.TableName)
	if err != nil {
		return nil, errTableNotFound(id.name)
	}
	if t.Protected {
		return nil, errProtected(id.arn())
	}
	_, rev, _ := s.tables.Get(id.key())
	out := &tableDescriptionOutput{s.describe(&t, id)}
	out.TableDescription.TableStatus = "DELETING"
	if err := s.tables.Delete(ctx, id.key(), rev); err != nil {
		if errors.Is(err, catalog.ErrConflict) {
			return nil, errTableNotFound(id.name)
		}
		return nil, err
	}
	// Items that are left by a crash are taken away by Recover.
	return out, s.deleteItems(context.WithoutCancel(ctx), t.ID)
}

func (s *Service) deleteItems(ctx context.Context, tableID string) error {
	for key := range s.items.Scan(catalog.KeyOf(tableID)) {
		_, rev, ok := s.items.Get(key)
		if !ok {
			continue
		}
		if err := s.items.Delete(ctx, key, rev); err != nil && !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
	s.mu.Lock()
	delete(s.used, tableID)
	s.mu.Unlock()
	return nil
}
