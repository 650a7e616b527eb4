package leases

import (
	"strings"
	"testing"

	"tributary/internal/service/api"
)

func str(s string) value { return value{S: &s} }

// anItem is what the expressions of these tests are asked about.
func anItem() item {
	return item{
		"owner": str("w1"), "counter": number("10"), "names": {SS: []string{"a", "b"}},
		"numbers": {NS: []string{"1", "2"}}, "list": {L: []value{str("x")}},
	}
}

var theNames = map[string]string{"#o": "owner", "#c": "counter", "#none": "absent"}

func theValues() item {
	return item{
		":w1": str("w1"), ":w": str("w"), ":ten": number("10"), ":nine": number("9"), ":eleven": number("11"),
		":a": str("a"), ":S": str("S"), ":set": {SS: []string{"b", "c"}},
	}
}

func evaluate(text string) (bool, error) {
	p, err := newParser("ConditionExpression", text, &placeholders{names: theNames, values: theValues(), used: map[string]bool{}})
	if err != nil {
		return false, err
	}
	c, err := p.parseCondition()
	if err != nil {
		return false, err
	}
	return c(anItem()), nil
}

func TestConditionsHoldAsTheirWordsSay(t *testing.T) {
	for text, want := range map[string]bool{
		"owner = :w1":  true,
		"#o = :w1":     true,
		"#o <> :w1":    false,
		"#none = :w1":  false,
		"#none <> :w1": true,
		":w1 = #o":     true,
		"attribute_exists(#o) AND attribute_not_exists(#none)": true,
		"attribute_exists(#none) OR #c = :ten":                 true,
		"NOT attribute_exists(#none)":                          true,
		"not not #c = :ten":                                    true,
		"#c > :nine":                                           true, // as numbers, not as texts
		"#c >= :ten and #c <= :ten":                            true,
		"#c < :nine":                                           false,
		"#c < :w1":                                             false, // of different kinds
		"#c BETWEEN :nine AND :eleven":                         true,
		"#c IN (:nine, :ten)":                                  true,
		"#c IN (:nine)":                                        false,
		"begins_with(#o, :w)":                                  true,
		"contains(names, :a)":                                  true,
		"contains(#o, :a)":                                     false,
		"attribute_type(#o, :S)":                               true,
		"size(names) < :nine":                                  true,
		"#c = :nine OR #c = :ten AND #o = :w1":                 true,
		"(#c = :ten OR #c = :nine) AND #o = :w":                false,
	} {
		if got, err := evaluate(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestExpressionsThatAreNoneAreRefused(t *testing.T) {
	for _, text := range []string{
		"", " ", "owner", "owner =", "= :w1", "owner = :unknown", "#unknown = :w1", "owner = w1 :w1", "(owner = :w1", "owner = :w1)",
		"owner & :w1", "AND = :w1", "nonsense(owner)", "attribute_exists(:w1)", "attribute_exists(owner", "9x = :w1",
		"owner BETWEEN :a", "owner IN :a", "owner IN (:a", "NOT", "owner.part = :w1",
		strings.Repeat("(", 100) + "owner = :w1" + strings.Repeat(")", 100),
		strings.Repeat("a", maxExpression+1),
	} {
		_, err := evaluate(text)
		if e, ok := api.AsException(err); !ok || e.Code != "ValidationException" {
			t.Errorf("%.40q: got %v, want ValidationException", text, err)
		}
	}
}

func update(text string) (item, error) {
	p, err := newParser("UpdateExpression", text, &placeholders{names: theNames, values: theValues(), used: map[string]bool{}})
	if err != nil {
		return nil, err
	}
	changes, err := p.parseUpdate()
	if err != nil {
		return nil, err
	}
	old, next := anItem(), anItem()
	for _, c := range changes {
		var before *value
		if v, ok := old[c.attribute]; ok {
			before = &v
		}
		after, err := c.apply(old, before)
		switch {
		case err != nil:
			return nil, err
		case after == nil:
			delete(next, c.attribute)
		default:
			next[c.attribute] = *after
		}
	}
	return next, nil
}

func TestUpdatesChangeWhatTheyName(t *testing.T) {
	for _, c := range []struct {
		text, attribute string
		want            *value
	}{
		{"SET #o = :a", "owner", ptr(str("a"))},
		{"SET #c = #c + :nine", "counter", ptr(number("19"))},
		{"SET #c = #c - :eleven, #o = :a", "counter", ptr(number("-1"))},
		{"SET #none = if_not_exists(#none, :a)", "absent", ptr(str("a"))},
		{"SET #o = if_not_exists(#o, :a)", "owner", ptr(str("w1"))},
		{"REMOVE #o SET #c = :nine", "owner", nil},
		{"ADD #c :nine", "counter", ptr(number("19"))},
		{"ADD absent :nine", "absent", ptr(number("9"))},
		{"ADD names :set", "names", &value{SS: []string{"a", "b", "c"}}},
		{"DELETE names :set", "names", &value{SS: []string{"a"}}},
	} {
		next, err := update(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got, ok := next[c.attribute]
		if ok != (c.want != nil) || ok && !got.equal(c.want) {
			t.Errorf("%s: got %+v (there: %v), want %+v", c.text, got, ok, c.want)
		}
	}
	for _, text := range []string{
		"", "SET", "SET #o", "SET #o = ", "SET #o = :a,", "SET #o = :a SET #c = :nine", "SET #o = :a, #o = :w1", "REMOVE #o, #o",
		"ADD #o :nine", "ADD names :nine", "DELETE #c :nine", "SET #o = #none", "SET #o = #o + :nine", "FROB #o", "SET #o = :a REMOVE",
		"SET #c = " + strings.Repeat("if_not_exists(#none, ", 50) + ":a" + strings.Repeat(")", 50),
	} {
		if _, err := update(text); err == nil {
			t.Errorf("%.40q: got no error", text)
		} else if _, ok := api.AsException(err); !ok {
			t.Errorf("%.40q: got %v, want a refusal", text, err)
		}
	}
}

func ptr(v value) *value { return &v }

func TestNumbersAreExact(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "007": "7", "1.50": "1.5", "1e3": "1000", "1.5e-3": "0.0015", "+2": "2", "-12.340": "-12.34", ".5": "0.5", "5.": "5",
		"99999999999999999999999999999999999999": "99999999999999999999999999999999999999",
	} {
		d, err := parseNumber(text)
		if err != nil || d.String() != want {
			t.Errorf("%s: got %v, %v; want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"", "x", "1x", "--1", "1e", "1e9999", "1e126", "1e-131", ".", "+", "0x10", "1_000", "1" + strings.Repeat("0", 300), "123456789012345678901234567890123456789"} {
		if d, err := parseNumber(text); err == nil {
			t.Errorf("%.40q: got %v, want an error", text, d)
		}
	}
	a, _ := parseNumber("1e125")
	b, _ := parseNumber("1e-130")
	if _, err := a.plus(b, 1); err == nil {
		t.Error("a sum of 256 digits: got no error")
	}
}

func FuzzExpressions(f *testing.F) {
	f.Add("attribute_exists(#o) AND (#c = :ten OR NOT size(names) IN (:nine))")
	f.Add("SET #c = #c + :nine, #o = if_not_exists(#none, :a) REMOVE names ADD absent :nine DELETE numbers :set")
	f.Fuzz(func(t *testing.T, text string) {
		for name, run := range map[string]func() error{
			"condition": func() error { _, err := evaluate(text); return err },
			"update":    func() error { _, err := update(text); return err },
		} {
			if err := run(); err != nil {
				if _, ok := api.AsException(err); !ok {
					t.Errorf("%s: got %v, want a refusal or none", name, err)
				}
			}
		}
	})
}
