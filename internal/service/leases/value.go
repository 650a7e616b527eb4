package leases

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A value is an attribute's value: exactly one member is set.
type value struct {
	S    *string          `json:"S,omitzero"`
	N    *string          `json:"N,omitzero"` // normalized once it is checked
	B    []byte           `json:"B,omitzero"`
	BOOL *bool            `json:"BOOL,omitzero"`
	NULL *bool            `json:"NULL,omitzero"`
	SS   []string         `json:"SS,omitzero"`
	NS   []string         `json:"NS,omitzero"`
	BS   [][]byte         `json:"BS,omitzero"`
	L    []value          `json:"L,omitzero"`
	M    map[string]value `json:"M,omitzero"`
}

func number(s string) value { return value{N: &s} }

// kind is the name of the member that is set, "" when there is not exactly one.
func (v *value) kind() string {
	found := ""
	for _, m := range [...]struct {
		name string
		set  bool
	}{
		{"S", v.S != nil},
		{"N", v.N != nil},
		{"B", v.B != nil},
		{"BOOL", v.BOOL != nil},
		{"NULL", v.NULL != nil},
		{"SS", v.SS != nil},
		{"NS", v.NS != nil},
		{"BS", v.BS != nil},
		{"L", v.L != nil},
		{"M", v.M != nil},
	} {
		switch {
		case m.set && found != "":
			return ""
		case m.set:
			found = m.name
		}
	}
	return found
}

// check refuses a value that has no or several kinds, and brings numbers into one
// form and sets into order.
func (v *value) check(depth int) error {
	if depth > maxDepth {
		return errInvalid("Nesting Levels have exceeded supported limits")
	}
	switch v.kind() {
	case "":
		return errInvalid("Supplied AttributeValue is empty or has more than one datatype, must contain exactly one of the supported datatypes")
	case "N":
		n, err := canonical(*v.N)
		if err != nil {
			return err
		}
		v.N = &n
	case "NULL":
		if !*v.NULL {
			return errParameters("Null attribute value types must have the value of true")
		}
	case "SS":
		slices.Sort(v.SS)
		return checkSet(len(v.SS), len(slices.Compact(slices.Clone(v.SS))))
	case "NS":
		for i := range v.NS {
			n, err := canonical(v.NS[i])
			if err != nil {
				return err
			}
			v.NS[i] = n
		}
		slices.Sort(v.NS)
		return checkSet(len(v.NS), len(slices.Compact(slices.Clone(v.NS))))
	case "BS":
		slices.SortFunc(v.BS, bytes.Compare)
		return checkSet(len(v.BS), len(slices.CompactFunc(slices.Clone(v.BS), bytes.Equal)))
	case "L":
		for i := range v.L {
			if err := v.L[i].check(depth + 1); err != nil {
				return err
			}
		}
	case "M":
		return checkItem(v.M, depth+1)
	}
	return nil
}

func checkSet(all, distinct int) error {
	switch {
	case all == 0:
		return errParameters("An string set  may not be empty")
	case all != distinct:
		return errParameters("Input collection contains duplicates.")
	}
	return nil
}

func canonical(n string) (string, error) {
	d, err := parseNumber(n)
	if err != nil {
		return "", err
	}
	return d.String(), nil
}

// checkItem checks every attribute of an item, in place.
func checkItem(it item, depth int) error {
	for _, name := range slices.Sorted(maps.Keys(it)) {
		v := it[name]
		if err := v.check(depth); err != nil {
			return err
		}
		it[name] = v
	}
	return nil
}

// size is what DynamoDB counts a value as, about.
func (v *value) size() int {
	switch v.kind() {
	case "S":
		return len(*v.S)
	case "N":
		return len(*v.N)/2 + 2
	case "B":
		return len(v.B)
	case "SS":
		return len(strings.Join(v.SS, ""))
	case "NS":
		return len(strings.Join(v.NS, ""))
	case "BS":
		return len(bytes.Join(v.BS, nil))
	case "L":
		n := 3
		for i := range v.L {
			n += 1 + v.L[i].size()
		}
		return n
	case "M":
		return 3 + itemSize(v.M)
	}
	return 1
}

func itemSize(it item) int {
	n := 0
	for name, v := range it {
		n += 1 + len(name) + v.size()
	}
	return n
}

// equal compares values of checked items; a number equals another of the same size.
func (v *value) equal(other *value) bool { return reflect.DeepEqual(v, other) }

// compare orders two strings, numbers or binaries; ok is false for anything else.
func (v *value) compare(other *value) (order int, ok bool) {
	switch {
	case v.S != nil && other.S != nil:
		return cmp.Compare(*v.S, *other.S), true
	case v.N != nil && other.N != nil:
		a, errA := parseNumber(*v.N)
		b, errB := parseNumber(*other.N)
		if errA != nil || errB != nil {
			return 0, false
		}
		return a.compare(b), true
	case v.B != nil && other.B != nil:
		return bytes.Compare(v.B, other.B), true
	}
	return 0, false
}

// keyText is a value as part of a catalog key. Only values of one table's key
// attribute are compared, which are all of one kind.
func (v *value) keyText() string {
	switch {
	case v.S != nil:
		return *v.S
	case v.N != nil:
		return *v.N
	}
	return hex.EncodeToString(v.B)
}
