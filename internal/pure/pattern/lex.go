package pattern

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A lexer holds a pattern's text and the position up to which it is read.
type lexer struct {
	text string
	pos  int
}

// checkText refuses a text of more than limit characters, or that is not UTF-8.
func checkText(text string, limit int) *SyntaxError {
	characters := 0
	for i, r := range text {
		if characters == limit {
			return syntaxError(i, "Member must have length less than or equal to "+strconv.Itoa(limit))
		}
		characters++
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
			return syntaxError(i, "The text is not valid UTF-8")
		}
	}
	return nil
}

func (l *lexer) atEnd() bool { return l.pos == len(l.text) }

// peek returns the next byte, or 0 at the end. A NUL in the text is a NUL
// nowhere allowed outside quotes, so the two need not be told apart.
func (l *lexer) peek() byte {
	if l.atEnd() {
		return 0
	}
	return l.text[l.pos]
}

// accept reads s if it comes next.
func (l *lexer) accept(s string) bool {
	if !strings.HasPrefix(l.text[l.pos:], s) {
		return false
	}
	l.pos += len(s)
	return true
}

// blanks reads blanks and reports whether there were any.
func (l *lexer) blanks() bool {
	start := l.pos
	for !l.atEnd() && isBlank(l.text[l.pos]) {
		l.pos++
	}
	return l.pos > start
}

// run reads the longest run of characters that belong.
func (l *lexer) run(belongs func(rune) bool) string {
	start := l.pos
	for !l.atEnd() {
		r, size := utf8.DecodeRuneInString(l.text[l.pos:])
		if !belongs(r) {
			break
		}
		l.pos += size
	}
	return l.text[start:l.pos]
}

// char returns the next character, for messages.
func (l *lexer) char() string {
	_, size := utf8.DecodeRuneInString(l.text[l.pos:])
	return l.text[l.pos : l.pos+size]
}

// unexpected complains about the next word or other character, or about the
// end of the text and what should have been there.
func (l *lexer) unexpected(want string) *SyntaxError {
	if l.atEnd() {
		return syntaxError(l.pos, "The text ends where "+want+" should be")
	}
	begin := l.pos
	if word := l.run(isWordChar); word != "" {
		return invalidTerm(begin, word)
	}
	return invalidTerm(begin, l.char())
}

// quoted reads a quoted text, of which the opening quote comes next, and
// returns what it means.
func (l *lexer) quoted() (string, *SyntaxError) {
	open := l.pos
	l.pos++
	var meaning strings.Builder
	for !l.atEnd() {
		c := l.text[l.pos]
		if c == '"' {
			l.pos++
			if meaning.Len() == 0 {
				return "", invalidTerm(open, `""`)
			}
			return meaning.String(), nil
		}
		if c == '\\' && l.pos+1 < len(l.text) && (l.text[l.pos+1] == '"' || l.text[l.pos+1] == '\\') {
			l.pos++
			c = l.text[l.pos]
		}
		meaning.WriteByte(c)
		l.pos++
	}
	return "", syntaxError(open, "The quote that begins here has no end")
}

// regex reads a regular expression, of which the opening percent sign comes next.
func (l *lexer) regex() (*regex, *SyntaxError) {
	open := l.pos
	end := strings.IndexByte(l.text[open+1:], '%')
	if end < 0 {
		return nil, syntaxError(open, "The regular expression that begins here has no end")
	}
	if end == 0 {
		return nil, invalidTerm(open, "%%")
	}
	re, err := parseRegex(l.text[open+1 : open+1+end])
	if err != nil {
		err.Pos += open + 1
		return nil, err
	}
	l.pos = open + 1 + end + 1
	return re, nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWordChar(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

func isNameChar(r rune) bool { return isWordChar(r) || r == '-' }

func isBareChar(r rune) bool {
	return isWordChar(r) || r == '.' || r == '*' || r == '+' || r == '-'
}

func isDigitChar(r rune) bool { return '0' <= r && r <= '9' }

// consistsOf reports whether s is not empty and all its characters belong.
func consistsOf(s string, belongs func(rune) bool) bool {
	l := lexer{text: s}
	return s != "" && l.run(belongs) == s
}
