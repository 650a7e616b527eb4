package kinesis

import (
	"container/list"
	"encoding/base64"
	"slices"
	"sync"

	"tributary/internal/durable/journal"
)

// sharedBlocks keeps the records of blocks that more than one reader has come to, and
// their JSON, so that twenty consumers of a shard do not decode and encode each record
// twenty times. The first reader of a block takes what he needs of it and leaves nothing
// here; the second one makes the whole block ready for all who follow.
//
// What is kept is that of a block in a journal, which never changes. Whoever asks for it
// has just read the block, so he may see it, and what has been trimmed is not asked for.
type sharedBlocks struct {
	limit int // in bytes

	mu     sync.Mutex // guards what follows, and size in each sharedBlock; a leaf
	size   int
	blocks map[blockKey]*list.Element // of *sharedBlock
	used   list.List                  // the same, the one used last at the end
}

type blockKey struct {
	journal string
	block   uint64
}

func newSharedBlocks(limit int) *sharedBlocks {
	return &sharedBlocks{limit: limit, blocks: map[blockKey]*list.Element{}}
}

// of returns what is shared of a block, to a reader of the shard who has just read it. It
// is nil for the first one who comes to the block, for one who begins in the middle of a
// block that is not here, for very large blocks and for those with something that is no
// record.
func (c *sharedBlocks) of(sh *shard, journalName string, b *journal.Block) *sharedBlock {
	shared := c.find(blockKey{journalName, b.Number}, b)
	if shared == nil {
		return nil
	}
	shared.decoding.Do(func() {
		if shared.decode(sh, b) {
			c.account(shared, sharedSize(b))
		}
	})
	if shared.records == nil {
		return nil
	}
	return shared
}

// find finds the place of a block, or makes one for the next who comes.
func (c *sharedBlocks) find(key blockKey, b *journal.Block) *sharedBlock {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.blocks[key]; ok {
		c.used.MoveToBack(found)
		shared := found.Value.(*sharedBlock)
		if b.First > 0 && shared.size == placeSize {
			return nil
		}
		return shared
	}
	// With its JSON a block takes up to three times its size.
	if b.First > 0 || 3*sharedSize(b) > c.limit/2 {
		return nil
	}
	c.blocks[key] = c.used.PushBack(&sharedBlock{cache: c, key: key, size: placeSize})
	c.grow(placeSize)
	return nil
}

// account counts what a block takes, unless its place has been given up meanwhile.
func (c *sharedBlocks) account(shared *sharedBlock, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.blocks[shared.key]; !ok || found.Value != shared {
		return
	}
	shared.size += bytes
	c.grow(bytes)
}

// grow counts more bytes and gives up what was not used for longest. mu is held.
func (c *sharedBlocks) grow(bytes int) {
	c.size += bytes
	for c.size > c.limit {
		c.remove(c.used.Front())
	}
}

// remove gives a block up. Answers that use it keep it until they are written. mu is
// held.
func (c *sharedBlocks) remove(e *list.Element) {
	shared := c.used.Remove(e).(*sharedBlock)
	c.size -= shared.size
	delete(c.blocks, shared.key)
}

// drop gives up what there is of journals that are gone.
func (c *sharedBlocks) drop(journals []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, e := range c.blocks {
		if slices.Contains(journals, key.journal) {
			c.remove(e)
		}
	}
}

// A sharedBlock is a block's place among the sharedBlocks.
type sharedBlock struct {
	cache *sharedBlocks
	key   blockKey
	size  int // in memory

	decoding sync.Once
	records  []Record // of the whole block, for everybody to read; nil when one cannot be decoded

	encoding sync.Once
	text     []byte // the JSON of the records, a comma between each two
	ends     []int  // of each record in text
}

const (
	// About what is taken by a place with nothing in it, and by a record besides its
	// entry: the Record and its sequence number.
	placeSize, recordSize = 256, 192
	// recordJSON is about how long the JSON of a record is besides its data and
	// partition key: names, numbers and times.
	recordJSON = 200
)

// sharedSize is about what the records of a block take, with their data, which is the
// block's.
func sharedSize(b *journal.Block) int {
	size := 0
	for _, e := range b.Entries {
		size += recordSize + len(e)
	}
	return size
}

func (s *sharedBlock) decode(sh *shard, b *journal.Block) bool {
	records := make([]Record, len(b.Entries))
	for i := range b.Entries {
		var err error
		if records[i], err = sh.record(b, i); err != nil {
			return false // whoever reads that far is told
		}
	}
	s.records = records
	return true
}

// json is the JSON of some of the records, a comma between each two.
func (s *sharedBlock) json(first, count int) []byte {
	s.encoding.Do(func() {
		s.text, s.ends = make([]byte, 0, jsonSize(s.records)), make([]int, 0, len(s.records))
		for i := range s.records {
			if i > 0 {
				s.text = append(s.text, ',')
			}
			s.text = s.records[i].appendJSON(s.text)
			s.ends = append(s.ends, len(s.text))
		}
		s.cache.account(s, cap(s.text)+8*cap(s.ends))
	})
	start := 0
	if first > 0 {
		start = s.ends[first-1] + len(",")
	}
	return s.text[start:s.ends[first+count-1]]
}

// A run is records of an answer that stand next to each other in a shared block.
type run struct {
	at, count int // in the answer
	block     *sharedBlock
	first     int // in the block
}

// appendRecords appends the JSON of an answer's records, of which runs are shared with
// other answers.
func appendRecords(dst []byte, records []Record, runs []run) []byte {
	dst = append(dst, '[')
	for i := 0; i < len(records); {
		if i > 0 {
			dst = append(dst, ',')
		}
		if len(runs) > 0 && runs[0].at == i {
			dst = append(dst, runs[0].block.json(runs[0].first, runs[0].count)...)
			i += runs[0].count
			runs = runs[1:]
			continue
		}
		dst = records[i].appendJSON(dst)
		i++
	}
	return append(dst, ']')
}

// textSize is how long a text becomes in JSON at most, without its quotes.
func textSize(s string) int {
	size := len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == '"' || c == '\\':
			size += len(`\u0000`) - 1
		case c >= 0x80:
			size += len("\ufffd") - 1 // for a byte that is no UTF-8
		}
	}
	return size
}

// jsonSize is about how long the JSON of records becomes, and hardly less: growing by doubling would copy
// a large answer once more.
func jsonSize(records []Record) int {
	size := 0
	for i := range records {
		size += recordJSON + textSize(records[i].PartitionKey) + base64.StdEncoding.EncodedLen(len(records[i].Data))
	}
	return size
}
