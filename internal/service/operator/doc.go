// Package operator is the one service of our own, named tributary: what the
// operator of an installation needs and AWS has no protocol for. AWS makes
// accounts when somebody signs up; here an operator makes them, with a root
// access key each.
//
// It goes through the Dispatcher as every service does, with AWS JSON 1.1,
// signatures and policies. CreateAccount and ListAccounts answer only the
// management account of the installation, and in it whoever may do
// tributary:CreateAccount or tributary:ListAccounts on *.
//
// Every account may ask why something of its own is refused: explain.go has the
// operations, explain_view.go what each side of a subscription gets to see,
// explain_words.go and explain_change.go how it is said, explain_access.go a
// single access. The checks themselves are delivery's, which acts on them. And it
// may see what has become of the events of its subscriptions (status.go), and let one
// begin in the past (backfill.go).
package operator
