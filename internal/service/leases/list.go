package leases

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// A page collects what Scan or Query answers.
type page struct {
	*placeholders
	filter condition
	limit  int // items looked at; 0 is none
	count  bool
	show   func(item) item
	bytes  int
	out    listOutput
}

// newPage is a page with its filter.
func newPage(filter string, names map[string]string, values item, limit *int32, sel string) (*page, error) {
	h, err := newPlaceholders(names, values)
	if err != nil {
		return nil, err
	}
	pg := &page{placeholders: h, count: sel == "COUNT", show: func(it item) item { return it }, filter: func(item) bool { return true }}
	if limit != nil {
		pg.limit = int(*limit)
	}
	if filter == "" {
		return pg, nil
	}
	p, err := newParser("FilterExpression", filter, h)
	if err != nil {
		return nil, err
	}
	pg.filter, err = p.parseCondition()
	return pg, err
}

// take looks at an item and reports whether the page is full.
func (p *page) take(it item) (full bool) {
	p.out.ScannedCount++
	p.bytes += itemSize(it)
	if p.filter(it) {
		p.out.Count++
		if !p.count {
			p.out.Items = append(p.out.Items, p.show(it))
		}
	}
	return int(p.out.ScannedCount) == p.limit || p.bytes >= maxPageBytes
}

// only is the part of an item that its keys are.
func only(it item, schemas ...[]keyElement) item {
	part := item{}
	for _, schema := range schemas {
		for _, k := range schema {
			if v, ok := it[k.AttributeName]; ok {
				part[k.AttributeName] = v
			}
		}
	}
	return part
}

func (s *Service) scan(_ context.Context, call *api.Call, in *scanInput) (*listOutput, error) {
	t, _, err := s.table(call, in.TableName)
	if err != nil {
		return nil, err
	}
	pg, err := newPage(in.FilterExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.Limit, in.Select)
	if err != nil {
		return nil, err
	}
	if err := pg.checkUsed(); err != nil {
		return nil, err
	}
	segment, segments := uint32(0), uint32(1)
	switch {
	case in.Segment != nil && in.TotalSegments != nil:
		segment, segments = uint32(*in.Segment), uint32(*in.TotalSegments)
	case in.Segment != nil:
		return nil, errInvalid("The TotalSegments parameter is required but was not present in the request when Segment parameter is present")
	case in.TotalSegments != nil:
		return nil, errInvalid("The Segment parameter is required but was not present in the request when parameter TotalSegments is present")
	}
	if segment >= segments {
		return nil, errInvalid("The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: %d is not less than TotalSegments: %d", segment, segments)
	}
	after := catalog.Key{}
	if in.ExclusiveStartKey != nil {
		if err := t.checkKey(in.ExclusiveStartKey); err != nil {
			return nil, errInvalid("The provided starting key is invalid: The provided key element does not match the schema")
		}
		after = t.itemKey(in.ExclusiveStartKey)
	}
	for key, rec := range s.items.ScanFrom(catalog.KeyOf(t.ID), after) {
		if segments > 1 && segmentOf(key)%segments != segment {
			continue
		}
		if pg.take(rec.Item) {
			pg.out.LastEvaluatedKey = only(rec.Item, t.Key)
			break
		}
	}
	return &pg.out, nil
}

// segmentOf spreads items over the segments of a parallel scan by their hash keys.
func segmentOf(key catalog.Key) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key.Parts()[1])) // never fails
	return h.Sum32()
}

// query finds the items of one hash key in the table or an index, in order of the
// range key. An index is a view: the items are looked through.
func (s *Service) query(_ context.Context, call *api.Call, in *queryInput) (*listOutput, error) {
	t, _, err := s.table(call, in.TableName)
	if err != nil {
		return nil, err
	}
	pg, err := newPage(in.FilterExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, in.Limit, in.Select)
	if err != nil {
		return nil, err
	}
	schema := t.Key
	if in.IndexName != "" {
		x := t.index(in.IndexName)
		if x == nil {
			return nil, errInvalid("The table does not have the specified index: %s", in.IndexName)
		}
		schema = x.KeySchema
		if x.Projection.ProjectionType == "KEYS_ONLY" {
			pg.show = func(it item) item { return only(it, t.Key, schema) }
		}
	}
	p, err := newParser("KeyConditionExpression", in.KeyConditionExpression, pg.placeholders)
	if err != nil {
		return nil, err
	}
	hash, rest, err := p.parseKeyCondition(schema)
	if err != nil {
		return nil, err
	}
	if err := pg.checkUsed(); err != nil {
		return nil, err
	}
	found := s.find(&t, schema, hash, rest)
	order := func(a, b item) int { return t.order(schema, a, b) }
	if in.ScanIndexForward != nil && !*in.ScanIndexForward {
		order = func(a, b item) int { return t.order(schema, b, a) }
	}
	slices.SortFunc(found, order)
	if start := in.ExclusiveStartKey; start != nil {
		if err := checkItem(start, 0); err != nil || len(only(start, t.Key, schema)) != len(start) {
			return nil, errInvalid("The provided starting key is invalid")
		}
		found = slices.DeleteFunc(found, func(it item) bool { return order(it, start) <= 0 })
	}
	for _, it := range found {
		if pg.take(it) {
			pg.out.LastEvaluatedKey = only(it, t.Key, schema)
			break
		}
	}
	return &pg.out, nil
}

// find returns the items with this hash key of a schema.
func (s *Service) find(t *tableRecord, schema []keyElement, hash value, rest condition) []item {
	name, sort := keyNames(schema)
	prefix := catalog.KeyOf(t.ID)
	if name == t.Key[0].AttributeName {
		prefix = catalog.KeyOf(t.ID, hash.keyText())
	}
	var found []item
	for _, rec := range s.items.Scan(prefix) {
		v, ok := rec.Item[name]
		_, sorted := rec.Item[sort]
		if ok && (sorted || sort == "") && v.equal(&hash) && rest(rec.Item) {
			found = append(found, rec.Item)
		}
	}
	return found
}

// order is by range key, then by the table's key.
func (t *tableRecord) order(schema []keyElement, a, b item) int {
	if _, sort := keyNames(schema); sort != "" {
		x, y := a[sort], b[sort]
		if n, _ := x.compare(&y); n != 0 {
			return n
		}
	}
	for _, k := range t.Key {
		x, y := a[k.AttributeName], b[k.AttributeName]
		if n := cmp.Compare(x.keyText(), y.keyText()); n != 0 {
			return n
		}
	}
	return 0
}

// parseKeyCondition reads hash "=" :value [ AND condition on the range key ].
func (p *parser) parseKeyCondition(schema []keyElement) (hash value, rest condition, err error) {
	name, sort := keyNames(schema)
	attr, err := p.attribute()
	if err != nil {
		return value{}, nil, err
	}
	if attr != name {
		return value{}, nil, errInvalid("Query condition missed key schema element: %s", name)
	}
	if err := p.expect("="); err != nil {
		return value{}, nil, err
	}
	if hash, err = p.given(); err != nil {
		return value{}, nil, err
	}
	rest = func(item) bool { return true }
	if p.keyword("AND") {
		if sort == "" {
			return value{}, nil, errInvalid("Query key condition not supported")
		}
		if rest, err = p.primary(); err != nil {
			return value{}, nil, err
		}
	}
	if len(p.words) > 0 {
		return value{}, nil, p.unexpected()
	}
	return hash, rest, nil
}
