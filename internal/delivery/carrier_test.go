package delivery

import (
	"errors"
	"slices"
	"testing"

	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// What is too much for one block goes by itself, filter by filter: the first one's is
// not held up, so the next attempt has less to do.
func TestACrowdedShardGetsTheFirstFiltersRecordsFirst(t *testing.T) {
	parcelOf := func(name string) parcel {
		return parcel{packet: &packet{filter: &logs.Filter{Name: name}}, records: []kinesis.Record{{Data: make([]byte, maxShipment/2+1)}}}
	}
	s := &shipment{parcels: []parcel{parcelOf("first"), parcelOf("second")}}
	_, err := s.records()
	if !errors.Is(err, errCrowded) {
		t.Fatalf("records of %d bytes: got %v, want errCrowded", 2*(maxShipment/2+1), err)
	}
	var names []string
	for _, h := range s.heldUp(err) {
		names = append(names, h.packet.filter.Name)
	}
	if !slices.Equal(names, []string{"second"}) {
		t.Errorf("held up: got %q, want the second", names)
	}
	if got := len(s.heldUp(kinesis.ErrThroughputExceeded)); got != 2 {
		t.Errorf("a shard that takes nothing holds up %d packets, want both", got)
	}
	s.parcels = s.parcels[:1]
	if all, err := s.records(); err != nil || len(all) != 1 {
		t.Errorf("alone: got %d records, %v; want one", len(all), err)
	}
}
