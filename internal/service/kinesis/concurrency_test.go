package kinesis

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"tributary/internal/service/api"
)

// TestReaderAmongWritersSeesEachRecordOnce lets writers put, alone and in batches,
// while one reader for each shard follows from the start: it must see every
// acknowledged record once, in the order of the numbers that the writers got.
func TestReaderAmongWritersSeesEachRecordOnce(t *testing.T) {
	const writers, calls, shards = 16, 25, 3
	r := newRig(t)
	r.create("s", shards)

	var mu sync.Mutex
	acknowledged := map[string]string{} // sequence number → text
	acknowledge := func(number, text string) error {
		mu.Lock()
		defer mu.Unlock()
		if other, twice := acknowledged[number]; twice {
			return fmt.Errorf("number %s was given to %s and %s", number, other, text)
		}
		acknowledged[number] = text
		return nil
	}
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for c := range calls {
				text := fmt.Sprintf("%d/%d", w, c)
				if err := r.write(w, text, acknowledge); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var done atomic.Bool
	seen := make([][]Record, shards)
	var reading sync.WaitGroup
	for id := range ShardID(shards) {
		reading.Go(func() {
			var err error
			if seen[id], err = r.follow(id, &done); err != nil {
				t.Error(err)
			}
		})
	}
	writing.Wait()
	done.Store(true)
	reading.Wait()

	total := 0
	for id, records := range seen {
		total += len(records)
		last := ""
		for _, rec := range records {
			if rec.SequenceNumber <= last {
				t.Errorf("shard %d: number %s came after %s", id, rec.SequenceNumber, last)
			}
			last = rec.SequenceNumber
			if got, want := string(rec.Data), acknowledged[rec.SequenceNumber]; got != want {
				t.Errorf("shard %d: %s is %q, was acknowledged as %q", id, rec.SequenceNumber, got, want)
			}
		}
	}
	if total != len(acknowledged) {
		t.Errorf("read %d records, acknowledged %d", total, len(acknowledged))
	}
}

// write puts one record, or for odd writers three, and reports their numbers.
func (r *rig) write(w int, text string, acknowledge func(number, text string) error) error {
	if w%2 == 0 {
		out, err := r.do(alice, region, "PutRecord", in{"StreamName": "s", "PartitionKey": text, "Data": []byte(text)})
		if err != nil {
			return err
		}
		return acknowledge(out.(*PutRecordOutput).SequenceNumber, text)
	}
	var records []any
	for i := range 3 {
		t := fmt.Sprint(text, ".", i)
		records = append(records, in{"PartitionKey": t, "Data": []byte(t)})
	}
	out, err := r.do(alice, region, "PutRecords", in{"StreamName": "s", "Records": records})
	if err != nil {
		return err
	}
	var errs []error
	for i, res := range out.(*PutRecordsOutput).Records {
		errs = append(errs, acknowledge(res.SequenceNumber, fmt.Sprint(text, ".", i)))
	}
	return errors.Join(errs...)
}

// follow reads a shard from its start until done, and then to its tip.
func (r *rig) follow(id ShardID, done *atomic.Bool) ([]Record, error) {
	var records []Record
	out, err := r.do(alice, region, "GetShardIterator", in{"StreamName": "s", "ShardId": id.String(), "ShardIteratorType": iteratorTrimHorizon})
	if err != nil {
		return nil, err
	}
	it := out.(*GetShardIteratorOutput).ShardIterator
	for {
		last := done.Load()
		out, err := r.do(alice, region, "GetRecords", in{"ShardIterator": it, "Limit": api.Number("50")})
		if err != nil {
			return nil, err
		}
		got := out.(*recordsAnswer)
		records = append(records, got.Records...)
		it = got.NextShardIterator
		if last && *got.MillisBehindLatest == 0 {
			return records, nil
		}
	}
}
