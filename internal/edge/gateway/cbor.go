package gateway

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"tributary/internal/service/api"
)

// cborType is AWS CBOR 1.1: what AWS JSON 1.1 says in JSON, said in CBOR (RFC 8949)
// with the same names. Bytes are byte strings, a point in time is tag 1 with integer
// milliseconds, which is AWS's own meaning of that tag.
const cborType = "application/x-amz-cbor-1.1"

// The major types of CBOR, which stand in the upper three bits of a head.
const (
	cborUnsigned = iota << 5
	cborNegative
	cborBytes
	cborText
	cborArray
	cborMap
	cborTag
	cborSimple
)

const (
	cborMajor      = 0b111 << 5
	cborIndefinite = 31 // in the lower bits: the end is marked by cborBreak
	cborBreak      = cborSimple | cborIndefinite

	cborFalse     = cborSimple | 20
	cborTrue      = cborSimple | 21
	cborNull      = cborSimple | 22
	cborUndefined = cborSimple | 23
	cborFloat16   = cborSimple | 25
	cborFloat32   = cborSimple | 26
	cborFloat64   = cborSimple | 27

	tagEpoch        = 1
	tagSelfDescribe = 55799 // Jackson can be told to begin with it
)

var errCBOR = errors.New("malformed CBOR")

// parseCBOR makes the value tree of a body: one value, a map or an array, names are
// texts and no name comes twice, texts are UTF-8, at most maxDepth deep, no larger than the room. Byte strings
// of the tree may be parts of b.
func parseCBOR(b []byte, in *room) (any, error) {
	d := cborDecoder{rest: b, room: in}
	tree, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if len(d.rest) > 0 {
		return nil, errors.New("more than one value")
	}
	switch tree.(type) {
	case map[string]any, []any:
		return tree, nil
	default:
		return nil, errors.New("neither map nor array")
	}
}

type cborDecoder struct {
	rest []byte
	room *room
}

// head reads the first byte of a value and what its lower bits announce: a number,
// or the count of what follows.
func (d *cborDecoder) head() (first byte, n uint64, err error) {
	if len(d.rest) == 0 {
		return 0, 0, errCBOR
	}
	first, d.rest = d.rest[0], d.rest[1:]
	low := first &^ cborMajor
	switch {
	case low < 24:
		return first, uint64(low), nil
	case low == cborIndefinite:
		return first, 0, nil
	case low > 27:
		return 0, 0, errCBOR
	}
	size := 1 << (low - 24)
	if len(d.rest) < size {
		return 0, 0, errCBOR
	}
	var wide [8]byte
	copy(wide[8-size:], d.rest)
	d.rest = d.rest[size:]
	return first, binary.BigEndian.Uint64(wide[:]), nil
}

// value reads a value that stands in depth containers and tags.
func (d *cborDecoder) value(depth int) (any, error) {
	first, n, err := d.head()
	if err != nil {
		return nil, err
	}
	return d.after(first, n, depth)
}

// after reads the rest of the value that begins with this head.
func (d *cborDecoder) after(first byte, n uint64, depth int) (any, error) {
	if err := d.room.value(); err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, errors.New("too deep")
	}
	indefinite := first&^cborMajor == cborIndefinite
	switch major := first & cborMajor; major {
	case cborUnsigned, cborNegative:
		if indefinite {
			return nil, errCBOR
		}
		if major == cborNegative {
			return negative(n), nil
		}
		return api.Number(strconv.FormatUint(n, 10)), nil
	case cborBytes:
		return d.bytes(cborBytes, n, indefinite)
	case cborText:
		b, err := d.bytes(cborText, n, indefinite)
		return string(b), err
	case cborArray:
		return d.array(n, indefinite, depth+1)
	case cborMap:
		return d.mapping(n, indefinite, depth+1)
	case cborTag:
		if indefinite {
			return nil, errCBOR
		}
		return d.tagged(n, depth+1)
	default:
		return simple(first, n)
	}
}

// negative is -1-n.
func negative(n uint64) api.Number {
	if n == math.MaxUint64 {
		return "-18446744073709551616"
	}
	return api.Number("-" + strconv.FormatUint(n+1, 10))
}

