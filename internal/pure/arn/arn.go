// Package arn holds the names of AWS things: account ids, Regions and Amazon
// Resource Names, and the wildcard match that policies use on them. A value of
// one of its types has been checked, or comes from code of ours that built it.
package arn

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// AccountID is a 12-digit account number.
type AccountID string

// ParseAccountID returns s as an AccountID if it is 12 ASCII digits.
func ParseAccountID(s string) (AccountID, error) {
	if len(s) != 12 {
		return "", fmt.Errorf("account id %q: want 12 digits", s)
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return "", fmt.Errorf("account id %q: want 12 digits", s)
		}
	}
	return AccountID(s), nil
}

// Root returns the ARN of the account's root user.
func (a AccountID) Root() ARN { return New("iam", "", a, "root") }

// Region is the code of a Region, such as us-east-1.
type Region string

// ParseRegion returns s as a Region. Any name of lower-case letters, digits and
// inner hyphens of at most 64 bytes is a Region: an operator may name their own.
func ParseRegion(s string) (Region, error) {
	if s == "" || len(s) > 64 || s[0] == '-' || s[len(s)-1] == '-' {
		return "", fmt.Errorf("region %q: want lower-case letters, digits and inner hyphens", s)
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return "", fmt.Errorf("region %q: want lower-case letters, digits and inner hyphens", s)
		}
	}
	return Region(s), nil
}

// ARN is the text of an Amazon Resource Name,
// arn:partition:service:region:account:resource.
type ARN string

// New builds an ARN in the partition aws.
func New(service string, region Region, account AccountID, resource string) ARN {
	return ARN("arn:aws:" + service + ":" + string(region) + ":" + string(account) + ":" + resource)
}

// Parts are the six parts of an ARN, without the leading "arn". Resource may
// hold colons.
type Parts struct {
	Partition string
	Service   string
	Region    Region
	Account   AccountID
	Resource  string
}

// Parse splits s into its parts. It checks the shape, that the partition and
// service are not empty, and that an account id, where there is one, is 12
// digits (or the word aws, as in ARNs of managed policies).
func Parse(s string) (Parts, error) {
	f := strings.SplitN(s, ":", 6)
	if len(f) != 6 || f[0] != "arn" || f[1] == "" || f[2] == "" || f[5] == "" {
		return Parts{}, fmt.Errorf("%q is not an ARN", s)
	}
	if f[4] != "" && f[4] != "aws" {
		if _, err := ParseAccountID(f[4]); err != nil {
			return Parts{}, fmt.Errorf("%q is not an ARN: %w", s, err)
		}
	}
	return Parts{Partition: f[1], Service: f[2], Region: Region(f[3]), Account: AccountID(f[4]), Resource: f[5]}, nil
}

// Parts splits an ARN that is known to be well formed; for any other text the
// parts are empty.
func (a ARN) Parts() Parts {
	p, err := Parse(string(a))
	if err != nil {
		return Parts{}
	}
	return p
}

// Account is the account part of a well-formed ARN.
func (a ARN) Account() AccountID { return a.Parts().Account }

// Match reports whether s matches pattern, in which '*' stands for any run of
// characters, also none, and '?' for any one character; a byte that is not UTF-8
// counts as a character. Case counts. It takes time in the product of the two
// lengths at worst, and allocates nothing.
func Match(pattern, s string) bool {
	// p and i walk. After a '*', star is the place behind it and mark the end of
	// what it has taken so far; a mismatch makes it take one character more. Only
	// the last '*' can be asked: what an earlier one would take, it can take too.
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			star, mark = p, i
		case p < len(pattern) && pattern[p] == '?':
			p++
			i += characterLen(s[i:])
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark += characterLen(s[mark:])
			p, i = star, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func characterLen(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}
