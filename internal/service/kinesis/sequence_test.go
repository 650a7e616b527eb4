package kinesis

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tributary/internal/durable/journal"
)

// testTime is when the streams of these tests are made.
var testTime = time.Date(2026, 11, 21, 4, 0, 0, 0, time.UTC)

func TestSequenceNumberVectors(t *testing.T) {
	for _, c := range []struct {
		name string
		s    sequence
		want string
	}{
		{"start of shard 0", sequence{created: 1700000000, at: 1700000000}, "49646437577108476416916876405825929425585429676275269634"},
		{"start of shard 1", sequence{created: 1700000000, at: 1700000000, shard: 1}, "49646437577130777162115407028967465143858078037781250066"},
		{"a record", sequence{created: 1700000000, counter: 5, at: 1700000123}, "49646437577108476416916876405831974054683511274644439042"},
		{"end of shard 0", sequence{created: 1700000000, counter: lastCounter, at: 1700000600}, "49646437577119626789516141717395488358902180459539595266"},
	} {
		if got := c.s.String(); got != c.want {
			t.Errorf("%s: %+v = %s, want %s", c.name, c.s, got, c.want)
		}
		if got, ok := parseSequence(c.want); !ok || got != c.s {
			t.Errorf("%s: parseSequence(%s) = %+v, %v, want %+v, true", c.name, c.want, got, ok, c.s)
		}
	}
}

func TestSequenceNumberIsAnAddress(t *testing.T) {
	sh := shard{ID: 7, Stamp: testTime.Unix()}
	for _, p := range []journal.Position{{Block: 1}, {Block: 1, Index: 1}, {Block: 1, Index: 1<<24 - 1}, {Block: 1 << 38, Index: 9}} {
		text := sh.sequenceOf(p, testTime).String()
		s, ok := parseSequence(text)
		if !ok || s.position() != p || s.shard != sh.ID {
			t.Errorf("parseSequence(%s) = %s of %s, %v, want %s of %s, true", text, s.position(), s.shard, ok, p, sh.ID)
		}
	}
}

func TestSequenceNumbersGrowWhateverTheClockDoes(t *testing.T) {
	sh := shard{ID: 3, Stamp: testTime.Unix()}
	last := sh.firstSequence().String()
	now := testTime
	p := journal.Position{Block: 1}
	for range 2000 {
		now = now.Add(time.Duration(rand.Int64N(int64(48*time.Hour))) - 24*time.Hour)
		got := sh.sequenceOf(p, now).String()
		if got <= last {
			t.Fatalf("number at %s, %s, is %s, want more than %s", p, now, got, last)
		}
		last = got
		if rand.IntN(2) == 0 {
			p = p.Next()
		} else {
			p = journal.Position{Block: p.Block + 1 + rand.Uint64N(9)}
		}
	}
	sh.Closed = testTime.Add(-24 * time.Hour)
	if got := sh.lastSequence().String(); got <= last {
		t.Errorf("number of the shard's end is %s, want more than %s", got, last)
	}
}

func TestOtherNumbersAreNoSequenceNumbers(t *testing.T) {
	good := sequence{created: 1700000000, counter: 1 << 24, at: 1700000123, shard: 5}
	number := new(big.Int)
	number.SetString(good.String(), 10)
	flipped := func(bit int) string {
		n := new(big.Int).Set(number)
		return n.SetBit(n, bit, 1-n.Bit(bit)).String()
	}
	cases := map[string]string{
		"empty":                      "",
		"zero":                       "0",
		"a letter":                   strings.Repeat("4", 55) + "x",
		"too long":                   good.String() + "0",
		"greater than all":           strings.Repeat("9", 56),
		"last digit is not 2":        flipped(0),
		"first digit is not 2":       flipped(184),
		"low digit of another shard": flipped(144),
		"in the zero byte":           flipped(72),
		"counter of 64 bits":         flipped(143),
		"shard of 32 bits":           flipped(35),
	}
	for name, text := range cases {
		if s, ok := parseSequence(text); ok {
			t.Errorf("%s: parseSequence(%s) = %+v, true, want a refusal", name, text, s)
		}
	}
}

func FuzzParseSequence(f *testing.F) {
	f.Add("49646437577108476416916876405831974054683511274644439042")
	f.Add("49646437577119626789516141717395488358902180459539595266")
	f.Add("0")
	f.Add(strings.Repeat("9", 56))
	f.Fuzz(func(t *testing.T, text string) {
		if s, ok := parseSequence(text); ok && s.String() != text {
			t.Errorf("parseSequence(%s) = %+v, which is written %s", text, s, s)
		}
	})
}

func TestShardIDText(t *testing.T) {
	for _, text := range []string{"3", "shardId-3", "shardId-000000000003", "000000000003"} {
		if id, ok := parseShardID(text); !ok || id != 3 {
			t.Errorf("parseShardID(%s) = %d, %v, want 3, true", text, id, ok)
		}
	}
	for _, text := range []string{"", "shardId-", "shardId-x", "shard-3", "-3", "+3", "shardId-2147483648", "shardId-shardId-3"} {
		if id, ok := parseShardID(text); ok {
			t.Errorf("parseShardID(%q) = %d, true, want a refusal", text, id)
		}
	}
	if got, want := ShardID(3).String(), "shardId-000000000003"; got != want {
		t.Errorf("ShardID(3) = %s, want %s", got, want)
	}
}
