package iam

import (
	"io"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
)

// A trustRecord is what is stored of a role's trust policy.
type trustRecord struct {
	Text string `json:"text"` // as it was given
	// Pins are the users and roles that the text names, each with the unique id it
	// had when the text was stored. Only that one is meant: a user that is deleted
	// and made again under the same name is another.
	Pins map[arn.ARN]string `json:"pins,omitzero"`
}

// newTrust checks a trust policy and pins the principals that it names. As in
// AWS, each of them must exist, in whatever account.
func (s *Service) newTrust(text string) (trustRecord, error) {
	doc, err := parsePolicy(text, policy.Trust)
	if err != nil {
		return trustRecord{}, err
	}
	if size(text) > maxTrustPolicy {
		return trustRecord{}, errTrustSize()
	}
	t := trustRecord{Text: text}
	for _, st := range doc.Statements() {
		for _, p := range st.Principals {
			if p.Type != "AWS" || p.Value == "*" {
				continue
			}
			id, ok := s.principal(p)
			if !ok {
				return trustRecord{}, errInvalidPrincipal(p.Value)
			}
			if id == "" {
				continue
			}
			if t.Pins == nil {
				t.Pins = map[arn.ARN]string{}
			}
			t.Pins[arn.ARN(p.Value)] = id
		}
	}
	return t, nil
}

// principal reports whether a principal exists, and the unique id that it is
// pinned to: that of a user or role, none for an account or a session.
func (s *Service) principal(p policy.PrincipalName) (id string, ok bool) {
	if account, whole := p.Account(); whole {
		return "", s.cfg.Organizations.AccountExists(account)
	}
	a := arn.ARN(p.Value)
	parts := a.Parts()
	switch kind, rest, _ := strings.Cut(parts.Resource, "/"); parts.Service + ":" + kind {
	case "iam:user", "iam:role":
		id := s.uniqueID(a)
		return id, id != ""
	case "sts:assumed-role":
		name, _, _ := strings.Cut(rest, "/")
		_, ok := s.role(parts.Account, name)
		return "", ok
	}
	return "", false
}

// uniqueID is the unique id of the user or role that an ARN names, path
// included; "" where there is none.
func (s *Service) uniqueID(a arn.ARN) string {
	if u, ok := s.user(a.Account(), lastName(a)); ok && u.arn() == a {
		return u.ID
	}
	if r, ok := s.role(a.Account(), lastName(a)); ok && r.arn() == a {
		return r.ID
	}
	return ""
}

// A trust is a trust policy ready for decisions.
type trust struct {
	source  policy.Source
	context bool // it refers to keys of the request context
}

// trust is the trust policy of a role, as of that revision of its record.
func (s *Service) trust(r *roleRecord, rev catalog.Revision) *trust {
	return s.trusts.get(r.ID, rev, func() *trust {
		t := &trust{source: policy.Source{Name: "trust policy of role " + r.Name}}
		doc, err := policy.Parse(r.Trust.Text, policy.Trust)
		if err != nil {
			return t // a policy that cannot be read denies
		}
		t.source.Document = doc.ResolvePrincipals(func(a arn.ARN) string { return r.Trust.Pins[a] })
		t.context = len(doc.ContextKeys()) > 0
		return t
	})
}

// trustText is a trust policy as it is shown: where a user or role that it names
// is no more, its unique id stands in place of the ARN.
func (s *Service) trustText(t trustRecord) string {
	gone := map[string]string{}
	for a, id := range t.Pins {
		if s.uniqueID(a) != id {
			gone[string(a)] = id
		}
	}
	if len(gone) == 0 {
		return t.Text
	}
	text, err := replacePrincipals(t.Text, gone)
	if err != nil {
		return t.Text // was checked when it was stored
	}
	return text
}

// awsPrincipal is where in a policy a principal of type AWS stands.
var awsPrincipal = regexp.MustCompile(`^/Statement(/\d+)?/(Not)?Principal/AWS(/\d+)?$`)

// replacePrincipals puts other texts in place of AWS principals and leaves every
// other byte of the document as it is.
func replacePrincipals(text string, with map[string]string) (string, error) {
	var out strings.Builder
	d := jsontext.NewDecoder(strings.NewReader(text))
	copied := int64(0)
	for {
		before := d.InputOffset()
		tok, err := d.ReadToken()
		if err == io.EOF {
			out.WriteString(text[copied:])
			return out.String(), nil
		}
		if err != nil {
			return "", err
		}
		if tok.Kind() != '"' || isMemberName(d) || !awsPrincipal.MatchString(string(d.StackPointer())) {
			continue
		}
		id, ok := with[tok.String()]
		if !ok {
			continue
		}
		start := before + int64(strings.IndexByte(text[before:], '"'))
		out.WriteString(text[copied:start])
		out.WriteString(`"` + id + `"`)
		copied = d.InputOffset()
	}
}

// isMemberName reports whether the token just read is the name of a member.
func isMemberName(d *jsontext.Decoder) bool {
	kind, n := d.StackIndex(d.StackDepth())
	return kind == '{' && n%2 == 1
}
