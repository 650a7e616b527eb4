package delivery

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"tributary/internal/durable/journal"
	"tributary/internal/service/kinesis"
	"tributary/internal/service/logs"
)

// Test writes a control message to a destination's stream in its role, as
// PutDestination does before it answers. Its error says why that cannot be; what
// the caller is told is PutDestination's matter.
func (d *Delivery) Test(ctx context.Context, t logs.TestTarget) error {
	var pool compressor
	data, err := pool.gzip(appendControl(nil, d.cfg.Now().UnixMilli()), fast)
	if err != nil {
		return err
	}
	release := d.cfg.Catalog.Hold()
	defer release()
	target, err := d.check.write(t.Region, t.TargetARN, t.RoleARN, t.SourceARN, t.Account)
	if err != nil {
		return err
	}
	key := make([]byte, 16)
	_, _ = rand.Read(key) // never fails
	rec := kinesis.Record{PartitionKey: hex.EncodeToString(key), Data: data}
	if err := target.Append(ctx, target.Shard(rec.PartitionKey), "", journal.Position{}, []kinesis.Record{rec}); err != nil {
		return fmt.Errorf("write control message: %w", err)
	}
	return nil
}
