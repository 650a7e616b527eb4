package pattern

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// literals returns the spellings of s as a JSON string literal that matter: with
// only the escapes that must be, with all that may be, and with nothing but \uXXXX.
func literals(s string) []string {
	var plain, slashes, all strings.Builder
	for _, b := range []*strings.Builder{&plain, &slashes, &all} {
		b.WriteByte('"')
	}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			plain.WriteString(`\` + string(r))
		case r == '\n':
			plain.WriteString(`\n`)
		case r == '\t':
			plain.WriteString(`\t`)
		case r == '\r':
			plain.WriteString(`\r`)
		case r == '\b':
			plain.WriteString(`\b`)
		case r == '\f':
			plain.WriteString(`\f`)
		case r < ' ':
			fmt.Fprintf(&plain, `\u%04x`, r)
		default:
			plain.WriteRune(r)
		}
		if r < 0x10000 {
			fmt.Fprintf(&all, `\u%04X`, r)
		} else {
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&all, `\u%04x\u%04x`, high, low)
		}
	}
	for _, b := range []*strings.Builder{&plain, &slashes, &all} {
		b.WriteByte('"')
	}
	slashed := strings.ReplaceAll(plain.String(), "/", `\/`)
	if slashed == plain.String() {
		return []string{plain.String(), all.String()}
	}
	return []string{plain.String(), slashed, all.String()}
}

func TestEventTextIsWhatTheLiteralStandsFor(t *testing.T) {
	for _, tt := range []struct{ literal, want string }{
		{`""`, ""},
		{`"plain text, longer than eight bytes"`, "plain text, longer than eight bytes"},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{`"0123456\n0123456\n"`, "0123456\n0123456\n"},
		{`"01234567\u00e9é\u20AC\ud83d\ude00"`, "01234567éé€😀"},
		{`"\ud83d"`, "\uFFFD"},
		{`"\ud83d\ud83d\ude00"`, "\uFFFD😀"},
		{`"\ude00\u0041"`, "\uFFFDA"},
		{`"\u0000"`, "\x00"},
		{`"\\u0041"`, `\u0041`},
	} {
		var e Event
		e.Reset([]byte(tt.literal))
		if got := string(e.Text()); got != tt.want {
			t.Errorf("Text of %s = %q, want %q", tt.literal, got, tt.want)
		}
	}
}
