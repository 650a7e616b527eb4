package api

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Number is a JSON number as it was written.
type Number string

// bind makes the operation's input from a value tree: types first, then the
// constraints that the struct tags state. Members the shape does not know are
// ignored, as AWS does with members of newer clients.
func bind(s *shape, style ConstraintStyle, in Input) (any, error) {
	b := binder{loose: in.Loose, violations: violations{style: style}}
	v := reflect.New(s.goType)
	tree := in.Tree
	if tree == nil {
		tree = map[string]any{}
	}
	if err := b.value(s, v.Elem(), tree, "", false); err != nil {
		return nil, err
	}
	if err := b.violations.exception(); err != nil {
		return nil, err
	}
	return v.Interface(), nil
}

type binder struct {
	loose      bool
	violations violations
}

// value sets dst, whose type is that of s, from tree, which is not nil. path is
// where the value stands, "" for the input itself.
func (b *binder) value(s *shape, dst reflect.Value, tree any, path string, hide bool) error {
	if s.pointer {
		p := reflect.New(dst.Type().Elem())
		dst.Set(p)
		dst = p.Elem()
	}
	switch s.kind {
	case kindStruct:
		if s.elem != nil {
			s = s.elem
		}
		return b.structure(s, dst, tree, path)
	case kindList:
		return b.list(s, dst, tree, path, hide)
	case kindMap:
		return b.mapping(s, dst, tree, path, hide)
	default:
		return b.scalar(s, dst, tree, path, hide)
	}
}

func (b *binder) structure(s *shape, dst reflect.Value, tree any, path string) error {
	m, ok := tree.(map[string]any)
	if !ok {
		if b.loose && tree == "" {
			m = map[string]any{}
		} else {
			return mismatch(tree, "structure")
		}
	}
	for i := range s.fields {
		f := &s.fields[i]
		at := pathName(f.name)
		if path != "" {
			at = path + "." + at
		}
		v, there := m[f.name]
		if !there || v == nil {
			if f.required {
				b.violations.add(RequiredMember, at, "null", f.hide, "Member must not be null")
			}
			continue
		}
		if err := b.value(f.shape, dst.Field(f.index), v, at, f.hide); err != nil {
			return err
		}
	}
	return nil
}

func (b *binder) list(s *shape, dst reflect.Value, tree any, path string, hide bool) error {
	items, ok := tree.([]any)
	if !ok && b.loose {
		items, ok = formList(tree)
	}
	if !ok {
		return mismatch(tree, "list")
	}
	out := reflect.MakeSlice(dst.Type(), 0, len(items))
	for i, item := range items {
		at := path + "." + strconv.Itoa(i+1) + ".member"
		e := reflect.New(dst.Type().Elem()).Elem()
		if item == nil {
			continue // AWS drops null items
		}
		if err := b.value(s.elem, e, item, at, hide); err != nil {
			return err
		}
		out = reflect.Append(out, e)
	}
	dst.Set(out)
	shown := func() string { return b.shown(out) }
	s.own.check(&b.violations, kindList, path, shown, hide, int64(out.Len()), "")
	if s.elem.kind == kindString && !s.item.empty() {
		for i := range out.Len() {
			n := len(b.violations.list)
			s.item.items(&b.violations, "Member", path, shown, hide, out.Index(i).String())
			if len(b.violations.list) > n {
				break // one message speaks for the whole list
			}
		}
	}
	return nil
}

