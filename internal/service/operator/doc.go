// Package operator is the one service of our own, named tributary: what the
// operator of an installation needs and AWS has no protocol for. AWS makes
// accounts when somebody signs up; here an operator makes them, with a root
// access key each.
//
// It goes through the Dispatcher as every service does, with AWS JSON 1.1,
// signatures and policies. Only the management account of the installation is
// answered, and in it whoever may do tributary:CreateAccount or
// tributary:ListAccounts on *.
package operator
