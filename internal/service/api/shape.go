package api

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Struct tags state the wire name of a member and AWS's constraints on it:
//
//	json:"name,omitzero"   its name; in messages the first letter is lower case
//	json:"-"               not a member: what a scanner leaves for the handler
//	required:"true"        must be there
//	min:"1" max:"512"      length of a string, blob, list or map; value of a number
//	pattern:"[^:*]*"       a regular expression that the whole text must match
//	enum:"A,B"             the only values
//	hide:"true"            its value is not repeated in messages
//
// The same words after "of" are for the items of a list or the values of a map
// (ofmin, ofmax, ofpattern, ofenum), after "key" for the keys of a map.

type kind uint8

const (
	kindString kind = iota + 1
	kindInteger
	kindLong
	kindFloat
	kindBoolean
	kindBlob
	kindTimestamp
	kindList
	kindMap
	kindStruct
)

// A shape is what the binder knows of a Go type. It is built once per type.
type shape struct {
	kind    kind
	pointer bool // the Go type is a pointer to this shape
	goType  reflect.Type
	fields  []field // struct
	elem    *shape  // list, map; of a pointer to a struct, the struct
	own     constraint
	item    constraint // of the elements
	key     constraint // of the keys
}

type field struct {
	name     string // on the wire
	index    int
	required bool
	hide     bool
	shape    *shape // with the field's own constraints
}

type constraint struct {
	min, max    *int64
	pattern     *regexp.Regexp
	patternText string
	enum        []string
}

func (c *constraint) empty() bool {
	return c.min == nil && c.max == nil && c.pattern == nil && c.enum == nil
}

// shapeOf builds the shape of struct type t and of all that it reaches. It
// panics on a type or tag that no shape has: that is a mistake in a service's
// table.
func shapeOf(t reflect.Type) *shape {
	return buildShape(t, map[reflect.Type]*shape{})
}

func buildShape(t reflect.Type, seen map[reflect.Type]*shape) *shape {
	s := &shape{goType: t}
	switch {
	case t.Kind() == reflect.Pointer:
		inner := buildShape(t.Elem(), seen)
		e := *inner
		e.pointer = true
		if e.kind == kindStruct {
			// The struct may be one that is being built, whose fields are not
			// all there yet, so it is referred to and not copied.
			e.elem = inner
		}
		return &e
	case t == reflect.TypeFor[Timestamp]():
		s.kind = kindTimestamp
	case t.Kind() == reflect.String:
		s.kind = kindString
	case t.Kind() == reflect.Int32:
		s.kind = kindInteger
	case t.Kind() == reflect.Int64:
		s.kind = kindLong
	case t.Kind() == reflect.Float64:
		s.kind = kindFloat
	case t.Kind() == reflect.Bool:
		s.kind = kindBoolean
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		s.kind = kindBlob
	case t.Kind() == reflect.Slice:
		s.kind, s.elem = kindList, buildShape(t.Elem(), seen)
	case t.Kind() == reflect.Map:
		s.kind, s.elem = kindMap, buildShape(t.Elem(), seen)
	case t.Kind() == reflect.Struct:
		if known := seen[t]; known != nil {
			return known
		}
		seen[t] = s
		s.kind = kindStruct
		for i := range t.NumField() {
			if sf := t.Field(i); sf.Tag.Get("json") != "-" {
				s.fields = append(s.fields, fieldOf(sf, i, seen))
			}
		}
	default:
		panic(fmt.Sprintf("api: no shape for Go type %v", t))
	}
	return s
}

func fieldOf(sf reflect.StructField, index int, seen map[reflect.Type]*shape) field {
	name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
	if name == "" {
		panic("api: field " + sf.Name + " has no wire name")
	}
	inner := buildShape(sf.Type, seen)
	own := constraintOf(sf.Tag, "")
	item, key := constraintOf(sf.Tag, "of"), constraintOf(sf.Tag, "key")
	s := inner
	if !own.empty() || !item.empty() || !key.empty() {
		c := *inner
		c.own, c.item, c.key = own, item, key
		s = &c
	}
	return field{
		name:     name,
		index:    index,
		required: sf.Tag.Get("required") == "true",
		hide:     sf.Tag.Get("hide") == "true",
		shape:    s,
	}
}

func constraintOf(tag reflect.StructTag, prefix string) constraint {
	var c constraint
	bound := func(key string) *int64 {
		text, ok := tag.Lookup(prefix + key)
		if !ok {
			return nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic("api: tag " + prefix + key + ": " + err.Error())
		}
		return &n
	}
	c.min, c.max = bound("min"), bound("max")
	if p := tag.Get(prefix + "pattern"); p != "" {
		c.pattern, c.patternText = compilePattern(p), p
	}
	if e := tag.Get(prefix + "enum"); e != "" {
		c.enum = strings.Split(e, ",")
	}
	return c
}

var javaEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// compilePattern compiles a pattern of the model, which is a Java regular
// expression that must match the whole text.
func compilePattern(p string) *regexp.Regexp {
	return regexp.MustCompile(`\A(?:` + javaEscape.ReplaceAllString(p, `\x{$1}`) + `)\z`)
}

// pathName is how a member is called in the path of a message.
func pathName(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}
