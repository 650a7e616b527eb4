package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/service/api"
)

const (
	jsonType   = "application/x-amz-json-1.1"
	jsonType10 = "application/x-amz-json-1.0"

	// maxDepth is how deep arrays and objects may stand in one another. The
	// deepest input of the five services has seven levels.
	maxDepth = 100
)

func validJSON(b []byte) bool { return jsontext.Value(b).IsValid() }

// parseJSON is strict: one value, an object or array, no duplicate names, valid
// UTF-8, at most maxDepth deep, and no larger than the room.
func parseJSON(b []byte, in *room) (any, error) {
	d := treeDecoder{jsontext.NewDecoder(bytes.NewBuffer(b)), in}
	if k := d.dec.PeekKind(); k != '{' && k != '[' {
		return nil, errors.New("neither object nor array")
	}
	tree, err := d.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := d.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one value")
	}
	return tree, nil
}

type treeDecoder struct {
	dec  *jsontext.Decoder
	room *room
}

func (d *treeDecoder) value(depth int) (any, error) {
	if err := d.room.value(); err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, errors.New("too deep")
	}
	tok, err := d.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return tok.Bool(), nil
	case '"':
		return tok.String(), nil
	case '0':
		return api.Number(tok.String()), nil
	case '[':
		return d.array(depth + 1)
	default: // '{', since a decoder gives closing tokens only where they belong
		return d.object(depth + 1)
	}
}

func (d *treeDecoder) array(depth int) (any, error) {
	items := []any{}
	for d.dec.PeekKind() != ']' {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	_, err := d.dec.ReadToken()
	return items, err
}

func (d *treeDecoder) object(depth int) (any, error) {
	members := map[string]any{}
	for d.dec.PeekKind() != '}' {
		name, err := d.dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String() // before the next token is read
		if len(members) == 0 {
			if err := d.room.object(); err != nil {
				return nil, err
			}
		}
		if members[key], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	_, err := d.dec.ReadToken()
	return members, err
}

// outputOptions is how outputs are written: Timestamp as epoch seconds, bytes
// in base64, nothing escaped for HTML. Text that is not UTF-8 cannot come in,
// but must not make an answer impossible either.
var outputOptions = json.JoinOptions(
	json.Deterministic(true),
	jsontext.AllowInvalidUTF8(true),
	json.WithMarshalers(json.MarshalToFunc(func(enc *jsontext.Encoder, t api.Timestamp) error {
		if t.IsZero() {
			return enc.WriteToken(jsontext.Null)
		}
		return enc.WriteValue(appendEpoch(nil, t))
	})),
)

// appendJSON appends the JSON of an output struct.
func appendJSON(dst []byte, out any) ([]byte, error) {
	if a, ok := out.(api.JSONAppender); ok {
		return a.AppendJSON(dst), nil
	}
	buf := bytes.NewBuffer(dst)
	if err := json.MarshalWrite(buf, out, outputOptions); err != nil {
		return dst, fmt.Errorf("encode %T: %w", out, err)
	}
	return buf.Bytes(), nil
}

// appendEpoch appends t as seconds with up to three decimals, 1700000000.123.
func appendEpoch(dst []byte, t api.Timestamp) []byte {
	ms := t.UnixMilli()
	if math.Abs(float64(ms)) >= 1<<53 { // no float holds it to the millisecond
		return strconv.AppendInt(dst, t.Unix(), 10)
	}
	return strconv.AppendFloat(dst, float64(ms)/1000, 'f', -1, 64)
}

// appendJSONError appends an error body: __type first, because some clients
// look no further than the first bytes, then the text, then further members.
func appendJSONError(dst []byte, e *api.Exception, messageMember string) ([]byte, error) {
	dst = append(dst, `{"__type":`...)
	dst, err := jsontext.AppendQuote(dst, e.Code)
	if err != nil {
		return dst, fmt.Errorf("encode code of exception: %w", err)
	}
	if e.Message != "" {
		dst = append(dst, `,"`+memberOfMessage(e, messageMember)+`":`...)
		dst = appendText(dst, e.Message)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Members)) {
		value, err := json.Marshal(e.Members[name], outputOptions)
		if err != nil {
			return dst, fmt.Errorf("encode member %s of exception: %w", name, err)
		}
		dst = append(appendText(append(dst, ','), name), ':')
		dst = append(dst, value...)
	}
	return append(dst, '}'), nil
}

// appendText appends s as a JSON string. Messages repeat what callers sent, so
// invalid UTF-8 is replaced and never an error.
func appendText(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error tells of invalid UTF-8, which has been replaced
	return dst
}
