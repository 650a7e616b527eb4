package policy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The judge decides requests by the letter of IAM's documentation, without any
// code of the engine: over the JSON as it was written, with regular expressions,
// rationals and sets of names. It is slow and means to be obvious. Where engine
// and judge differ, one of them is wrong.
type judge struct {
	tb      testing.TB
	regexps map[string]*regexp.Regexp
}

// A scene is a request and all policies as texts.
type scene struct {
	Request  Request
	Rule     Rule
	Identity []string
	Session  []string
	Boundary string // empty: none
	Resource string // empty: none
	Trust    bool   // Resource is a trust policy
	SCPs     [][]string
	RCPs     [][]string
}

type object = map[string]any

// votes are what the statements of some policies say about the request.
type votes struct {
	denied bool
	allows map[string]bool // how the caller is named: "anyone", "exact", "behind", "account", or "" without principals
}

func (j *judge) decide(s *scene) string {
	identity := j.read(s, s.Identity)
	session := j.read(s, s.Session)
	boundary := j.read(s, present1(s.Boundary))
	resource := j.read(s, present1(s.Resource))
	who := s.Request.Principal
	person := who.Kind == Root || who.Kind == User || who.Kind == Session || who.Kind == Federated

	denied := identity.denied || session.denied || boundary.denied || resource.denied
	everyLevelAllows := true
	for _, level := range s.RCPs {
		v := j.read(s, level)
		denied = denied || v.denied
		everyLevelAllows = everyLevelAllows && len(v.allows) > 0
	}
	for _, level := range s.SCPs {
		if !person {
			break
		}
		v := j.read(s, level)
		denied = denied || v.denied
		everyLevelAllows = everyLevelAllows && len(v.allows) > 0
	}
	if denied {
		return "explicitDeny"
	}
	if !everyLevelAllows {
		return "implicitDeny"
	}

	I := len(identity.allows) > 0 || who.Kind == Root || who.Kind == Federated && strings.HasSuffix(string(who.UserARN), ":root")
	B := s.Boundary == "" || len(boundary.allows) > 0
	S := len(session.allows) > 0 || len(s.Session) == 0 && who.Kind != Federated
	direct := resource.allows["anyone"] || resource.allows["exact"]
	named := len(resource.allows) > 0
	same := s.Request.ResourceAccount == who.Account

	var allowed bool
	switch {
	case s.Rule == ResourceOnly, !person:
		allowed = named
	case !same:
		allowed = I && B && S && named
	case s.Trust:
		allowed = direct || resource.allows["behind"] && B && S || named && I && B && S
	default:
		allowed = direct || resource.allows["behind"] && B && S || I && B && S
	}
	if allowed {
		return "allowed"
	}
	return "implicitDeny"
}

func present1(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func (j *judge) read(s *scene, texts []string) votes {
	v := votes{allows: map[string]bool{}}
	for _, text := range texts {
		var doc object
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			j.tb.Fatalf("%s: %v", text, err)
		}
		for _, st := range asList(doc["Statement"]) {
			st := st.(object)
			how, speaks := j.speaks(s, st, doc["Version"] == "2012-10-17")
			switch {
			case !speaks:
			case st["Effect"] == "Deny":
				v.denied = true
			default:
				v.allows[how] = true
			}
		}
	}
	return v
}

