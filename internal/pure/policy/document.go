package policy

import (
	"slices"
	"strings"

	"tributary/internal/pure/arn"
)

// Usage is what a document is for. It decides which elements must and must not
// be there.
type Usage uint8

// The usages of a document.
const (
	// Identity: an inline policy of a user, group or role. No principal;
	// resources are required; any Version.
	Identity Usage = iota + 1
	// Managed: as Identity, but Version must be 2012-10-17 (CreatePolicy,
	// CreatePolicyVersion; also what a permissions boundary is made of).
	Managed
	// ForSession: the Policy of AssumeRole or GetFederationToken. As Identity.
	ForSession
	// Resource: the access policy of a destination, a stream or the like.
	// Principal and Resource are required. AWS stores such policies with an AWS
	// principal that is no principal at all ("logs.amazonaws.com"): it is
	// accepted here and matches nobody.
	Resource
	// Trust: a role's trust policy. Principal is required, Resource forbidden,
	// only the actions of AssumeRole are possible.
	Trust
	// SCP: a service control policy. As Identity, but any Version.
	SCP
	// RCP: a resource control policy. Principal must be "*", and Effect Deny, except
	// in a statement that allows everything (RCPFullAWSAccess). There is no NotAction.
	RCP
)

// MaxSize is the longest text in bytes that Parse looks at. It is the bound of
// the API (policyDocumentType); the quotas of IAM, Organizations and the
// services are lower and belong to them.
const MaxSize = 131072

// Version2012 is the language version that knows policy variables.
const Version2012 = "2012-10-17"

const version2008 = "2008-10-17"

// A Document is a parsed policy. It does not change and may be used by several
// goroutines. The zero Document allows nothing; get one from Parse.
type Document struct {
	usage      Usage
	version    string
	id         string
	statements []statement
}

// Parse reads a policy document strictly and checks it for its usage. The error
// is always a *ParseError. Time and memory are bounded by a small multiple of
// the length of the text, which is at most MaxSize.
func Parse(text string, usage Usage) (*Document, error) {
	tree, perr := readSyntax(text, usage)
	if perr != nil {
		return nil, perr
	}
	d, perr := compile(tree, usage)
	if perr != nil {
		return nil, perr
	}
	return d, nil
}

// Usage is what the document was parsed for.
func (d *Document) Usage() Usage { return d.usage }

// Version is the language version; 2008-10-17 where the document has none.
func (d *Document) Version() string { return d.version }

// ID is the document's Id, empty where it has none.
func (d *Document) ID() string { return d.id }

// A Position is a place in the text of a document: a line, and a character of it,
// both counted from 1.
type Position struct{ Line, Column int32 }

// A Statement is a read-only view of one statement, as it was written.
type Statement struct {
	Index int // from 0
	// From is the place behind what separates the statement from what stands before
	// it, To the place behind its end: what the policy simulator calls StartPosition
	// and EndPosition.
	From, To Position
	Sid      string
	Effect   Effect // Allow or ExplicitDeny
	// Principals are those of Principal, or of NotPrincipal where NotPrincipal is
	// true; empty in policies of identities.
	Principals   []PrincipalName
	NotPrincipal bool
	// Actions are those of Action, or of NotAction where NotAction is true.
	Actions   []string
	NotAction bool
	// Resources are those of Resource, or of NotResource where NotResource is
	// true; empty in trust policies.
	Resources   []string
	NotResource bool
	// ConditionKeys are in lower case, sorted, each once.
	ConditionKeys []string
}

// HasConditionKey reports whether the statement has a condition on the key,
// which may be in any case.
func (s Statement) HasConditionKey(key string) bool {
	return slices.Contains(s.ConditionKeys, strings.ToLower(key))
}

// Statements returns a view of every statement, in order.
func (d *Document) Statements() []Statement {
	views := make([]Statement, len(d.statements))
	for i := range d.statements {
		views[i] = d.statements[i].view(i)
	}
	return views
}

// ConditionKeys returns the condition keys of all statements, in lower case,
// sorted, each once. Keys that occur only in policy variables are not among
// them; see ContextKeys.
func (d *Document) ConditionKeys() []string {
	var keys []string
	for i := range d.statements {
		for j := range d.statements[i].conditions {
			keys = append(keys, d.statements[i].conditions[j].key)
		}
	}
	return sortedOnce(keys)
}

// ContextKeys returns every key of the request context that the document refers
// to, in conditions and in policy variables, in lower case, sorted, each once.
func (d *Document) ContextKeys() []string {
	var keys []string
	for i := range d.statements {
		d.statements[i].eachKey(func(name string) { keys = append(keys, strings.ToLower(name)) })
	}
	return sortedOnce(keys)
}

// ContextKeyNames returns the same keys as they are written, in the order of the
// text, each once in its first spelling (GetContextKeysForCustomPolicy).
func (d *Document) ContextKeyNames() []string { return keyNames(d.statements) }

// HasCondition reports whether any statement has a condition on the key, which
// may be in any case.
func (d *Document) HasCondition(key string) bool {
	key = strings.ToLower(key)
	for i := range d.statements {
		for j := range d.statements[i].conditions {
			if d.statements[i].conditions[j].key == key {
				return true
			}
		}
	}
	return false
}

// ResolvePrincipals returns a copy of the document in which the ARN of each user
// and role among the principals is replaced, for matching, by the unique id that
// resolve gives for it. IAM does so when it stores a policy, so that a user or
// role that is deleted and made again under the same name is not the same
// principal. Where resolve returns "", the ARN stays. Statements still shows the
// document as it was written.
func (d *Document) ResolvePrincipals(resolve func(arn.ARN) string) *Document {
	resolved := *d
	resolved.statements = slices.Clone(d.statements)
	for i := range resolved.statements {
		if p := resolved.statements[i].principals; p != nil {
			resolved.statements[i].principals = p.resolve(resolve)
		}
	}
	return &resolved
}

func sortedOnce(keys []string) []string {
	slices.Sort(keys)
	return slices.Compact(keys)
}
