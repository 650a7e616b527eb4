package leases

import (
	"context"
	"errors"
	"maps"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// An itemRecord is an item: catalog table leases/item, key table id, hash key, range
// key ("" without one).
type itemRecord struct {
	Item item `json:"item"`
}

// itemKey is the catalog key of a checked item or key.
func (t *tableRecord) itemKey(it item) catalog.Key {
	hash, sort := keyNames(t.Key)
	h, r := it[hash], value{}
	if sort != "" {
		r = it[sort]
	}
	return catalog.KeyOf(t.ID, h.keyText(), r.keyText())
}

// checkKey refuses what is not exactly the key of an item, in place.
func (t *tableRecord) checkKey(key item) error {
	if len(key) != len(t.Key) {
		return errKey()
	}
	if err := checkItem(key, 0); err != nil {
		return err
	}
	for _, k := range t.Key {
		v, ok := key[k.AttributeName]
		if !ok || v.kind() != t.typeOf(k.AttributeName) {
			return errKey()
		}
		if v.keyText() == "" {
			return errParameters("The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", k.AttributeName)
		}
	}
	return nil
}

// checkWhole refuses an item that cannot be stored, in place.
func (t *tableRecord) checkWhole(it item) error {
	if err := checkItem(it, 0); err != nil {
		return err
	}
	key := item{}
	for _, k := range t.Key {
		v, ok := it[k.AttributeName]
		if !ok {
			return errParameters("Missing the key %s in the item", k.AttributeName)
		}
		if want := t.typeOf(k.AttributeName); v.kind() != want {
			return errParameters("Type mismatch for key %s expected: %s actual: %s", k.AttributeName, want, v.kind())
		}
		key[k.AttributeName] = v
	}
	if err := t.checkKey(key); err != nil {
		return err
	}
	for _, x := range t.Indexes {
		for _, k := range x.KeySchema {
			v, ok := it[k.AttributeName]
			if want := t.typeOf(k.AttributeName); ok && v.kind() != want {
				return errParameters("Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", k.AttributeName, want, v.kind(), x.IndexName)
			}
		}
	}
	if itemSize(it) > maxItemBytes {
		return errItemTooLarge()
	}
	return nil
}

// A guard is the condition of a write, in either form.
type guard struct {
	expected   map[string]expectedValue
	operator   string
	expression string
	names      map[string]string
	values     item
	used       map[string]bool
	onFailure  string
}

// condition is always true where none is given.
func (g *guard) condition() (condition, error) {
	if err := checkItem(g.values, 0); err != nil {
		return nil, err
	}
	if len(g.expected) > 0 {
		if g.expression != "" {
			return nil, errInvalid("Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}")
		}
		return expected(g.expected, g.operator)
	}
	if g.expression == "" {
		return func(item) bool { return true }, nil
	}
	p, err := newParser("ConditionExpression", g.expression, g.names, g.values, g.used)
	if err != nil {
		return nil, err
	}
	return p.parseCondition()
}

// failed is the refusal of a write whose condition does not hold.
func (g *guard) failed(present item) error {
	if g.onFailure != "ALL_OLD" {
		present = nil
	}
	return errConditionFailed(present)
}

func (s *Service) putItem(ctx context.Context, call *api.Call, in *putItemInput) (*attributesOutput, error) {
	t, id, err := s.table(call, in.TableName)
	if err != nil {
		return nil, err
	}
	if in.ReturnValues != "" && in.ReturnValues != "NONE" && in.ReturnValues != "ALL_OLD" {
		return nil, errInvalid("ReturnValues can only be ALL_OLD or NONE")
	}
	if err := t.checkWhole(in.Item); err != nil {
		return nil, err
	}
	g := guard{
		in.Expected, in.ConditionalOperator, in.ConditionExpression,
		in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		map[string]bool{},
		in.ReturnValuesOnConditionCheckFailure,
	}
	holds, err := g.condition()
	if err != nil {
		return nil, err
	}
	if err := checkUsed(g.names, g.values, g.used, g.expression != ""); err != nil {
		return nil, err
	}
	old, err := s.write(ctx, &t, id, t.itemKey(in.Item), func(old item) (item, error) {
		if !holds(old) {
			return nil, g.failed(old)
		}
		return in.Item, nil
	})
	if err != nil {
		return nil, err
	}
	out := &attributesOutput{}
	if in.ReturnValues == "ALL_OLD" {
		out.Attributes = old
	}
	return out, nil
}

// write gives an item the value that change makes of the present one, nil where there
// is none, and returns what it was.
func (s *Service) write(ctx context.Context, t *tableRecord, id tableID, key catalog.Key, change func(old item) (item, error)) (old item, err error) {
	var items, bytes int
	_, err = s.items.Update(ctx, key, func(rec itemRecord, exists bool) (itemRecord, error) {
		old = rec.Item
		next, err := change(old)
		if err != nil {
			return rec, err
		}
		items, bytes = 0, itemSize(next)-itemSize(old)
		if !exists {
			items = 1
		}
		return itemRecord{next}, s.room(t, id, items, bytes)
	})
	if err != nil {
		return nil, err
	}
	s.note(t, items, bytes)
	return old, nil
}

func (s *Service) getItem(_ context.Context, call *api.Call, in *getItemInput) (*getItemOutput, error) {
	t, _, err := s.table(call, in.TableName)
	if err != nil {
		return nil, err
	}
	if err := t.checkKey(in.Key); err != nil {
		return nil, err
	}
	rec, _, _ := s.items.Get(t.itemKey(in.Key))
	return &getItemOutput{rec.Item}, nil
}

func (s *Service) updateItem(ctx context.Context, call *api.Call, in *updateItemInput) (*attributesOutput, error) {
	t, id, err := s.table(call, in.TableName)
	if err != nil {
		return nil, err
	}
	if err := t.checkKey(in.Key); err != nil {
		return nil, err
	}
	g := guard{
		in.Expected, in.ConditionalOperator, in.ConditionExpression,
		in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		map[string]bool{},
		in.ReturnValuesOnConditionCheckFailure,
	}
	holds, err := g.condition()
	if err != nil {
		return nil, err
	}
	changes, err := t.changes(in, g.used)
	if err != nil {
		return nil, err
	}
	if err := checkUsed(g.names, g.values, g.used, g.expression != "" || in.UpdateExpression != ""); err != nil {
		return nil, err
	}
	var next item
	old, err := s.write(ctx, &t, id, t.itemKey(in.Key), func(old item) (item, error) {
		if !holds(old) {
			return nil, g.failed(old)
		}
		next = maps.Clone(old)
		if next == nil {
			next = maps.Clone(in.Key)
		}
		for _, c := range changes {
			var before *value
			if v, ok := old[c.attribute]; ok {
				before = &v
			}
			after, err := c.apply(old, before)
			if err != nil {
				return nil, err
			}
			if after == nil {
				delete(next, c.attribute)
			} else {
				next[c.attribute] = *after
			}
		}
		return next, t.checkWhole(next)
	})
	if err != nil {
		return nil, err
	}
	return &attributesOutput{returned(in.ReturnValues, old, next, changes)}, nil
}

// changes is what an update asks for, in either form. The key is not changed.
func (t *tableRecord) changes(in *updateItemInput, used map[string]bool) (changes []change, err error) {
	switch {
	case in.UpdateExpression != "" && len(in.AttributeUpdates) > 0:
		return nil, errInvalid("Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}")
	case in.UpdateExpression != "":
		var p *parser
		if p, err = newParser("UpdateExpression", in.UpdateExpression, in.ExpressionAttributeNames, in.ExpressionAttributeValues, used); err == nil {
			changes, err = p.parseUpdate()
		}
	default:
		changes, err = attributeUpdates(in.AttributeUpdates)
	}
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		for _, k := range t.Key {
			if k.AttributeName == c.attribute {
				return nil, errParameters("Cannot update attribute %s. This attribute is part of the key", c.attribute)
			}
		}
	}
	return changes, nil
}

