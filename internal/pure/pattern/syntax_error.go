package pattern

import "strconv"

// A SyntaxError says why a text is not a filter pattern or a selection.
type SyntaxError struct {
	// Pos is the byte offset of the fault in the text; the length of the text
	// when something is missing at its end.
	Pos int
	// Msg is AWS's text where AWS's text is known ("Invalid character(s) in
	// term ':'"), our own elsewhere. AWS puts the kind of pattern in front of
	// it ("Invalid filter pattern: "); here that is left to the caller.
	Msg string
}

// Error returns the message and the position.
func (e *SyntaxError) Error() string {
	return e.Msg + " (at byte " + strconv.Itoa(e.Pos) + ")"
}

// invalidTerm is AWS's complaint about anything its lexer does not expect.
func invalidTerm(pos int, term string) *SyntaxError {
	return &SyntaxError{Pos: pos, Msg: "Invalid character(s) in term '" + term + "'"}
}

func syntaxError(pos int, msg string) *SyntaxError {
	return &SyntaxError{Pos: pos, Msg: msg}
}
