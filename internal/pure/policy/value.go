package policy

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// stringTest is StringEquals, StringLike and their negations; which of them, the
// patterns know.
type stringTest []pattern

func newStringTest(values []string, _ order, withVariables bool) (test, error) {
	return newPatterns(values, 0, withVariables)
}

func newLikeTest(values []string, _ order, withVariables bool) (test, error) {
	return newPatterns(values, wildcards, withVariables)
}

func newPatterns(values []string, mode int, withVariables bool) (stringTest, error) {
	if withVariables {
		mode |= variables
	}
	t := make(stringTest, 0, len(values))
	for _, v := range values {
		p, err := compilePattern(v, mode)
		if err != nil {
			return nil, err
		}
		t = append(t, p)
	}
	return t, nil
}

func (t stringTest) succeeds(ctx Context, value string) bool {
	for i := range t {
		if t[i].matches(ctx, value) {
			return true
		}
	}
	return false
}

// foldTest is StringEqualsIgnoreCase and its negation.
type foldTest []pattern

func newFoldTest(values []string, _ order, withVariables bool) (test, error) {
	patterns, err := newPatterns(values, 0, withVariables)
	return foldTest(patterns), err
}

func (t foldTest) succeeds(ctx Context, value string) bool {
	for i := range t {
		if want, ok := t[i].value(ctx); ok && strings.EqualFold(want, value) {
			return true
		}
	}
	return false
}

// order is a set of the outcomes of a comparison.
type order uint8

const (
	less order = 1 << iota
	equal
	greater
)

// has reports whether the outcome of a comparison (-1, 0, 1) is in the set.
func (o order) has(c int) bool {
	switch {
	case c < 0:
		return o&less != 0
	case c > 0:
		return o&greater != 0
	default:
		return o&equal != 0
	}
}

// decimal is an exact number, so that a value beyond 2^53 is not equal to its
// neighbour.
type decimal struct {
	negative bool
	whole    string // digits without leading zeros
	fraction string // digits without trailing zeros
}

// parseDecimal reads an optional sign, digits, and optionally a point with
// digits. There are no exponents in policies.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	if s != "" && (s[0] == '-' || s[0] == '+') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	whole, fraction, point := strings.Cut(s, ".")
	if !digits(whole) || !digits(fraction) || whole == "" || point && fraction == "" {
		return decimal{}, false
	}
	d.whole, d.fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if d.whole == "" && d.fraction == "" {
		d.negative = false
	}
	return d, true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func (d decimal) compare(e decimal) int {
	if d.negative != e.negative {
		if d.negative {
			return -1
		}
		return 1
	}
	c := cmp.Or(
		cmp.Compare(len(d.whole), len(e.whole)),
		strings.Compare(d.whole, e.whole),
		strings.Compare(d.fraction, e.fraction),
	)
	if d.negative {
		return -c
	}
	return c
}

// numberTest is the Numeric operators.
type numberTest struct {
	order  order
	values []decimal
}

func newNumberTest(values []string, o order, _ bool) (test, error) {
	t := numberTest{order: o}
	for _, v := range values {
		d, ok := parseDecimal(v)
		if !ok {
			return nil, fmt.Errorf("%q is not a number", v)
		}
		t.values = append(t.values, d)
	}
	return t, nil
}

func (t numberTest) succeeds(_ Context, value string) bool {
	got, ok := parseDecimal(value)
	if !ok {
		return false
	}
	for _, want := range t.values {
		if t.order.has(got.compare(want)) {
			return true
		}
	}
	return false
}

// dateTest is the Date operators.
type dateTest struct {
	order  order
	values []time.Time
}