func (b *binder) mapping(s *shape, dst reflect.Value, tree any, path string, hide bool) error {
	m, ok := tree.(map[string]any)
	if !ok {
		return mismatch(tree, "map")
	}
	out := reflect.MakeMapWithSize(dst.Type(), len(m))
	keys := slices.Sorted(maps.Keys(m))
	for _, k := range keys {
		if m[k] == nil {
			continue
		}
		e := reflect.New(dst.Type().Elem()).Elem()
		if err := b.value(s.elem, e, m[k], path+"."+k+".member", hide); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(k).Convert(dst.Type().Key()), e)
	}
	dst.Set(out)
	shown := func() string { return b.shown(out) }
	s.own.check(&b.violations, kindMap, path, shown, hide, int64(out.Len()), "")
	for _, k := range keys {
		n := len(b.violations.list)
		s.key.items(&b.violations, "Map keys", path, shown, hide, k)
		if v := out.MapIndex(reflect.ValueOf(k).Convert(dst.Type().Key())); v.IsValid() && s.elem.kind == kindString {
			s.item.items(&b.violations, "Map value", path, shown, hide, v.String())
		}
		if len(b.violations.list) > n {
			break
		}
	}
	return nil
}

func (b *binder) scalar(s *shape, dst reflect.Value, tree any, path string, hide bool) error {
	check := func(size int64, text string) {
		s.own.check(&b.violations, s.kind, path, func() string { return b.shown(dst) }, hide, size, text)
	}
	switch s.kind {
	case kindString:
		text, ok := tree.(string)
		if !ok {
			return mismatch(tree, "String")
		}
		dst.SetString(text)
		check(int64(utf8.RuneCountInString(text)), text)
	case kindInteger, kindLong:
		n, err := b.integer(s.kind, tree)
		if err != nil {
			return err
		}
		dst.SetInt(n)
		check(n, "")
	case kindFloat:
		text, ok := b.number(tree)
		f, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil {
			return mismatch(tree, "Double")
		}
		dst.SetFloat(f)
		check(int64(f), "")
	case kindBoolean:
		v, ok := tree.(bool)
		if b.loose {
			v, ok = tree == "true", tree == "true" || tree == "false"
		}
		if !ok {
			return mismatch(tree, "Boolean")
		}
		dst.SetBool(v)
	case kindBlob:
		data, err := blob(tree)
		if err != nil {
			return err
		}
		dst.SetBytes(data)
		check(int64(len(data)), "")
	case kindTimestamp:
		t, err := b.timestamp(tree)
		if err != nil {
			return err
		}
		dst.Set(reflect.ValueOf(t))
	default:
		panic(fmt.Sprintf("api: scalar of kind %d", s.kind))
	}
	return nil
}

func (b *binder) number(tree any) (string, bool) {
	if n, ok := tree.(Number); ok {
		return string(n), true
	}
	if s, ok := tree.(string); ok && b.loose {
		return s, true
	}
	return "", false
}

// integer reads a whole number; like AWS it cuts a fraction off.
func (b *binder) integer(k kind, tree any) (int64, error) {
	bits, name := 64, "Long"
	if k == kindInteger {
		bits, name = 32, "Integer"
	}
	text, ok := b.number(tree)
	if !ok {
		return 0, mismatch(tree, name)
	}
	if n, err := strconv.ParseInt(text, 10, bits); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	limit := math.Ldexp(1, bits-1)
	if err != nil || f != f || f >= limit || f < -limit {
		return 0, mismatch(tree, name)
	}
	return int64(f), nil
}

func (b *binder) timestamp(tree any) (Timestamp, error) {
	if t, ok := tree.(Timestamp); ok {
		return t, nil
	}
	if s, ok := tree.(string); ok && b.loose {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return Timestamp{}, mismatch(tree, "Date")
		}
		return At(t), nil
	}
	text, ok := b.number(tree)
	f, err := strconv.ParseFloat(text, 64)
	if !ok || err != nil || math.Abs(f) > 1e12 {
		return Timestamp{}, mismatch(tree, "Date")
	}
	return At(time.UnixMilli(int64(math.Round(f * 1000)))), nil
}

