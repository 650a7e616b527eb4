package logs

import (
	"errors"
	"fmt"
	"strings"
)

// A groupSelection is the selectionCriteria of an account-level policy: the log
// groups that it leaves out. The nil one leaves out none.
//
//	selection = "LogGroupName" "NOT" "IN" "[" name { "," name } "]" .
//	name      = `"` log group name `"` .
//
// Blanks may stand between all parts and must between the words. It is the one
// form that AWS takes.
type groupSelection map[string]bool

// covers reports whether the policy is for the log group.
func (g groupSelection) covers(name string) bool { return !g[name] }

// parseGroupSelection reads selection criteria. The error is for the caller.
func parseGroupSelection(text string) (groupSelection, error) {
	rest := text
	for i, word := range []string{"LogGroupName", "NOT", "IN"} {
		next, ok := strings.CutPrefix(skipBlanks(rest), word)
		if !ok || i > 0 && skipBlanks(rest) == rest {
			return nil, errors.New(`they must have the form LogGroupName NOT IN ["name", "name"]`)
		}
		rest = next
	}
	rest, ok := strings.CutPrefix(skipBlanks(rest), "[")
	if !ok {
		return nil, errors.New("'[' is expected after IN")
	}
	excluded := groupSelection{}
	for {
		name, after, err := cutGroupName(skipBlanks(rest))
		if err != nil {
			return nil, err
		}
		excluded[name] = true
		rest = skipBlanks(after)
		if after, more := strings.CutPrefix(rest, ","); more {
			rest = after
			continue
		}
		after, ok := strings.CutPrefix(rest, "]")
		if !ok {
			return nil, errors.New("',' or ']' is expected after a name")
		}
		if skipBlanks(after) != "" {
			return nil, errors.New("nothing may follow the list of names")
		}
		return excluded, nil
	}
}

// cutGroupName takes a log group's name in double quotes from the front.
func cutGroupName(text string) (name, rest string, err error) {
	text, ok := strings.CutPrefix(text, `"`)
	if !ok {
		return "", "", errors.New("a log group's name in double quotes is expected")
	}
	name, rest, ok = strings.Cut(text, `"`)
	if !ok {
		return "", "", errors.New("a name has no closing quote")
	}
	if !validGroupName(name) || len(name) > maxNameLength {
		return "", "", fmt.Errorf("%q is not a log group's name", shorten(name))
	}
	return name, rest, nil
}

func skipBlanks(text string) string { return strings.TrimLeft(text, " \t\r\n") }
