package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// tokenKind says what a token of a pattern stands for.
type tokenKind uint8

const (
	literal  tokenKind = iota // its text
	anyRun                    // '*': any run of characters, also none
	anyOne                    // '?': one character
	variable                  // the value of a condition key, taken literally
)

type token struct {
	kind tokenKind
	text string // of a literal; the key of a variable, in lower case
	name string // the key of a variable, as written
	// fallback is the default of a variable, where it has one.
	fallback    string
	hasFallback bool
}

// A pattern is a text with wildcards and policy variables. What a variable
// stands for is compared literally, so that nobody can smuggle a wildcard in by
// choosing their own name or tag.
type pattern struct {
	text      string // as written
	tokens    []token
	variables bool
}

// The ways of reading a pattern.
const (
	wildcards = 1 << iota // '*' and '?' are wildcards
	variables             // "${key}" is a variable (Version 2012-10-17)
)

func compilePattern(text string, mode int) (pattern, error) {
	p := pattern{text: text}
	start := 0 // of the literal that is being collected
	flush := func(end int) {
		if end > start {
			p.tokens = append(p.tokens, token{text: text[start:end]})
		}
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '*' && mode&wildcards != 0:
			flush(i)
			if n := len(p.tokens); n == 0 || p.tokens[n-1].kind != anyRun {
				p.tokens = append(p.tokens, token{kind: anyRun})
			}
			i++
			start = i
		case c == '?' && mode&wildcards != 0:
			flush(i)
			p.tokens = append(p.tokens, token{kind: anyOne})
			i++
			start = i
		case c == '$' && mode&variables != 0 && strings.HasPrefix(text[i:], "${"):
			flush(i)
			tok, length, err := parseVariable(text[i:])
			if err != nil {
				return pattern{}, err
			}
			p.tokens = append(p.tokens, tok)
			p.variables = p.variables || tok.kind == variable
			i += length
			start = i
		default:
			i++
		}
	}
	flush(len(text))
	return p, nil
}

// parseVariable reads a variable at the start of s: ${key}, ${key, 'default'},
// or one of ${*}, ${?}, ${$}, which are the characters themselves. It returns
// its length in s.
func parseVariable(s string) (token, int, error) {
	if len(s) >= 4 && s[3] == '}' && strings.IndexByte("*?$", s[2]) >= 0 {
		return token{text: s[2:3]}, 4, nil
	}
	end := strings.IndexAny(s, ",}")
	if end < 0 {
		return token{}, 0, errors.New("a policy variable has no closing brace")
	}
	key := strings.TrimSpace(s[2:end])
	if key == "" || strings.ContainsAny(key, "${'*?") {
		return token{}, 0, fmt.Errorf("%q is not the name of a policy variable", key)
	}
	tok := token{kind: variable, text: strings.ToLower(key), name: key}
	if s[end] == '}' {
		return tok, end + 1, nil
	}
	rest := strings.TrimLeft(s[end+1:], " ")
	if !strings.HasPrefix(rest, "'") {
		return token{}, 0, fmt.Errorf("the default of policy variable %q is not in single quotes", key)
	}
	value, rest, ok := strings.Cut(rest[1:], "'")
	rest = strings.TrimLeft(rest, " ")
	if !ok || !strings.HasPrefix(rest, "}") {
		return token{}, 0, fmt.Errorf("policy variable %q does not end with '}", key)
	}
	tok.fallback, tok.hasFallback = value, true
	return tok, len(s) - len(rest) + 1, nil
}

// expandedRoom is the number of tokens that are expanded without allocating.
const expandedRoom = 16

// matches reports whether s matches, with variables from the context. A variable
// without a value (its key is absent and it has no default, or its key has
// several values) matches nothing.
func (p *pattern) matches(ctx Context, s string) bool {
	if !p.variables {
		return matchTokens(p.tokens, s, false)
	}
	var room [expandedRoom]token
	expanded, ok := expand(room[:0], p.tokens, ctx)
	return ok && matchTokens(expanded, s, false)
}

