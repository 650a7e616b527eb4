package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"tributary/internal/pure/arn"
)

// A generator makes scenes in which policies nearly fit the request: each element
// of a statement is made from what would match, and then spoiled now and then.
// Random texts would hardly ever match, and so would hardly ever test anything.
type generator struct {
	*rand.Rand
	req Request
	// refused counts documents that Parse did not take, made how many it did.
	refused, made int
}

const (
	own     = "111111111111"
	foreign = "999999999999"
	third   = "222222222222"
)

// chance is true in p of 100 cases.
func (g *generator) chance(p int) bool { return g.IntN(100) < p }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

func (g *generator) scene() scene {
	g.request()
	s := scene{Request: g.req, Rule: pick(g, Standard, Standard, Standard, ResourceOnly)}
	s.Trust = strings.HasPrefix(g.req.Action, "sts:")
	for range g.IntN(3) {
		s.Identity = append(s.Identity, g.document(pick(g, Identity, Managed)))
	}
	if g.chance(25) {
		s.Boundary = g.document(Identity)
	}
	for range g.IntN(4) - 1 {
		s.Session = append(s.Session, g.document(ForSession))
	}
	if g.chance(75) {
		usage := Resource
		if s.Trust {
			usage = Trust
		}
		s.Resource = g.document(usage)
	}
	s.SCPs = g.levels(SCP, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	s.RCPs = g.levels(RCP, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)
	return s
}

// levels makes up to two levels, most of which allow everything in one policy.
func (g *generator) levels(usage Usage, full string) [][]string {
	if g.chance(60) {
		return nil
	}
	var all [][]string
	for range 1 + g.IntN(2) {
		var level []string
		if g.chance(85) {
			level = append(level, full)
		}
		if g.chance(20) {
			level = append(level, g.document(usage))
		}
		all = append(all, level)
	}
	return all
}

func (g *generator) request() {
	name := pick(g, "alice", "bob", "al*ce")
	p := Principal{Account: pick(g, arn.AccountID(own), arn.AccountID(own), arn.AccountID(foreign))}
	a := string(p.Account)
	principalARN := ""
	switch p.Kind = pick(g, User, User, User, Session, Session, Session, Root, Federated, Service, Anonymous, WebIdentity); p.Kind {
	case User:
		p.ARN, p.ID = arn.ARN("arn:aws:iam::"+a+":user/"+name), "AIDA0000000000"+strings.ToUpper(name[:2])
		principalARN = string(p.ARN)
	case Session:
		p.ARN, p.ID = arn.ARN("arn:aws:sts::"+a+":assumed-role/Ship/"+name), "AROA000000000000:"+name
		p.RoleARN = arn.ARN("arn:aws:iam::" + a + ":role/path/Ship")
		principalARN = string(p.RoleARN)
	case Root:
		p.ARN, p.ID = p.Account.Root(), a
		principalARN = string(p.ARN)
	case Federated:
		p.ARN, p.ID = arn.ARN("arn:aws:sts::"+a+":federated-user/"+name), a+":"+name
		p.UserARN = pick(g, arn.ARN("arn:aws:iam::"+a+":user/carol"), p.Account.Root())
		principalARN = string(p.ARN)
	case Service:
		p.Account, p.Services = "", []string{"logs.us-east-1.amazonaws.com", "logs.amazonaws.com"}
	case WebIdentity:
		p.Account, p.Provider = "", "arn:aws:iam::"+own+":saml-provider/idp"
	case Anonymous:
		p.Account = ""
	}
	g.req = Request{Principal: p, ResourceAccount: pick(g, arn.AccountID(own), arn.AccountID(foreign))}
	owner := string(g.req.ResourceAccount)
	switch g.IntN(4) {
	case 0:
		g.req.Action, g.req.Resource = "kinesis:PutRecord", arn.ARN("arn:aws:kinesis:us-east-1:"+owner+":stream/"+name+"-1")
	case 1:
		g.req.Action, g.req.Resource = "logs:PutLogEvents", arn.ARN("arn:aws:logs:us-east-1:"+owner+":log-group:/app/"+name+":log-stream:é")
	case 2:
		g.req.Action, g.req.Resource = "logs:PutSubscriptionFilter", arn.ARN("arn:aws:logs:eu-west-1:"+owner+":destination:"+name)
	default:
		g.req.Action, g.req.Resource = "sts:AssumeRole", arn.ARN("arn:aws:iam::"+owner+":role/path/"+name)
	}
	g.req.Context = Context{}
	set := func(p int, key string, values ...string) {
		if g.chance(p) {
			g.req.Context[key] = values
		}
	}
	set(90, "aws:username", name)
	set(90, "aws:principalaccount", a)
	if principalARN != "" {
		set(95, "aws:principalarn", principalARN)
	}
	set(60, "aws:sourcearn", "arn:aws:logs:us-east-1:"+a+":log-group:x:*")
	set(60, "aws:principalorgid", pick(g, "o-1234567890", "o-0987654321"))
	set(60, "aws:principalorgpaths", "o-1234567890/r-ab12/ou-ab12-11111111/")
	set(60, "aws:securetransport", pick(g, "true", "false", "TRUE", "maybe"))
	set(60, "aws:sourceip", pick(g, "203.0.113.7", "10.0.0.1", "2001:db8::1", "nowhere"))
	set(60, "aws:currenttime", pick(g, "2024-05-06T07:08:09Z", "2024-05-06T09:08:09+02:00", "1714979289", "yesterday"))
	set(60, "x:n", pick(g, "10", "10.0", "-3", "9007199254740993", "ten"))
	set(60, "x:bin", pick(g, "aGVsbG8=", "aGVsbG8h"))
	switch g.IntN(5) {
	case 0:
		set(100, "x:set", "a", "b", "B")
	case 1:
		set(100, "x:set", "a")
	case 2:
		set(100, "x:set")
	case 3:
		set(100, "x:set", "a", "a*")
	}
}

// document makes a document that Parse takes for the usage.
func (g *generator) document(usage Usage) string {
	for {
		text := g.draft(usage)
		if _, err := Parse(text, usage); err == nil {
			g.made++
			return text
		}
		g.refused++
	}
}

func (g *generator) draft(usage Usage) string {
	doc := object{}
	if version := pick(g, "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", ""); usage == Managed {
		doc["Version"] = "2012-10-17"
	} else if version != "" {
		doc["Version"] = version
	}
	var statements []any
	for range 1 + g.IntN(3) {
		statements = append(statements, g.statement(usage))
	}
	doc["Statement"] = statements
	if len(statements) == 1 && g.chance(50) {
		doc["Statement"] = statements[0]
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (g *generator) statement(usage Usage) object {
	st := object{"Effect": pick(g, "Allow", "Allow", "Allow", "Allow", "Allow", "Deny")}
	switch {
	case usage == RCP:
		st["Effect"], st["Principal"] = "Deny", pick[any](g, "*", object{"AWS": "*"})
	case usage == Resource || usage == Trust:
		st[pick(g, "Principal", "Principal", "Principal", "Principal", "Principal", "Principal", "NotPrincipal")] = g.principal()
	}
	g.put(st, "Action", func() string { return g.action(usage) })
	if usage != Trust {
		g.put(st, "Resource", g.resource)
	}
	if n := g.IntN(5) - 2; n > 0 {
		conditions := object{}
		for range n {
			g.condition(conditions)
		}
		st["Condition"] = conditions
	}
	return st
}

// put sets an element, or its negation with values that mostly do not match.
func (g *generator) put(st object, element string, value func() string) {
	if g.chance(12) {
		element = "Not" + element
	}
	list := []any{}
	for range 1 + g.IntN(10)/7 {
		list = append(list, value())
	}
	if len(list) == 1 && g.chance(70) {
		st[element] = list[0]
		return
	}
	st[element] = list
}

func (g *generator) action(usage Usage) string {
	if usage == Trust {
		return pick(g, "sts:AssumeRole", "sts:AssumeRole", "sts:assumerole", "sts:AssumeRole*", "sts:AssumeRol?", "sts:TagSession", "sts:AssumeRole?")
	}
	if g.chance(15) {
		return pick(g, "*", "iam:*", "logs:*", "kinesis:Put*", "sts:*")
	}
	vendor, name, _ := strings.Cut(g.req.Action, ":")
	return vendor + ":" + g.caseFlipped(g.near(name))
}

func (g *generator) caseFlipped(s string) string {
	if g.chance(20) {
		return strings.ToUpper(s)
	}
	return s
}

func (g *generator) resource() string {
	if g.chance(20) {
		return "*"
	}
	parts := strings.SplitN(string(g.req.Resource), ":", 4) // arn, aws, service, rest
	return strings.Join(parts[:3], ":") + ":" + g.near(parts[3])
}

// near returns a pattern that matches s, or nearly does.
func (g *generator) near(s string) string {
	if g.chance(25) {
		s = g.withVariable(s)
	}
	for range g.IntN(3) {
		from, to := g.span(s)
		switch g.IntN(3) {
		case 0:
			s = s[:from] + "*" + s[to:]
		case 1:
			s = s[:from] + "*" + s[from:]
		default:
			_, n := utf8.DecodeRuneInString(s[from:])
			s = s[:from] + "?" + s[from+n:]
		}
	}
	if g.chance(20) {
		from, to := g.span(s)
		switch g.IntN(4) {
		case 0:
			s = s[:from] + s[to:]
		case 1:
			s += pick(g, "x", "?", "/", ":")
		case 2:
			s = s[:from] + "X" + s[from:]
		default:
			s = strings.ToUpper(s)
		}
	}
	return s
}

// span returns the bounds of a run of characters of s.
func (g *generator) span(s string) (from, to int) {
	starts := []int{}
	for i := range s {
		starts = append(starts, i)
	}
	starts = append(starts, len(s))
	a, b := starts[g.IntN(len(starts))], starts[g.IntN(len(starts))]
	return min(a, b), max(a, b)
}

// withVariable replaces a part of s by a variable that has, or nearly has, its
// value.
func (g *generator) withVariable(s string) string {
	for _, key := range []string{"aws:username", "aws:PrincipalAccount"} {
		value := first(g.req.Context[strings.ToLower(key)])
		if value == "" || !strings.Contains(s, value) {
			continue
		}
		by := pick(g, "${"+key+"}", "${"+strings.ToUpper(key)+"}", "${x:absent, '"+value+"'}", "${x:absent}", "${"+key+", 'other'}", "${x:set}", "${x:set, '"+value+"'}", "${*}", "${?}${$}", "${x:empty,''}"+value)
		return strings.Replace(s, value, by, 1)
	}
	return s
}

func first(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return ""
}

func (g *generator) principal() any {
	if g.chance(15) {
		return "*"
	}
	p := object{}
	for range 1 + g.IntN(3) {
		kind, value := g.principalName()
		list, _ := p[kind].([]any)
		p[kind] = append(list, value)
	}
	return p
}

func (g *generator) principalName() (kind, value string) {
	who := &g.req.Principal
	a := string(who.Account)
	if a == "" {
		a = own
	}
	var candidates [][2]string
	add := func(kind string, values ...string) {
		for _, v := range values {
			candidates = append(candidates, [2]string{kind, v})
		}
	}
	switch who.Kind {
	case User:
		add("AWS", string(who.ARN), who.ID)
	case Session:
		add("AWS", string(who.ARN), string(who.RoleARN), "AROA000000000000", "arn:aws:sts::"+a+":assumed-role/Ship/other")
	case Federated:
		add("AWS", string(who.ARN), string(who.UserARN))
	case Service:
		add("Service", who.Services[0], who.Services[1], "logs.eu-west-1.amazonaws.com")
	case WebIdentity:
		add("Federated", who.Provider, "accounts.google.com")
	}
	add("AWS", a, "arn:aws:iam::"+a+":root", third, "arn:aws:iam::"+a+":user/bob", "arn:aws:iam::"+third+":role/path/Ship", "*")
	add("Service", "logs.amazonaws.com")
	c := candidates[g.IntN(len(candidates))]
	for i := range c[1] { // names with wildcards are no principals
		if c[1][i] == '*' && c[1] != "*" {
			return "AWS", a
		}
	}
	return c[0], c[1]
}

// condition adds a condition that holds, or nearly does.
func (g *generator) condition(to object) {
	type family struct {
		operators []string
		keys      []string
		values    func(got string) string
	}
	f := pick(g,
		family{
			[]string{"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"},
			[]string{"aws:username", "aws:PrincipalOrgID", "x:set", "aws:PrincipalAccount", "x:absent"},
			func(got string) string {
				return g.caseFlipped(pick(g, got, got, g.withVariable(got), g.near(got), got+"x"))
			},
		},
		family{
			[]string{"StringLike", "StringNotLike"},
			[]string{"aws:username", "aws:PrincipalOrgPaths", "x:set", "aws:SourceArn", "x:absent"},
			g.near,
		},
		family{
			[]string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"},
			[]string{"aws:PrincipalArn", "aws:SourceArn", "x:set", "x:absent"},
			func(got string) string { return pick(g, g.near(got), g.near(got), "${aws:PrincipalArn}", "arn:aws:*") },
		},
		family{
			[]string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"},
			[]string{"x:n"},
			func(string) string { return pick(g, "10", "010.00", "9.99", "-3", "-2.5", "9007199254740992") },
		},
		family{
			[]string{"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
			[]string{"aws:CurrentTime"},
			func(string) string {
				return pick(g, "2024-05-06T07:08:09Z", "1714979289", "1714979290", "2020-01-01T00:00:00Z")
			},
		},
		family{
			[]string{"Bool"},
			[]string{"aws:SecureTransport", "x:absent"},
			func(string) string { return pick(g, "true", "false", "True") },
		},
		family{
			[]string{"IpAddress", "NotIpAddress"},
			[]string{"aws:SourceIp"},
			func(string) string {
				return pick(g, "203.0.113.0/24", "203.0.113.7", "203.0.113.8", "2001:db8::/32", "10.0.0.1/31", "0.0.0.0/0")
			},
		},
		family{
			[]string{"BinaryEquals"},
			[]string{"x:bin", "x:absent"},
			func(string) string { return pick(g, "aGVsbG8=", "aGVsbG8h") },
		},
		family{
			[]string{"Null"},
			[]string{"x:set", "x:n", "x:absent", "aws:username"},
			func(string) string { return pick(g, "true", "false") },
		},
	)
	operator, key := pick(g, f.operators...), pick(g, f.keys...)
	if operator != "Null" {
		operator = pick(g, "", "", "", "ForAnyValue:", "ForAllValues:") + operator + pick(g, "", "", "", "IfExists")
	}
	keys, _ := to[operator].(object)
	if keys == nil {
		keys = object{}
		to[operator] = keys
	}
	got := g.req.Context[strings.ToLower(key)]
	var values []any
	for range 1 + g.IntN(10)/6 - g.IntN(40)/39 {
		value := ""
		if len(got) > 0 {
			value = got[g.IntN(len(got))]
		}
		values = append(values, f.values(value))
	}
	if values == nil {
		values = []any{}
	}
	keys[key] = values
	if len(values) == 1 && g.chance(50) {
		keys[key] = values[0]
	}
}

// policies parses the texts of a scene.
func (s *scene) policies() (Policies, error) {
	var p Policies
	var firstErr error
	parse := func(name, text string, usage Usage) Source {
		d, err := Parse(text, usage)
		if err != nil && firstErr == nil {
			firstErr = fmt.Errorf("%s: %w", text, err)
		}
		return Source{Name: name, Document: d}
	}
	list := func(name string, texts []string, usage Usage) []Source {
		var out []Source
		for i, text := range texts {
			out = append(out, parse(fmt.Sprint(name, i), text, usage))
		}
		return out
	}
	p.Identity = list("identity", s.Identity, Identity)
	p.Session = list("session", s.Session, ForSession)
	if s.Boundary != "" {
		src := parse("boundary", s.Boundary, Identity)
		p.Boundary = &src
	}
	if s.Resource != "" {
		usage := Resource
		if s.Trust {
			usage = Trust
		}
		src := parse("resource", s.Resource, usage)
		p.Resource = &src
	}
	for _, level := range s.SCPs {
		p.SCPs = append(p.SCPs, list("scp", level, SCP))
	}
	for _, level := range s.RCPs {
		p.RCPs = append(p.RCPs, list("rcp", level, RCP))
	}
	return p, firstErr
}
