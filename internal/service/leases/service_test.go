package leases_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
	"tributary/internal/service/leases"
)

const owner arn.AccountID = "111111111111"

// A world is the service on a catalog of its own, behind a Dispatcher that lets each
// account at its own tables.
type world struct {
	*testing.T
	dir  string
	disp *api.Dispatcher
	stop func()
}

type ownTables struct{}

func (ownTables) Authorize(_ context.Context, call *api.Call, access api.Access) error {
	if p := arn.ARN(access.Resource).Parts(); p.Account == call.Account() {
		return nil
	}
	return &api.Denied{Caller: call.Caller.Principal, Access: access}
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, dir: t.TempDir()}
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) start() {
	w.Helper()
	ctx := context.Background()
	b, err := broker.Open(ctx, broker.Config{Dir: w.dir, Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	c, err := catalog.Open(ctx, catalog.Config{Broker: b, Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	s, err := leases.New(leases.Config{Catalog: c})
	w.must(err)
	w.must(c.Ready())
	w.must(s.Recover(ctx))
	w.disp = api.NewDispatcher(ownTables{}, s.Table())
	w.stop = func() {
		w.must(c.Close(ctx))
		w.must(b.Close(ctx))
	}
}

func (w *world) restart() {
	w.Helper()
	w.stop()
	w.start()
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

type tree = map[string]any

func (w *world) do(operation string, in tree) (any, error) {
	w.Helper()
	op, ok := w.disp.Operation("dynamodb", operation)
	if !ok {
		w.Fatalf("no operation %s", operation)
	}
	call := &api.Call{
		Service: "dynamodb", Operation: operation, Region: "us-east-1", Time: time.Unix(1_700_000_000, 0).UTC(),
		Caller: api.Caller{Principal: policy.Principal{Kind: policy.Root, Account: owner, ARN: owner.Root()}},
	}
	return w.disp.Do(w.Context(), op, call, api.Input{Tree: in})
}

func (w *world) refused(code, operation string, in tree) {
	w.Helper()
	_, err := w.do(operation, in)
	if e, ok := api.AsException(err); !ok || e.Code != code {
		w.Errorf("%s %v: got %v, want %s", operation, in, err, code)
	}
}

func (w *world) createTable(name string) {
	w.Helper()
	_, err := w.do("CreateTable", tree{
		"TableName": name, "BillingMode": "PAY_PER_REQUEST",
		"KeySchema":            []any{tree{"AttributeName": "k", "KeyType": "HASH"}},
		"AttributeDefinitions": []any{tree{"AttributeName": "k", "AttributeType": "S"}},
	})
	w.must(err)
}

func s(text string) tree       { return tree{"S": text} }
func key(text string) tree     { return tree{"k": s(text)} }
func onTable(more tree) tree   { more["TableName"] = "table"; return more }
func keyed(k string) tree      { return onTable(tree{"Key": key(k)}) }
func put(k string) tree        { return onTable(tree{"Item": key(k)}) }
func counted(n api.Number) any { return tree{"N": string(n)} }

func TestWhatIsAcknowledgedIsThereAfterARestart(t *testing.T) {
	w := newWorld(t)
	w.createTable("table")
	_, err := w.do("PutItem", onTable(tree{"Item": tree{"k": s("a"), "list": tree{"L": []any{}}, "blob": tree{"B": "AAE="}}}))
	w.must(err)
	before, err := w.do("GetItem", keyed("a"))
	w.must(err)
	w.restart()
	after, err := w.do("GetItem", keyed("a"))
	w.must(err)
	if got, want := show(after), show(before); got != want || !strings.Contains(got, "AAE=") {
		t.Errorf("after the restart: got %s, want %s", got, want)
	}
}

func TestOneOfManyConditionalWritersWins(t *testing.T) {
	w := newWorld(t)
	w.createTable("table")
	_, err := w.do("PutItem", onTable(tree{"Item": tree{"k": s("a"), "n": counted("0")}}))
	w.must(err)
	const writers = 16
	var wg sync.WaitGroup
	won := make(chan bool, writers)
	for range writers {
		wg.Go(func() {
			_, err := w.do("UpdateItem", onTable(tree{
				"Key": key("a"), "Expected": tree{"n": tree{"Value": counted("0")}},
				"AttributeUpdates": tree{"n": tree{"Value": counted("1"), "Action": "ADD"}},
			}))
			won <- err == nil
		})
	}
	wg.Wait()
	close(won)
	winners := 0
	for ok := range won {
		if ok {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d writers won, want 1", winners)
	}
}

func TestADeletedTableLeavesNothingToATableOfTheSameName(t *testing.T) {
	w := newWorld(t)
	w.createTable("table")
	_, err := w.do("PutItem", put("a"))
	w.must(err)
	_, err = w.do("DeleteTable", onTable(tree{}))
	w.must(err)
	w.refused("ResourceNotFoundException", "GetItem", keyed("a"))
	w.createTable("table")
	out, err := w.do("Scan", onTable(tree{}))
	w.must(err)
	if got := show(out); strings.Contains(got, `"a"`) {
		t.Errorf("the new table holds %s", got)
	}
}

func TestInputsThatAreNoneAreRefusedAsDynamoDBDoes(t *testing.T) {
	w := newWorld(t)
	w.createTable("table")
	const invalid = "ValidationException"
	w.refused("ResourceInUseException", "CreateTable", onTable(tree{
		"BillingMode": "PAY_PER_REQUEST", "KeySchema": []any{tree{"AttributeName": "k", "KeyType": "HASH"}},
		"AttributeDefinitions": []any{tree{"AttributeName": "k", "AttributeType": "S"}},
	}))
	w.refused(invalid, "CreateTable", tree{
		"TableName": "other", "KeySchema": []any{tree{"AttributeName": "k", "KeyType": "HASH"}}, "AttributeDefinitions": []any{},
	})
	w.refused(invalid, "CreateTable", tree{
		"TableName": "other", "BillingMode": "PAY_PER_REQUEST", "KeySchema": []any{tree{"AttributeName": "k", "KeyType": "RANGE"}},
		"AttributeDefinitions": []any{tree{"AttributeName": "k", "AttributeType": "S"}},
	})
	w.refused(invalid, "PutItem", onTable(tree{"Item": tree{"other": s("a")}}))
	w.refused(invalid, "PutItem", onTable(tree{"Item": tree{"k": counted("1")}}))
	w.refused(invalid, "PutItem", onTable(tree{"Item": tree{"k": s("")}}))
	w.refused(invalid, "PutItem", onTable(tree{"Item": tree{"k": tree{}}}))
	w.refused(invalid, "PutItem", onTable(tree{"Item": tree{"k": tree{"S": "a", "N": "1"}}}))
	w.refused(invalid, "PutItem", onTable(tree{"Item": tree{"k": s("a"), "n": counted("one")}}))
	w.refused(invalid, "PutItem", onTable(tree{"Item": tree{"k": s("a"), "set": tree{"SS": []any{"x", "x"}}}}))
	w.refused(invalid, "PutItem", onTable(tree{"Item": tree{"k": s("a"), "text": s(strings.Repeat("x", 400<<10))}}))
	w.refused(invalid, "PutItem", onTable(tree{"Item": key("a"), "ExpressionAttributeNames": tree{"#n": "n"}}))
	w.refused(invalid, "GetItem", onTable(tree{"Key": tree{"k": s("a"), "more": s("b")}}))
	w.refused(invalid, "UpdateItem", onTable(tree{"Key": key("a"), "UpdateExpression": "SET k = :v", "ExpressionAttributeValues": tree{":v": s("b")}}))
	w.refused(invalid, "Scan", onTable(tree{"Segment": api.Number("1")}))
	w.refused(invalid, "Scan", onTable(tree{"Segment": api.Number("2"), "TotalSegments": api.Number("2")}))
	w.refused(invalid, "Query", onTable(tree{}))
	w.refused(invalid, "Query", onTable(tree{"KeyConditionExpression": "other = :v", "ExpressionAttributeValues": tree{":v": s("b")}}))
	deep := tree{"S": "x"}
	for range 40 {
		deep = tree{"L": []any{deep}}
	}
	w.refused(invalid, "PutItem", onTable(tree{"Item": tree{"k": s("a"), "deep": deep}}))
	w.refused("ResourceNotFoundException", "PutItem", tree{"TableName": "none", "Item": key("a")})
}

func TestTablesAreLimited(t *testing.T) {
	w := newWorld(t)
	for i := range 50 {
		w.createTable("table" + strings.Repeat("x", i))
	}
	w.refused("LimitExceededException", "CreateTable", tree{
		"TableName": "one-too-many", "BillingMode": "PAY_PER_REQUEST", "KeySchema": []any{tree{"AttributeName": "k", "KeyType": "HASH"}},
		"AttributeDefinitions": []any{tree{"AttributeName": "k", "AttributeType": "S"}},
	})
	big := s(strings.Repeat("x", 390<<10))
	for i := range 1000 {
		_, err := w.do("PutItem", onTable(tree{"Item": tree{"k": s(strings.Repeat("k", i+1)), "big": big}}))
		if e, ok := api.AsException(err); ok && e.Code == "LimitExceededException" {
			if i < 100 {
				t.Errorf("the limit came after %d items", i)
			}
			_, err := w.do("DeleteItem", keyed("k"))
			w.must(err)
			_, err = w.do("PutItem", onTable(tree{"Item": tree{"k": s("again"), "big": big}}))
			w.must(err)
			return
		}
		w.must(err)
	}
	t.Error("there is no limit to what the items take")
}

// show is an answer as JSON.
func show(out any) string {
	text, err := json.Marshal(out)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
