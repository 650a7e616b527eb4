package kinesis

import (
	"math/big"
	"strings"
	"testing"
)

const ringEnd = "340282366920938463463374607431768211455"

func TestPartitionKeyHashesToItsMD5(t *testing.T) {
	for _, c := range []struct{ key, want string }{
		{"a", "16955237001963240173058271559858726497"},
		{"", "281949768489412648962353822266799178366"},
	} {
		if got := hashOf(c.key).String(); got != c.want {
			t.Errorf("hashOf(%q) = %s, want %s", c.key, got, c.want)
		}
	}
}

func TestHashKeyText(t *testing.T) {
	for _, text := range []string{"0", "1", "255", "18446744073709551616", ringEnd} {
		k, ok := parseHashKey(text)
		if !ok || k.String() != text {
			t.Errorf("parseHashKey(%s) = %s, %v, want the same, true", text, k, ok)
		}
	}
	for _, text := range []string{"", "-1", "x", "340282366920938463463374607431768211456", strings.Repeat("9", 39)} {
		if k, ok := parseHashKey(text); ok {
			t.Errorf("parseHashKey(%q) = %s, true, want a refusal", text, k)
		}
	}
}

func TestRingIsDividedAsAWSDoes(t *testing.T) {
	for _, c := range []struct {
		n    int
		want []string // first-last
	}{
		{1, []string{"0-" + ringEnd}},
		{2, []string{"0-170141183460469231731687303715884105727", "170141183460469231731687303715884105728-" + ringEnd}},
		{3, []string{
			"0-113427455640312821154458202477256070484",
			"113427455640312821154458202477256070485-226854911280625642308916404954512140969",
			"226854911280625642308916404954512140970-" + ringEnd,
		}},
	} {
		got := divideRing(c.n)
		if len(got) != len(c.want) {
			t.Fatalf("divideRing(%d) has %d ranges, want %d", c.n, len(got), len(c.want))
		}
		for i, want := range c.want {
			if text := got[i].First.String() + "-" + got[i].Last.String(); text != want {
				t.Errorf("divideRing(%d)[%d] = %s, want %s", c.n, i, text, want)
			}
		}
	}
}

func TestRangesCoverTheRingWithoutOverlap(t *testing.T) {
	one := big.NewInt(1)
	for _, n := range []int{1, 2, 3, 7, 64, 1000, 4097} {
		next := new(big.Int)
		for i, r := range divideRing(n) {
			if got := new(big.Int).SetBytes(r.First[:]); got.Cmp(next) != 0 {
				t.Fatalf("divideRing(%d)[%d] starts at %s, want %s", n, i, got, next)
			}
			next.SetBytes(r.Last[:])
			next.Add(next, one)
		}
		if next.BitLen() != 129 {
			t.Errorf("divideRing(%d) ends before %s, want the end of the ring", n, next)
		}
	}
}

func TestKeyIsRoutedToTheOpenShardThatOwnsIt(t *testing.T) {
	st := stream{Shards: newShards(3, testTime)}
	for _, c := range []struct {
		key  string
		want ShardID
	}{
		{"0", 0},
		{"113427455640312821154458202477256070484", 0},
		{"113427455640312821154458202477256070485", 1},
		{"226854911280625642308916404954512140970", 2},
		{ringEnd, 2},
	} {
		k, _ := parseHashKey(c.key)
		if got := st.route(k).ID; got != c.want {
			t.Errorf("route(%s) = %s, want %s", c.key, got, c.want)
		}
	}
}
