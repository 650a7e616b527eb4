package delivery

import (
	"errors"

	"tributary/internal/service/kinesis"
)

// doubt deals with an append that the engine has not answered: it may come yet, and
// the gate under which it was permitted is let go. Until it is known what became of
// it, no call that takes a permission away is answered; the shard's journal is asked
// until it can tell, or Run ends. The caller still holds the gate.
func (d *Delivery) doubt(target *kinesis.StreamWriter, shard kinesis.ShardID, lane string) {
	settled := d.cfg.Catalog.Doubt()
	d.doubts.Go(func() {
		ctx := d.life
		var pauses backoff
		for {
			_, _, err := target.Mark(ctx, shard, lane)
			if err == nil || lost(err) || errors.Is(err, kinesis.ErrStreamNotFound) {
				settled()
				return
			}
			if pauses.wait(ctx) != nil {
				return // the server stops, and answers nobody any more
			}
		}
	})
}