// matchesFold reports whether s matches without regard to the case of ASCII
// letters. The pattern has no variables and is in lower case.
func (p *pattern) matchesFold(s string) bool { return matchTokens(p.tokens, s, true) }

// expand appends the tokens to dst, with variables replaced by what they stand
// for.
func expand(dst, tokens []token, ctx Context) ([]token, bool) {
	for _, t := range tokens {
		if t.kind == variable {
			values := ctx[t.text]
			switch {
			case len(values) == 1:
				t = token{text: values[0]}
			case len(values) == 0 && t.hasFallback:
				t = token{text: t.fallback}
			default:
				return nil, false
			}
		}
		dst = append(dst, t)
	}
	return dst, true
}

// value is the text that a pattern without wildcards stands for.
func (p *pattern) value(ctx Context) (string, bool) {
	if !p.variables && len(p.tokens) == 1 {
		return p.tokens[0].text, true
	}
	expanded, ok := expand(nil, p.tokens, ctx)
	if !ok {
		return "", false
	}
	var b strings.Builder
	for _, t := range expanded {
		b.WriteString(t.text)
	}
	return b.String(), true
}

// matchTokens matches greedily and comes back only to the last '*', which is
// enough: what an earlier '*' would take more, the last one can take instead. It
// needs time in the product of the lengths at worst, and no memory.
func matchTokens(tokens []token, s string, fold bool) bool {
	t, i := 0, 0
	star, mark := -1, 0
	for {
		if t == len(tokens) {
			if i == len(s) {
				return true
			}
		} else {
			tok := &tokens[t]
			switch tok.kind {
			case anyRun:
				if t == len(tokens)-1 {
					return true
				}
				star, mark = t, i
				t++
				continue
			case anyOne:
				if i == len(s) {
					return false
				}
				_, n := utf8.DecodeRuneInString(s[i:])
				i, t = i+n, t+1
				continue
			default:
				if hasPrefix(s[i:], tok.text, fold) {
					i, t = i+len(tok.text), t+1
					continue
				}
			}
		}
		if star < 0 || mark == len(s) {
			return false
		}
		_, n := utf8.DecodeRuneInString(s[mark:])
		mark += n
		t, i = star+1, mark
	}
}

func hasPrefix(s, prefix string, fold bool) bool {
	if !fold {
		return strings.HasPrefix(s, prefix)
	}
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lowerByte(s[i]) != prefix[i] {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// compileAction compiles an action pattern. Actions have no variables and no
// case.
func compileAction(text string) pattern {
	p, err := compilePattern(lowerASCII(text), wildcards)
	if err != nil {
		panic("policy: a pattern without variables cannot fail: " + err.Error())
	}
	p.text = text
	return p
}

// compileResource compiles a resource pattern. Wildcards cross colons and
// slashes; variables count from the sixth part of the ARN on only, elsewhere they
// are plain text.
func compileResource(text string, withVariables bool) (pattern, error) {
	parts := splitARN(text, withVariables)
	// IAM takes an ARN with parts left off at the end, but not one whose parts
	// cannot be told apart.
	if len(parts) > 2 && parts[2] == "" || len(parts) < 6 && strings.Contains(text, "::") {
		return pattern{}, fmt.Errorf("%q is not an ARN", text)
	}
	if !withVariables || len(parts) < 6 {
		return compilePattern(text, wildcards)
	}
	head, err := compilePattern(text[:len(text)-len(parts[5])], wildcards)
	if err != nil {
		return pattern{}, err
	}
	tail, err := compilePattern(parts[5], wildcards|variables)
	if err != nil {
		return pattern{}, err
	}
	return pattern{text: text, tokens: append(head.tokens, tail.tokens...), variables: tail.variables}, nil
}

// splitARN splits a pattern at its first five colons; colons inside of variables
// do not count.
func splitARN(text string, withVariables bool) []string {
	var parts []string
	start := 0
	for i := 0; i < len(text) && len(parts) < 5; i++ {
		if withVariables && strings.HasPrefix(text[i:], "${") {
			if end := strings.IndexByte(text[i:], '}'); end > 0 {
				i += end
				continue
			}
		}
		if text[i] == ':' {
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}