func blob(tree any) ([]byte, error) {
	if data, ok := tree.([]byte); ok {
		return data, nil
	}
	text, ok := tree.(string)
	if !ok {
		return nil, mismatch(tree, "Blob")
	}
	if len(text)%4 != 0 {
		return nil, serialization("'%s' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: %d", shorten(text), len(text))
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		for _, c := range []byte(text) {
			if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", rune(c)) {
				return nil, serialization("'%s' can not be converted to a Blob: Invalid Base64 character: '%c'", shorten(text), c)
			}
		}
		return nil, serialization("'%s' can not be converted to a Blob: Invalid last non-pad Base64 character dectected", shorten(text))
	}
	return data, nil
}

// mismatch is the refusal of a value of the wrong type, in the words of the
// real services.
func mismatch(tree any, want string) *Exception {
	switch tree.(type) {
	case map[string]any:
		return serialization("Start of structure or map found where not expected.")
	case []any:
		return serialization("Start of list found where not expected")
	}
	switch want {
	case "list":
		return serialization("Expected list or null")
	case "map", "structure":
		return serialization("Expected null")
	}
	class := "java.lang.String"
	switch tree.(type) {
	case bool:
		class = "java.lang.Boolean"
	case Number:
		class = "com.amazon.coral.value.json.numbers.TruncatingBigNumber"
	}
	article := "an"
	if want == "Blob" {
		article = "a"
	}
	return serialization("class %s can not be converted to %s %s", class, article, want)
}

// formList reads a list from a form: a map of "member" to a map of indices, or
// the empty text for an empty list. Indices count from 1 and leave no gap.
func formList(tree any) ([]any, bool) {
	if tree == "" {
		return []any{}, true
	}
	m, ok := tree.(map[string]any)
	if !ok {
		return nil, false
	}
	m, ok = m["member"].(map[string]any)
	if !ok {
		return nil, false
	}
	items := make([]any, len(m))
	for k, v := range m {
		n, err := strconv.Atoi(k)
		if err != nil || n < 1 || n > len(m) || items[n-1] != nil { // "1" and "01" are one index
			return nil, false
		}
		items[n-1] = v
	}
	return items, true
}

// shown prints a value as AWS's messages do, which is Java's toString.
func (b *binder) shown(v reflect.Value) string {
	if b.violations.style.HideValues {
		return ""
	}
	var sb strings.Builder
	sb.WriteByte('\'')
	java(&sb, v)
	sb.WriteByte('\'')
	return sb.String()
}

func java(sb *strings.Builder, v reflect.Value) {
	if sb.Len() > maxShown {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			sb.WriteString("null")
			return
		}
		java(sb, v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			fmt.Fprintf(sb, "java.nio.HeapByteBuffer[pos=0 lim=%[1]d cap=%[1]d]", v.Len())
			return
		}
		sb.WriteByte('[')
		for i := range v.Len() {
			if sb.Len() > maxShown {
				break
			}
			if i > 0 {
				sb.WriteString(", ")
			}
			java(sb, v.Index(i))
		}
		sb.WriteByte(']')
	case reflect.Map:
		sb.WriteByte('{')
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for i, k := range keys {
			if sb.Len() > maxShown {
				break
			}
			if i > 0 {
				sb.WriteString(", ")
			}
			sb.WriteString(shorten(k.String()) + "=")
			java(sb, v.MapIndex(k))
		}
		sb.WriteByte('}')
	case reflect.Struct:
		if t, ok := v.Interface().(Timestamp); ok {
			sb.WriteString(t.Format(time.RFC3339))
			return
		}
		sb.WriteString(v.Type().Name() + "(")
		for i := range v.NumField() {
			if i > 0 {
				sb.WriteString(", ")
			}
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			sb.WriteString(name + "=")
			java(sb, v.Field(i))
		}
		sb.WriteByte(')')
	default:
		sb.WriteString(shorten(fmt.Sprint(v.Interface())))
	}
}

// maxShown bounds what a message repeats of a value, so that an answer stays
// small whatever the request holds.
const maxShown = 4096

func shorten(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
