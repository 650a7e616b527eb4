// Package pattern reads and applies CloudWatch Logs filter patterns: the text
// that decides which log events a subscription filter sends to another
// account, a metric filter counts, and FilterLogEvents returns.
//
// Everything here is a function of its arguments: no I/O, no clock, nothing of
// ours imported. A [Pattern] never changes after [Parse] and may be used by
// any number of goroutines.
//
//	text ──lex──parse──▶ node ──────▶ Pattern ◀──── Event ◀── literal
//	  (lex.go, parse*.go)  │(node.go)    │        (event.go)
//	                       ▼             ├─ terms.go    search
//	                    String()         ├─ select.go   selectors, merged;  walk.go  JSON walker
//	                                     └─ columns.go  splitter
//	                                        compare.go  values;  machine.go  expressions
//
// # The three languages
//
// The first character decides, and nothing is trimmed before it is looked at:
// '{' begins a JSON pattern, '[' a space-delimited one, anything else a list
// of terms. An empty or blank pattern matches every event. A pattern has at
// most 1024 characters, and letter case counts everywhere.
//
//	pattern   = [ blanks ] | terms | json | columns .
//	terms     = [ blanks ] term { blanks term } [ blanks ] .
//	term      = [ "-" | "?" ] ( word | quoted | regex ) .
//	word      = wordchar { wordchar } .
//	wordchar  = letter | digit | "_" .
//	quoted    = `"` char { char } `"` .          // \" and \\ are escapes; any other \ is itself
//	regex     = "%" alternative { "|" alternative } "%" .
//
//	json      = "{" _ or _ "}" .
//	or        = and { _ "||" _ and } .
//	and       = primary { _ "&&" _ primary } .   // binds tighter than ||
//	primary   = "(" _ or _ ")" | condition .
//	condition = selector _ ( ( "=" | "!=" ) _ value
//	                       | ( "<" | "<=" | ">" | ">=" ) _ number
//	                       | "IS" blanks ( "NULL" | "TRUE" | "FALSE" )
//	                       | "NOT" blanks "EXISTS" ) .
//	selector  = "$" step { step } .
//	step      = "." ( name | "*" ) | [ "." ] "['" char { char } "']" | "[" ( digits | "*" ) "]" .
//	name      = ( wordchar | "-" ) { wordchar | "-" } .
//	value     = number | bare | quoted | regex .
//	number    = [ "+" | "-" ] ( digits [ "." [ digits ] ] | "." digits ) [ ( "e" | "E" ) [ "+" | "-" ] digits ] .
//	bare      = barechar { barechar } .
//	barechar  = wordchar | "." | "*" | "+" | "-" .
//
//	columns   = "[" [ item { "," item } ] "]" .
//	item      = _ ( "..." | field | "" ) _ .     // "" is a field without a name; at most one "..."
//	field     = name [ _ compare { _ ( "&&" | "||" ) _ name _ compare } ] .   // always the same name
//	compare   = ( "=" | "!=" ) _ value | ( "<" | "<=" | ">" | ">=" ) _ number .
//
// "_" stands for optional blanks; a blank is a space, a tab or a line break; a
// letter is any Unicode letter.
//
// # What they mean
//
// Terms (terms.go): a term is found anywhere in the event, also inside a word.
// All plain terms must be there and no "-" term may be. "?" terms ask for any
// one of them, and count for nothing beside a term of another kind.
//
// JSON (walk.go, compare.go): the whole event must be one JSON text; no
// condition holds otherwise, NOT EXISTS included. A comparison is about a
// string or a number; on an object, an array, true, false, null or a missing
// member both = and != are false. An unquoted number compares with a JSON
// number by value, exactly, at any size; everything else compares as text, a
// JSON number by its own spelling. Where an object repeats a name the last
// member counts; the step ".*" sees every one.
//
// Space-delimited (columns.go): the event is split at spaces and tabs;
// "[…]" and "\"…\"" at the start of a field make one field of what is inside.
// The last field takes the rest of the line. "..." stands for any number of
// fields, which like fields without a name are called by their position, and
// "[]" means "[...]".
//
// The asterisk (compare.go) in a value is a wildcard, searched from left to
// right without a second try: "111*111" does not match "111.111.111.111",
// because the second 111 found is not the last. That is what AWS does.
//
// Regular expressions (regex.go) have no groups, which is what lets machine.go
// run them all at once, one bit for each character of the expression.
//
// # Cost
//
// Time grows with the length of the event, times that of the pattern; nothing
// backtracks. [Pattern.Match] does not allocate once its buffers have grown.
package pattern
