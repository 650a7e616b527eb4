package gateway

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"tributary/internal/service/api"
)

// appendCBOR appends the CBOR of an output struct, with the names and omissions of
// its JSON. Structs are of indefinite length, as AWS writes them.
func appendCBOR(dst []byte, out any) ([]byte, error) {
	return appendCBORValue(dst, reflect.ValueOf(out))
}

func appendCBORValue(dst []byte, v reflect.Value) ([]byte, error) {
	switch v.Kind() {
	case reflect.Invalid:
		return append(dst, cborNull), nil
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return append(dst, cborNull), nil
		}
		return appendCBORValue(dst, v.Elem())
	case reflect.String:
		return appendCBORText(dst, v.String()), nil
	case reflect.Bool:
		if v.Bool() {
			return append(dst, cborTrue), nil
		}
		return append(dst, cborFalse), nil
	case reflect.Int, reflect.Int32, reflect.Int64:
		return appendCBORInteger(dst, v.Int()), nil
	case reflect.Float64:
		return binary.BigEndian.AppendUint64(append(dst, cborFloat64), math.Float64bits(v.Float())), nil
	case reflect.Slice:
		return appendCBORList(dst, v)
	case reflect.Map:
		return appendCBORMap(dst, v)
	case reflect.Struct:
		return appendCBORStruct(dst, v)
	default:
		return dst, fmt.Errorf("encode %s: no CBOR for it", v.Type())
	}
}

func appendCBORStruct(dst []byte, v reflect.Value) (_ []byte, err error) {
	if t, ok := v.Interface().(api.Timestamp); ok {
		if t.IsZero() {
			return append(dst, cborNull), nil
		}
		return appendCBORInteger(append(dst, cborTag|tagEpoch), t.UnixMilli()), nil
	}
	dst = append(dst, cborMap|cborIndefinite)
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		field := v.Field(i)
		if name == "-" || options == "omitzero" && absent(field) {
			continue
		}
		if dst, err = appendCBORValue(appendCBORText(dst, name), field); err != nil {
			return dst, err
		}
	}
	return append(dst, cborBreak), nil
}

func appendCBORList(dst []byte, v reflect.Value) (_ []byte, err error) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b := v.Bytes()
		return append(appendCBORHead(dst, cborBytes, uint64(len(b))), b...), nil
	}
	dst = appendCBORHead(dst, cborArray, uint64(v.Len()))
	for i := range v.Len() {
		if dst, err = appendCBORValue(dst, v.Index(i)); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendCBORMap appends a map from texts, in order.
func appendCBORMap(dst []byte, v reflect.Value) (_ []byte, err error) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	dst = appendCBORHead(dst, cborMap, uint64(len(keys)))
	for _, k := range keys {
		if dst, err = appendCBORValue(appendCBORText(dst, k.String()), v.MapIndex(k)); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// appendCBORHead appends a major type and its number, in as few bytes as it takes.
func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, major|27), n)
	}
}

func appendCBORInteger(dst []byte, n int64) []byte {
	if n < 0 {
		return appendCBORHead(dst, cborNegative, uint64(-1-n))
	}
	return appendCBORHead(dst, cborUnsigned, uint64(n))
}

// appendCBORText appends a text. What is not UTF-8 is replaced, as in JSON.
func appendCBORText(dst []byte, s string) []byte {
	s = strings.ToValidUTF8(s, "\ufffd")
	return append(appendCBORHead(dst, cborText, uint64(len(s))), s...)
}

// appendCBORError appends an error body, in the order of appendJSONError.
func appendCBORError(dst []byte, e *api.Exception, messageMember string) (_ []byte, err error) {
	dst = append(dst, cborMap|cborIndefinite)
	dst = appendCBORText(appendCBORText(dst, "__type"), e.Code)
	if e.Message != "" {
		dst = appendCBORText(appendCBORText(dst, memberOfMessage(e, messageMember)), e.Message)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Members)) {
		if dst, err = appendCBOR(appendCBORText(dst, name), e.Members[name]); err != nil {
			return dst, fmt.Errorf("encode member %s of exception: %w", name, err)
		}
	}
	return append(dst, cborBreak), nil
}