func asList(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// speaks reports whether a statement is about the request, and how it names the
// caller.
func (j *judge) speaks(s *scene, st object, variables bool) (how string, speaks bool) {
	if p, ok := st["Principal"]; ok {
		if how = namedAs(&s.Request.Principal, namesOf(p)); how == "" {
			return "", false
		}
	}
	if p, ok := st["NotPrincipal"]; ok {
		if excepted(&s.Request.Principal, namesOf(p), st["Effect"] == "Allow") {
			return "", false
		}
		how = "anyone"
	}
	covers := func(element string, matches func(string) bool) bool {
		for _, x := range asList(st[element]) {
			if matches(x.(string)) {
				return true
			}
		}
		return false
	}
	action := func(pattern string) bool {
		return j.regexp("(?is)", pattern, nil).MatchString(s.Request.Action)
	}
	resource := func(pattern string) bool {
		re := j.resource(pattern, s.Request.Context, variables)
		return re != nil && re.MatchString(string(s.Request.Resource))
	}
	if st["Action"] != nil && !covers("Action", action) || st["NotAction"] != nil && covers("NotAction", action) {
		return "", false
	}
	if st["Resource"] != nil && !covers("Resource", resource) || st["NotResource"] != nil && covers("NotResource", resource) {
		return "", false
	}
	for operator, keys := range asObject(st["Condition"]) {
		for key, values := range keys.(object) {
			if !j.condition(s.Request.Context, operator, strings.ToLower(key), asList(values), variables) {
				return "", false
			}
		}
	}
	return how, true
}

func asObject(v any) object {
	o, _ := v.(object)
	return o
}

// namesOf is the set of principals that a policy lists, as "type value".
func namesOf(p any) map[string]bool {
	if p == "*" {
		return map[string]bool{"AWS *": true}
	}
	set := map[string]bool{}
	for kind, values := range p.(object) {
		for _, v := range asList(values) {
			set[kind+" "+v.(string)] = true
		}
	}
	return set
}

// ladder are the names under which a policy may list the caller: its account's,
// those of the role behind it, its own.
func ladder(p *Principal) (account, behind, exact []string) {
	switch p.Kind {
	case Root, User, Session, Federated:
		account = []string{"AWS " + string(p.Account), "AWS arn:aws:iam::" + string(p.Account) + ":root"}
	}
	switch p.Kind {
	case User:
		exact = []string{"AWS " + string(p.ARN), "AWS " + p.ID}
	case Session:
		exact = []string{"AWS " + string(p.ARN)}
		behind = []string{"AWS " + string(p.RoleARN), "AWS " + p.ID[:strings.Index(p.ID, ":")]}
	case Federated:
		exact = []string{"AWS " + string(p.ARN)}
		if p.UserARN != "" {
			behind = []string{"AWS " + string(p.UserARN)}
		}
	case Service:
		for _, s := range p.Services {
			exact = append(exact, "Service "+s)
		}
	case WebIdentity:
		exact = []string{"Federated " + p.Provider}
	}
	return account, behind, exact
}

func anyIn(set map[string]bool, names []string) bool {
	for _, n := range names {
		if set[n] {
			return true
		}
	}
	return false
}

func namedAs(p *Principal, set map[string]bool) string {
	account, behind, exact := ladder(p)
	switch {
	case set["AWS *"]:
		return "anyone"
	case anyIn(set, exact):
		return "exact"
	case anyIn(set, behind):
		return "behind"
	case anyIn(set, account):
		return "account"
	}
	return ""
}

// excepted reports whether NotPrincipal leaves the caller out of the statement. A
// denial leaves out only those who are listed on every rung of the ladder that
// they have; an allowance leaves out those who are listed on any.
func excepted(p *Principal, set map[string]bool, allow bool) bool {
	account, behind, exact := ladder(p)
	if set["AWS *"] {
		return true
	}
	if allow {
		return anyIn(set, account) || anyIn(set, behind) || anyIn(set, exact)
	}
	rungs := [][]string{account, behind, exact}
	if p.Kind == Federated {
		rungs = [][]string{account, exact}
	}
	have := 0
	for _, rung := range rungs {
		if len(rung) == 0 {
			continue
		}
		have++
		if !anyIn(set, rung) {
			return false
		}
	}
	return have > 0
}

var variableSyntax = regexp.MustCompile(`\$\{(?:([*?$])|\s*([^,{}']+?)\s*(?:, *'([^']*)' *)?)\}`)

// regexp turns a pattern with wildcards, and with variables where ctx is not nil,
// into an expression. It is nil where a variable has no value.
func (j *judge) regexp(flags, pattern string, ctx Context) *regexp.Regexp {
	expr := strings.Builder{}
	plain := func(s string) {
		s = regexp.QuoteMeta(s)
		s = strings.ReplaceAll(s, `\*`, `.*`)
		s = strings.ReplaceAll(s, `\?`, `.`)
		expr.WriteString(s)
	}
	last := 0
	if ctx != nil {
		for _, m := range variableSyntax.FindAllStringSubmatchIndex(pattern, -1) {
			plain(pattern[last:m[0]])
			value, ok := variableValue(pattern, m, ctx)
			if !ok {
				return nil
			}
			expr.WriteString(regexp.QuoteMeta(value))
			last = m[1]
		}
	}
	plain(pattern[last:])
	return j.compile(flags + `\A(?:` + expr.String() + `)\z`)
}

func variableValue(text string, m []int, ctx Context) (string, bool) {
	if m[2] >= 0 {
		return text[m[2]:m[3]], true
	}
	values := ctx[strings.ToLower(text[m[4]:m[5]])]
	switch {
	case len(values) == 1:
		return values[0], true
	case len(values) == 0 && m[6] >= 0:
		return text[m[6]:m[7]], true
	}
	return "", false
}

func (j *judge) compile(expr string) *regexp.Regexp {
	if re := j.regexps[expr]; re != nil {
		return re
	}
	if j.regexps == nil || len(j.regexps) > 20000 {
		j.regexps = map[string]*regexp.Regexp{}
	}
	re := regexp.MustCompile(expr)
	j.regexps[expr] = re
	return re
}

var (
	fiveParts         = regexp.MustCompile(`\A(?:(?:[^:$]|\$\{[^}]*\}|\$)*:){5}`)
	partWithVariables = regexp.MustCompile(`\A(?:[^:$]|\$\{[^}]*\}|\$)*:`)
	plainPart         = regexp.MustCompile(`\A[^:]*:`)
)

// resource is the expression of a resource: variables stand only in the sixth
// part.
func (j *judge) resource(pattern string, ctx Context, variables bool) *regexp.Regexp {
	head := fiveParts.FindString(pattern)
	if !variables || head == "" {
		return j.regexp("(?s)", pattern, nil)
	}
	tail := j.regexp("(?s)", pattern[len(head):], ctx)
	if tail == nil {
		return nil
	}
	body := strings.TrimPrefix(tail.String(), `(?s)\A`)
	front := strings.TrimSuffix(j.regexp("(?s)", head, nil).String(), `\z`)
	return j.compile(front + body)
}

// condition decides one key under one operator.
func (j *judge) condition(ctx Context, operator, key string, want []any, variables bool) bool {
	got := ctx[key]
	if operator == "Null" {
		for _, w := range want {
			if (w == "true") == (len(got) == 0) {
				return true
			}
		}
		return false
	}
	set := ""
	if i := strings.Index(operator, ":"); i >= 0 {
		set, operator = operator[:i], operator[i+1:]
	}
	ifExists := strings.HasSuffix(operator, "IfExists")
	operator = strings.TrimSuffix(operator, "IfExists")
	negated := strings.Contains(operator, "Not")
	operator = strings.Replace(operator, "Not", "", 1)

	matchesAny := func(value string) bool {
		for _, w := range want {
			if j.compare(ctx, operator, fmt.Sprint(w), value, variables) {
				return true
			}
		}
		return false
	}
	if len(got) == 0 {
		if ifExists {
			return true
		}
		switch set {
		case "ForAllValues":
			return true
		case "ForAnyValue":
			return false
		}
		return negated
	}
	matched, unmatched := 0, 0
	for _, value := range got {
		if matchesAny(value) {
			matched++
		} else {
			unmatched++
		}
	}
	switch {
	case set == "ForAllValues" && negated:
		return matched == 0
	case set == "ForAllValues":
		return unmatched == 0
	case set == "ForAnyValue" && negated:
		return unmatched > 0
	case set == "ForAnyValue":
		return matched > 0
	case negated:
		return matched == 0
	default:
		return matched > 0
	}
}

// compare compares one value of the policy with one of the request, under a
// positive operator.
func (j *judge) compare(ctx Context, operator, want, got string, variables bool) bool {
	if !variables {
		ctx = nil
	}
	switch {
	case operator == "StringEquals" || operator == "StringEqualsIgnoreCase":
		if ctx != nil {
			ok := true
			want = variableSyntax.ReplaceAllStringFunc(want, func(v string) string {
				value, has := variableValue(v, variableSyntax.FindStringSubmatchIndex(v), ctx)
				ok = ok && has
				return value
			})
			if !ok {
				return false
			}
		}
		return want == got || operator == "StringEqualsIgnoreCase" && strings.EqualFold(want, got)
	case operator == "StringLike":
		re := j.regexp("(?s)", want, ctx)
		return re != nil && re.MatchString(got)
	case strings.HasPrefix(operator, "Arn"):
		return j.arnLike(ctx, want, got)
	case strings.HasPrefix(operator, "Numeric"):
		w, ok := new(big.Rat).SetString(want)
		g, ok2 := new(big.Rat).SetString(got)
		return ok && ok2 && ordered(strings.TrimPrefix(operator, "Numeric"), g.Cmp(w))
	case strings.HasPrefix(operator, "Date"):
		w, ok := moment(want)
		g, ok2 := moment(got)
		return ok && ok2 && ordered(strings.TrimPrefix(operator, "Date"), g.Cmp(w))
	case operator == "Bool":
		w, g := strings.ToLower(want), strings.ToLower(got)
		return w == g && (w == "true" || w == "false")
	case operator == "BinaryEquals":
		w, err := base64.StdEncoding.DecodeString(want)
		g, err2 := base64.StdEncoding.DecodeString(got)
		return err == nil && err2 == nil && string(w) == string(g)
	case strings.HasPrefix(operator, "Ip"):
		if !strings.Contains(want, "/") {
			want += map[bool]string{true: "/128", false: "/32"}[strings.Contains(want, ":")]
		}
		_, network, err := net.ParseCIDR(want)
		ip := net.ParseIP(got)
		return err == nil && ip != nil && network.Contains(ip)
	}
	j.tb.Fatalf("unknown operator %q", operator)
	return false
}

func (j *judge) arnLike(ctx Context, want, got string) bool {
	have := strings.SplitN(got, ":", 6)
	if len(have) != 6 || have[0] != "arn" {
		return false
	}
	if m := variableSyntax.FindStringIndex(want); ctx != nil && m != nil && m[0] == 0 && m[1] == len(want) {
		re := j.regexp("(?s)", want, ctx)
		return re != nil && re.MatchString(got)
	}
	onePart := partWithVariables
	if ctx == nil {
		onePart = plainPart
	}
	var parts []string
	rest := want
	for range 5 {
		part := onePart.FindString(rest)
		if part == "" {
			return false
		}
		parts, rest = append(parts, strings.TrimSuffix(part, ":")), rest[len(part):]
	}
	parts = append(parts, rest)
	for i, part := range parts {
		re := j.regexp("(?s)", part, ctx)
		if re == nil || !re.MatchString(have[i]) {
			return false
		}
	}
	return true
}

func ordered(name string, c int) bool {
	switch name {
	case "Equals":
		return c == 0
	case "LessThan":
		return c < 0
	case "LessThanEquals":
		return c <= 0
	case "GreaterThan":
		return c > 0
	case "GreaterThanEquals":
		return c >= 0
	}
	return false
}

// moment reads the dates that the generator writes, as a number of seconds.
func moment(s string) (*big.Int, bool) {
	if n, ok := new(big.Int).SetString(s, 10); ok {
		return n, true
	}
	t, err := time.Parse(time.RFC3339, s)
	return big.NewInt(t.Unix()), err == nil
}