// parseDate reads epoch seconds or ISO 8601 as the W3C profiles it: a month, a
// day, or a moment to the minute, the second or a fraction of it. A moment
// without a zone is in UTC.
func parseDate(s string) (time.Time, bool) {
	if n, ok := epochSeconds(s); ok {
		return time.Unix(n, 0), true
	}
	for _, layout := range [...]string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02", "2006-01",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// epochSeconds reads a whole number of at most 12 digits, which is as far as
// time.Time is exact and farther than anybody's policy.
func epochSeconds(s string) (int64, bool) {
	magnitude := strings.TrimPrefix(s, "-")
	if magnitude == "" || len(magnitude) > 12 || !digits(magnitude) {
		return 0, false
	}
	var n int64
	for i := range len(magnitude) {
		n = n*10 + int64(magnitude[i]-'0')
	}
	if magnitude != s {
		n = -n
	}
	return n, true
}

func newDateTest(values []string, o order, _ bool) (test, error) {
	t := dateTest{order: o}
	for _, v := range values {
		d, ok := parseDate(v)
		if !ok {
			return nil, fmt.Errorf("%q is not a date", v)
		}
		t.values = append(t.values, d)
	}
	return t, nil
}

func (t dateTest) succeeds(_ Context, value string) bool {
	got, ok := parseDate(value)
	if !ok {
		return false
	}
	for _, want := range t.values {
		if t.order.has(got.Compare(want)) {
			return true
		}
	}
	return false
}

// boolTest is Bool.
type boolTest struct{ wantTrue, wantFalse bool }

// parseBool reads true or false in any case.
func parseBool(s string) (value, ok bool) {
	return strings.EqualFold(s, "true"), strings.EqualFold(s, "true") || strings.EqualFold(s, "false")
}

func newBoolTest(values []string, _ order, _ bool) (test, error) {
	var t boolTest
	for _, v := range values {
		b, ok := parseBool(v)
		if !ok {
			return nil, fmt.Errorf("%q is neither true nor false", v)
		}
		t.wantTrue, t.wantFalse = t.wantTrue || b, t.wantFalse || !b
	}
	return t, nil
}

func (t boolTest) succeeds(_ Context, value string) bool {
	b, ok := parseBool(value)
	return ok && (b && t.wantTrue || !b && t.wantFalse)
}

// nullTest is Null: "true" wants the key to be absent, "false" to be present.
type nullTest struct{ wantAbsent, wantPresent bool }

func newNullTest(values []string) (test, error) {
	t, err := newBoolTest(values, 0, false)
	if err != nil {
		return nil, err
	}
	b := t.(boolTest)
	return nullTest{wantAbsent: b.wantTrue, wantPresent: b.wantFalse}, nil
}

func (t nullTest) holds(present bool) bool {
	return present && t.wantPresent || !present && t.wantAbsent
}

func (t nullTest) succeeds(Context, string) bool { return t.wantPresent }

// binaryTest is BinaryEquals. Both sides are base64 of the value, as in the
// ContextKeyValues of the policy simulator.
type binaryTest []string

func newBinaryTest(values []string, _ order, _ bool) (test, error) {
	t := make(binaryTest, 0, len(values))
	for _, v := range values {
		b, err := base64.StdEncoding.Strict().DecodeString(v)
		if err != nil {
			return nil, fmt.Errorf("%q is not base64", v)
		}
		t = append(t, base64.StdEncoding.EncodeToString(b))
	}
	return t, nil
}

func (t binaryTest) succeeds(_ Context, value string) bool {
	for _, want := range t {
		if want == value {
			return true
		}
	}
	return false
}

// ipTest is IpAddress and NotIpAddress.
type ipTest []netip.Prefix

func newIPTest(values []string, _ order, _ bool) (test, error) {
	t := make(ipTest, 0, len(values))
	for _, v := range values {
		p, ok := parsePrefix(v)
		if !ok {
			return nil, fmt.Errorf("%q is neither an IP address nor a CIDR range", v)
		}
		t = append(t, p)
	}
	return t, nil
}

// parsePrefix reads a range, or an address, which is a range of one. A range of
// IPv4 addresses in IPv6 clothes is one of IPv4 addresses.
func parsePrefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, true
}

func (t ipTest) succeeds(_ Context, value string) bool {
	addr, err := netip.ParseAddr(value)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	for _, p := range t {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
