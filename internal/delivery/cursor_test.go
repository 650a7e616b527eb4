package delivery

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"tributary/internal/durable/broker"
	"tributary/internal/durable/catalog"
	"tributary/internal/durable/journal"
	"tributary/internal/pure/arn"
)

// What lies before Delivered is trimmed: it must be past no event that somebody has yet
// to read, whoever that is.
func TestDeliveredIsWhereTheLastReaderOfAJournalStands(t *testing.T) {
	at := func(block uint64) journal.Position { return journal.Position{Block: block, Index: 1} }
	for _, c := range []struct {
		name    string
		cursor  journal.Position
		records map[string]filterRecord // by name of the filter
		want    journal.Position
	}{
		{"nothing has been saved", journal.Position{}, nil, journal.Position{}},
		{"all share the cursor", at(10), map[string]filterRecord{"f": {Losses: []Loss{{Journal: "j", To: at(3)}}}}, at(10)},
		{"a filter is on a detour", at(10), map[string]filterRecord{"f": {Detours: map[string]detourRecord{"j": {Position: at(4)}}}}, at(4)},
		{"the last of several counts", at(10), map[string]filterRecord{
			"f": {Detours: map[string]detourRecord{"j": {Position: at(7)}}},
			"g": {Detours: map[string]detourRecord{"j": {Position: at(5)}}},
			"h": {Detours: map[string]detourRecord{"j": {Position: at(6)}}},
		}, at(5)},
		{"a backfill is a detour", at(10), map[string]filterRecord{"f": {
			Detours: map[string]detourRecord{"j": {Position: at(2), Past: &past{From: at(2), To: at(8), Resume: at(9)}}},
		}}, at(2)},
		{"a detour through another journal does not count", at(10), map[string]filterRecord{"f": {Detours: map[string]detourRecord{"other": {Position: at(1)}}}}, at(10)},
		{"a detour that the cursor has not reached does not count", at(10), map[string]filterRecord{"f": {Detours: map[string]detourRecord{"j": {Position: at(11)}}}}, at(10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := withoutServices(t)
			const region arn.Region = "us-east-1"
			if !c.cursor.IsZero() {
				if _, err := d.cursors.Create(t.Context(), cursorKey(region, "j"), cursor{c.cursor}); err != nil {
					t.Fatal(err)
				}
			}
			for name, r := range c.records {
				key := filterKey{account: "111111111111", region: region, group: "g", filter: name}
				if _, err := d.records.Create(t.Context(), key.catalogKey(), r); err != nil {
					t.Fatal(err)
				}
			}
			if got := d.Delivered(region, "j"); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A bare Delivery has a catalog and journals, and none of the services.
type bare struct {
	*Delivery
	journals *journal.Store
}

func withoutServices(t *testing.T) bare {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b, err := broker.Open(t.Context(), broker.Config{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), catalog.Config{Broker: b, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	journals, err := journal.OpenStore(t.Context(), journal.Config{Broker: b, Catalog: c, Now: time.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	made, err := New(Config{Catalog: c, Now: time.Now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	d := bare{made, journals}
	if err := c.Ready(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.journals.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d
}
