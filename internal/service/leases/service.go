package leases

import (
	"context"
	"errors"
	"sync"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// Config is what the service needs.
type Config struct{ Catalog *catalog.Catalog }

// A Service is the lease tables of one installation.
type Service struct {
	tables *catalog.Table[tableRecord]
	items  *catalog.Table[itemRecord]

	mu   sync.Mutex
	used map[string]*usage // by table id, of the tables that were asked for; guarded by mu
}

// New returns the service on its catalog tables. It writes nothing.
func New(cfg Config) (*Service, error) {
	if cfg.Catalog == nil {
		return nil, errors.New("leases: Catalog is required")
	}
	return &Service{
		tables: catalog.NewTable[tableRecord](cfg.Catalog, "leases/table"),
		items:  catalog.NewTable[itemRecord](cfg.Catalog, "leases/item"),
		used:   map[string]*usage{},
	}, nil
}

// Table is the operations of this service.
func (s *Service) Table() api.Service {
	return api.Service{
		Name:          "dynamodb",
		TargetPrefix:  "DynamoDB_20120810",
		Protocol:      api.JSON,
		JSON10:        true,
		Constraints:   constraints,
		MessageMember: "message",
		Operations: []api.Operation{
			api.Define("CreateTable", on(func(in *createTableInput) string { return in.TableName }), s.createTable),
			api.Define("DescribeTable", on(func(in *tableInput) string { return in.TableName }), s.describeTable),
			api.Define("UpdateTable", on(func(in *updateTableInput) string { return in.TableName }), s.updateTable),
			api.Define("DeleteTable", on(func(in *tableInput) string { return in.TableName }), s.deleteTable),
			api.Define("PutItem", on(func(in *putItemInput) string { return in.TableName }), s.putItem),
			api.Define("GetItem", on(func(in *getItemInput) string { return in.TableName }), s.getItem),
			api.Define("UpdateItem", on(func(in *updateItemInput) string { return in.TableName }), s.updateItem),
			api.Define("DeleteItem", on(func(in *deleteItemInput) string { return in.TableName }), s.deleteItem),
			api.Define("Scan", on(func(in *scanInput) string { return in.TableName }), s.scan),
			api.Define("Query", queryTarget, s.query),
		},
	}
}

// on is the target of an operation on one table.
func on[In any](name func(*In) string) func(*api.Call, *In) ([]api.Access, error) {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		id, err := parseTable(call, name(in))
		if err != nil {
			return nil, err
		}
		return []api.Access{{Action: "dynamodb:" + call.Operation, Resource: id.arn()}}, nil
	}
}

// queryTarget is the table's index where one is named.
func queryTarget(call *api.Call, in *queryInput) ([]api.Access, error) {
	id, err := parseTable(call, in.TableName)
	if err != nil {
		return nil, err
	}
	resource := id.arn()
	if in.IndexName != "" {
		resource += "/index/" + in.IndexName
	}
	return []api.Access{{Action: "dynamodb:Query", Resource: resource}}, nil
}

// Recover takes away the items of tables that a crash caught while they were
// deleted. It is called once, before requests are answered.
func (s *Service) Recover(ctx context.Context) error {
	known := map[string]bool{}
	for _, t := range s.tables.Scan(catalog.KeyOf()) {
		known[t.ID] = true
	}
	orphans := map[string]bool{}
	for key := range s.items.Scan(catalog.KeyOf()) {
		if id := key.Parts()[0]; !known[id] {
			orphans[id] = true
		}
	}
	for id := range orphans {
		if err := s.deleteItems(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// usage is what the items of a table take. It may be off by what is written while
// it is counted for the first time.
type usage struct{ items, bytes int }

// usageOf counts a table's items when it is asked for the first time. The caller
// holds mu.
func (s *Service) usageOf(tableID string) *usage {
	u := s.used[tableID]
	if u == nil {
		u = &usage{}
		for _, rec := range s.items.Scan(catalog.KeyOf(tableID)) {
			u.items++
			u.bytes += itemSize(rec.Item)
		}
		s.used[tableID] = u
	}
	return u
}

// room refuses an item that would exceed the account's limits.
func (s *Service) room(t *tableRecord, id tableID, items, bytes int) error {
	if items <= 0 && bytes <= 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usageOf(t.ID).items+items > maxTableItems {
		return errLimit("Table %s has %d items, which is the limit", id.name, maxTableItems)
	}
	total := bytes
	for _, other := range s.tables.Scan(id.siblings()) {
		total += s.usageOf(other.ID).bytes
	}
	if total > maxBytes {
		return errLimit("The tables of account %s in %s hold %d bytes, which is the limit", id.account, id.region, maxBytes)
	}
	return nil
}

func (s *Service) note(t *tableRecord, items, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.used[t.ID]; u != nil {
		u.items += items
		u.bytes += bytes
	}
}
