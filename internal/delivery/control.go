package delivery

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"tributary/internal/durable/journal"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// Test writes a control message to a destination's stream in its role, as
// PutDestination does before it answers. Its error says why that cannot be; what
// the caller is told is PutDestination's matter.
func (d *Delivery) Test(ctx context.Context, t logs.TestTarget) error {
	release := d.cfg.Catalog.Hold()
	defer release()
	return d.sendControl(ctx, t)
}

// controlLane is a lane without blocks, by which a shard's journal is asked what became
// of a control message.
const controlLane = "control"

// sendControl is Test for a caller that holds the gate.
func (d *Delivery) sendControl(ctx context.Context, t logs.TestTarget) error {
	var pool compressor
	data, err := pool.gzip(appendControl(nil, d.cfg.Now().UnixMilli()), fast)
	if err != nil {
		return err
	}
	target, err := d.check.write(t.Region, t.TargetARN, t.RoleARN, t.SourceARN, t.Account)
	if err != nil {
		return err
	}
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	rec := kinesis.Record{PartitionKey: hex.EncodeToString(key), Data: data}
	shard := target.Shard(rec.PartitionKey)
	if err := target.Append(ctx, shard, "", journal.Position{}, []kinesis.Record{rec}); err != nil {
		if errors.Is(err, journal.ErrUnknownOutcome) {
			d.doubt(target, shard, controlLane)
		}
		return fmt.Errorf("write control message: %w", err)
	}
	return nil
}
