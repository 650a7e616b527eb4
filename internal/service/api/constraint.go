package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A ConstraintStyle is how a service words violated constraints.
type ConstraintStyle struct {
	Code string // InvalidParameterException, ValidationException, ValidationError
	// HideValues leaves the value and the enum's members out, as IAM does.
	HideValues bool
	// Refuse, where it is not nil, words the whole refusal by the first violation:
	// Organizations tells only of what sort it is.
	Refuse func(Violated) *Exception
}

// Violated is a sort of constraint that an input violates.
type Violated uint8

// The sorts. Lists, maps and blobs have a length as texts do.
const (
	RequiredMember Violated = iota + 1
	MinLength
	MaxLength
	MinValue
	MaxValue
	EnumMember
	Pattern
	ListMember // an item of a list, or a key or value of a map
)

const maxViolations = 10 // AWS lists no more

// violations collects what is wrong with an input.
type violations struct {
	style ConstraintStyle
	first Violated
	list  []string
}

func (v *violations) add(sort Violated, path, value string, hide bool, rule string) {
	if v.first == 0 {
		v.first = sort
	}
	if len(v.list) >= maxViolations {
		return
	}
	if v.style.HideValues || hide {
		v.list = append(v.list, fmt.Sprintf("Value at '%s' failed to satisfy constraint: %s", path, rule))
		return
	}
	v.list = append(v.list, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, path, rule))
}

// exception is the refusal for what was collected, nil when that is nothing.
func (v *violations) exception() error {
	if v.style.Refuse != nil && v.first != 0 {
		return v.style.Refuse(v.first)
	}
	switch len(v.list) {
	case 0:
		return nil
	case 1:
		return Refuse(v.style.Code, "1 validation error detected: %s", v.list[0])
	}
	return Refuse(v.style.Code, "%d validation errors detected: %s", len(v.list), strings.Join(v.list, "; "))
}

// Violation is the refusal for one violated constraint, for a scanner or a
// handler that checks one itself: value is quoted by the caller as AWS prints
// it, 'x' or null.
func Violation(style ConstraintStyle, path, value, rule string) *Exception {
	v := violations{style: style}
	v.add(0, path, value, false, rule)
	return Refuse(style.Code, "1 validation error detected: %s", v.list[0])
}

// Rules as AWS words them.
func ruleMin(k kind, n int64) string {
	return "Member must have " + measure(k) + " greater than or equal to " + strconv.FormatInt(n, 10)
}

func ruleMax(k kind, n int64) string {
	return "Member must have " + measure(k) + " less than or equal to " + strconv.FormatInt(n, 10)
}

func measure(k kind) string {
	if k.number() {
		return "value"
	}
	return "length"
}

func (k kind) number() bool { return k == kindInteger || k == kindLong || k == kindFloat }

// bounded is the sort of a bound: that of a length, or of a number's value.
func (k kind) bounded(length, value Violated) Violated {
	if k.number() {
		return value
	}
	return length
}

func rulePattern(p string) string { return "Member must satisfy regular expression pattern: " + p }

func ruleEnum(members []string, hide bool) string {
	if hide {
		return "Member must satisfy enum value set"
	}
	return "Member must satisfy enum value set: [" + strings.Join(members, ", ") + "]"
}

// check reports the first violation of each sort that a scalar, list or map of
// the given size has. size is characters, bytes or items; for numbers the value.
func (c *constraint) check(v *violations, k kind, path string, shown func() string, hide bool, size int64, text string) {
	if c.max != nil && size > *c.max {
		v.add(k.bounded(MaxLength, MaxValue), path, shown(), hide, ruleMax(k, *c.max))
	}
	if c.min != nil && size < *c.min {
		v.add(k.bounded(MinLength, MinValue), path, shown(), hide, ruleMin(k, *c.min))
	}
	if k != kindString {
		return
	}
	if c.enum != nil && !slices.Contains(c.enum, text) {
		v.add(EnumMember, path, shown(), hide, ruleEnum(c.enum, v.style.HideValues))
	}
	if c.pattern != nil && !c.pattern.MatchString(text) {
		v.add(Pattern, path, shown(), hide, rulePattern(c.patternText))
	}
}

// items checks an element or key against the constraints of elements, which AWS
// names all at once in one message.
func (c *constraint) items(v *violations, what, path string, shown func() string, hide bool, text string) {
	if c.empty() {
		return
	}
	n := int64(utf8.RuneCountInString(text))
	ok := (c.max == nil || n <= *c.max) && (c.min == nil || n >= *c.min) &&
		(c.pattern == nil || c.pattern.MatchString(text)) &&
		(c.enum == nil || slices.Contains(c.enum, text))
	if ok {
		return
	}
	var rules []string
	if c.max != nil {
		rules = append(rules, ruleMax(kindString, *c.max))
	}
	if c.min != nil {
		rules = append(rules, ruleMin(kindString, *c.min))
	}
	if c.pattern != nil {
		rules = append(rules, rulePattern(c.patternText))
	}
	if c.enum != nil {
		rules = append(rules, ruleEnum(c.enum, v.style.HideValues))
	}
	v.add(ListMember, path, shown(), hide, what+" must satisfy constraint: ["+strings.Join(rules, ", ")+"]")
}
