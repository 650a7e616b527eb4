package policy

import "strings"

// arnTest is ArnEquals, ArnLike (which are the same) and their negations. The six
// parts of an ARN are compared one by one, wildcards stay within their part, and
// only the last part may hold colons.
type arnTest []arnPattern

type arnPattern struct {
	// parts are the six parts; nil where the pattern is one variable that stands
	// for a whole ARN, or no ARN at all, which matches nothing.
	parts []pattern
	whole *pattern
}

const arnParts = 6

func newARNTest(values []string, _ order, withVariables bool) (test, error) {
	mode := wildcards
	if withVariables {
		mode |= variables
	}
	t := make(arnTest, 0, len(values))
	for _, v := range values {
		var a arnPattern
		parts := splitARN(v, withVariables)
		for _, part := range parts {
			p, err := compilePattern(part, mode)
			if err != nil {
				return nil, err
			}
			a.parts = append(a.parts, p)
		}
		switch {
		case len(parts) == 1 && len(a.parts[0].tokens) == 1 && a.parts[0].variables:
			a.whole, a.parts = &a.parts[0], nil
		case len(parts) != arnParts:
			a.parts = nil
		}
		t = append(t, a)
	}
	return t, nil
}

func (t arnTest) succeeds(ctx Context, value string) bool {
	var parts [arnParts]string
	if !cutARN(value, &parts) {
		return false
	}
	for i := range t {
		if t[i].matches(ctx, value, &parts) {
			return true
		}
	}
	return false
}

func (a *arnPattern) matches(ctx Context, value string, parts *[arnParts]string) bool {
	if a.whole != nil {
		return a.whole.matches(ctx, value)
	}
	if a.parts == nil {
		return false
	}
	for i := range a.parts {
		if !a.parts[i].matches(ctx, parts[i]) {
			return false
		}
	}
	return true
}

// cutARN splits a value of a request into the parts of an ARN.
func cutARN(s string, parts *[arnParts]string) bool {
	if !strings.HasPrefix(s, "arn:") {
		return false
	}
	for i := range arnParts - 1 {
		head, rest, ok := strings.Cut(s, ":")
		if !ok {
			return false
		}
		parts[i], s = head, rest
	}
	parts[arnParts-1] = s
	return true
}
