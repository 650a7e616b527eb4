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
	onFailure  string
	holds      condition // once it has been parsed
}

// parse checks the condition and makes holds of it, which is always true where none is
// given.
func (g *guard) parse(h *placeholders) (err error) {
	if len(g.expected) > 0 {
		if g.expression != "" {
			return errInvalid("Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}")
		}
		g.holds, err = expected(g.expected, g.operator)
		return err
	}
	if g.expression == "" {
		g.holds = func(item) bool { return true }
		return nil
	}
	p, err := newParser("ConditionExpression", g.expression, h)
	if err != nil {
		return err
	}
	g.holds, err = p.parseCondition()
	return err
}

// parseAlone is parse for a request that has no other expression.
func (g *guard) parseAlone(names map[string]string, values item) error {
	h, err := newPlaceholders(names, values)
	if err != nil {
		return err
	}
	if err := g.parse(h); err != nil {
		return err
	}
	return h.checkUsed()
}

// check refuses a write whose condition does not hold.
func (g *guard) check(present item) error {
	if g.holds(present) {
		return nil
	}
	if g.onFailure != "ALL_OLD" {
		present = nil
	}
	return errConditionFailed(present)
}

// checkReturnsOld refuses what only an update can return.
func checkReturnsOld(which string) error {
	if which != "" && which != "NONE" && which != "ALL_OLD" {
		return errInvalid("ReturnValues can only be ALL_OLD or NONE")
	}
	return nil
}

func (s *Service) putItem(ctx context.Context, call *api.Call, in *putItemInput) (*attributesOutput, error) {
	t, id, err := s.table(call, in.TableName)
	if err != nil {
		return nil, err
	}
	if err := checkReturnsOld(in.ReturnValues); err != nil {
		return nil, err
	}
	if err := t.checkWhole(in.Item); err != nil {
		return nil, err
	}
	g := guard{in.Expected, in.ConditionalOperator, in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure, nil}
	if err := g.parseAlone(in.ExpressionAttributeNames, in.ExpressionAttributeValues); err != nil {
		return nil, err
	}
	old, err := s.write(ctx, &t, id, t.itemKey(in.Item), func(old item) (item, error) {
		return in.Item, g.check(old)
	})
	if err != nil {
		return nil, err
	}
	return &attributesOutput{returned(in.ReturnValues, old, nil, nil)}, nil
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
	h, err := newPlaceholders(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	if err != nil {
		return nil, err
	}
	g := guard{in.Expected, in.ConditionalOperator, in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure, nil}
	if err := g.parse(h); err != nil {
		return nil, err
	}
	changes, err := t.changes(in, h)
	if err != nil {
		return nil, err
	}
	if err := h.checkUsed(); err != nil {
		return nil, err
	}
	var next item
	old, err := s.write(ctx, &t, id, t.itemKey(in.Key), func(old item) (item, error) {
		if err := g.check(old); err != nil {
			return nil, err
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
func (t *tableRecord) changes(in *updateItemInput, h *placeholders) (changes []change, err error) {
	switch {
	case in.UpdateExpression != "" && len(in.AttributeUpdates) > 0:
		return nil, errInvalid("Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}")
	case in.UpdateExpression != "":
		var p *parser
		if p, err = newParser("UpdateExpression", in.UpdateExpression, h); err == nil {
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

// returned is what ReturnValues asks for of a write: of an update all, of others what
// checkReturnsOld allows.
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
	if err := checkReturnsOld(in.ReturnValues); err != nil {
		return nil, err
	}
	if err := t.checkKey(in.Key); err != nil {
		return nil, err
	}
	g := guard{in.Expected, in.ConditionalOperator, in.ConditionExpression, in.ReturnValuesOnConditionCheckFailure, nil}
	if err := g.parseAlone(in.ExpressionAttributeNames, in.ExpressionAttributeValues); err != nil {
		return nil, err
	}
	key := t.itemKey(in.Key)
	for {
		rec, rev, exists := s.items.Get(key)
		if err := g.check(rec.Item); err != nil {
			return nil, err
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
		return &attributesOutput{returned(in.ReturnValues, rec.Item, nil, nil)}, nil
	}
}