// returned is what ReturnValues asks for of an update.
func returned(which string, old, next item, changes []change) item {
	only := func(it item) item {
		part := item{}
		for _, c := range changes {
			if v, ok := it[c.attribute]; ok {
				part[c.attribute] = v
			}
		}
		return part
	}
	switch which {
	case "ALL_OLD":
		return old
	case "ALL_NEW":
		return next
	case "UPDATED_OLD":
		return only(old)
	case "UPDATED_NEW":
		return only(next)
	}
	return nil
}

func (s *Service) deleteItem(ctx context.Context, call *api.Call, in *deleteItemInput) (*attributesOutput, error) {
	t, _, err := s.table(call, in.TableName)
	if err != nil {
		return nil, err
	}
	if in.ReturnValues != "" && in.ReturnValues != "NONE" && in.ReturnValues != "ALL_OLD" {
		return nil, errInvalid("ReturnValues can only be ALL_OLD or NONE")
	}
	if err := t.checkKey(in.Key); err != nil {
		return nil, err
	}
	g := guard{
		in.Expected, in.ConditionalOperator, in.ConditionExpression,
		in.ExpressionAttributeNames, in.ExpressionAttributeValues,
		map[string]bool{},
		in.ReturnValuesOnConditionCheckFailure,
	}
	holds, err := g.condition()
	if err != nil {
		return nil, err
	}
	if err := checkUsed(g.names, g.values, g.used, g.expression != ""); err != nil {
		return nil, err
	}
	key := t.itemKey(in.Key)
	for {
		rec, rev, exists := s.items.Get(key)
		if !holds(rec.Item) {
			return nil, g.failed(rec.Item)
		}
		if !exists {
			return &attributesOutput{}, nil
		}
		err := s.items.Delete(ctx, key, rev)
		if errors.Is(err, catalog.ErrConflict) {
			continue // another write came between
		}
		if err != nil {
			return nil, err
		}
		s.note(&t, -1, -itemSize(rec.Item))
		out := &attributesOutput{}
		if in.ReturnValues == "ALL_OLD" {
			out.Attributes = rec.Item
		}
		return out, nil
	}
}