// bytes reads a byte string or a text, whole or in chunks.
func (d *cborDecoder) bytes(major byte, n uint64, indefinite bool) ([]byte, error) {
	if !indefinite {
		if n > uint64(len(d.rest)) {
			return nil, errCBOR
		}
		b := d.rest[:n:n]
		d.rest = d.rest[n:]
		if major == cborText && !utf8.Valid(b) {
			return nil, errors.New("text is not UTF-8")
		}
		return b, nil
	}
	all := []byte{}
	for {
		first, n, err := d.head()
		if err != nil {
			return nil, err
		}
		if first == cborBreak {
			return all, nil
		}
		if first&cborMajor != major || first&^cborMajor == cborIndefinite {
			return nil, errCBOR
		}
		if err := d.room.value(); err != nil {
			return nil, err
		}
		chunk, err := d.bytes(major, n, false)
		if err != nil {
			return nil, err
		}
		all = append(all, chunk...)
	}
}

// more reports whether a container has a further item, whose head it returns.
func (d *cborDecoder) more(n *uint64, indefinite bool) (first byte, head uint64, more bool, err error) {
	if !indefinite {
		if *n == 0 {
			return 0, 0, false, nil
		}
		*n--
	}
	first, head, err = d.head()
	if indefinite && first == cborBreak {
		return 0, 0, false, err
	}
	return first, head, err == nil, err
}

func (d *cborDecoder) array(n uint64, indefinite bool, depth int) (any, error) {
	items := []any{}
	for {
		first, head, more, err := d.more(&n, indefinite)
		if err != nil || !more {
			return items, err
		}
		item, err := d.after(first, head, depth)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
}

func (d *cborDecoder) mapping(n uint64, indefinite bool, depth int) (any, error) {
	members := map[string]any{}
	for {
		first, head, more, err := d.more(&n, indefinite)
		if err != nil || !more {
			return members, err
		}
		if first&cborMajor != cborText {
			return nil, errors.New("a name is not a text")
		}
		name, err := d.bytes(cborText, head, first&^cborMajor == cborIndefinite)
		if err != nil {
			return nil, err
		}
		key := string(name)
		if _, twice := members[key]; twice {
			return nil, errors.New("a name is given twice")
		}
		if len(members) == 0 {
			if err := d.room.object(); err != nil {
				return nil, err
			}
		}
		if members[key], err = d.value(depth); err != nil {
			return nil, err
		}
	}
}

// tagged reads what a tag stands before: milliseconds as an integer, as AWS writes a
// point in time, or seconds with a fraction, as the rest of the world does.
func (d *cborDecoder) tagged(tag uint64, depth int) (any, error) {
	v, err := d.value(depth)
	if err != nil || tag == tagSelfDescribe {
		return v, err
	}
	number, ok := v.(api.Number)
	if tag != tagEpoch || !ok {
		return nil, errors.New("a tag that no member has")
	}
	if ms, err := strconv.ParseInt(string(number), 10, 64); err == nil {
		return api.Timestamp{Time: time.UnixMilli(ms).UTC()}, nil
	}
	seconds, err := strconv.ParseFloat(string(number), 64)
	if err != nil || math.Abs(seconds) > maxEpochSeconds {
		return nil, errors.New("a time that no clock shows")
	}
	return api.At(time.UnixMilli(int64(math.Round(seconds * 1000)))), nil
}

// maxEpochSeconds is as far from 1970 as milliseconds still count.
const maxEpochSeconds = 1 << 50

// simple is a value that is all head.
func simple(first byte, n uint64) (any, error) {
	var f float64
	switch first {
	case cborFalse, cborTrue:
		return first == cborTrue, nil
	case cborNull, cborUndefined:
		return nil, nil
	case cborFloat16:
		f = halfFloat(uint16(n))
	case cborFloat32:
		f = float64(math.Float32frombits(uint32(n)))
	case cborFloat64:
		f = math.Float64frombits(n)
	default:
		return nil, errCBOR
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errors.New("not a number")
	}
	if f == 0 {
		return api.Number("0"), nil // without a sign
	}
	format := byte('f')
	if math.Abs(f) >= 1e21 { // where JSON begins to write exponents
		format = 'e'
	}
	return api.Number(strconv.FormatFloat(f, format, -1, 64)), nil
}

// halfFloat is the value of a 16-bit float.
func halfFloat(bits uint16) float64 {
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	var f float64
	switch exponent {
	case 0:
		f = math.Ldexp(fraction, -24)
	case 0x1f:
		return math.NaN() // or infinite: no number either way
	default:
		f = math.Ldexp(fraction+1024, exponent-25)
	}
	if bits>>15 == 1 {
		return -f
	}
	return f
}
