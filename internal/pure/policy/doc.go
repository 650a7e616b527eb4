// Package policy is the IAM policy language: it parses documents, decides
// requests and says why.
//
// Everything here is a function of its arguments: no I/O, no clock, no global
// that changes. What a decision needs to know about the world (who is asking,
// the time, the organization, the tags) comes in as a [Request]; which policies
// bear on it comes in as [Policies].
//
//	text ──Parse(text, usage)──▶ *Document ─┐
//	                                        ├─▶ Evaluate(request, policies, rule) ─▶ Decision
//	principal, action, resource, context ───┘   Explain: the same, with Reasons
//
// Reading order: policy.go (the words), document.go (what a document can be
// asked), decide.go (the rules of combination, in one function), statement.go
// and condition.go (when a statement matches). The way in for text is syntax.go
// (JSON to a tree, strictly) and check.go (the tree to a compiled document, or
// IAM's complaint).
//
// # Failing closed
//
// A document is parsed strictly: keys have exactly IAM's case, a name occurs
// once in an object, unknown keys, condition operators and malformed values are
// refused. What was refused cannot be stored, so evaluation never meets it; a
// [Source] without a document, or with one parsed for another purpose, denies
// the request. The zero [Effect] is a denial.
//
// # Checked against something else
//
// judge_test.go decides the same requests by other means (the JSON as written,
// regular expressions, rationals, sets of names), generate_test.go makes policies
// that nearly fit, and differential_test.go compares: POLICY_SCENES and
// POLICY_SEED set how many and which. planted_test.go holds bugs that the
// comparison must find; POLICY_PLANTED=1 plants them. cases_test.go runs case
// files, laws_test.go what must be true of every decision.
package policy
