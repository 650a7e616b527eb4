package policy

import "strings"

// Evaluate decides a request, that is, whether the principal may do the action on the
// resource, given all policies that bear on it. It is deterministic and
// takes time in the size of the policies. It allocates nothing, unless a pattern
// with policy variables has very many parts or compares without case. The
// decision names what decided, but holds no Reasons; Explain gives them.
func Evaluate(req Request, p Policies, rule Rule) Decision {
	var e evaluation
	return e.decide(&req, &p, rule)
}

// Explain decides as Evaluate does and returns the Reasons too: every statement
// of every policy, with what it said or why it said nothing.
func Explain(req Request, p Policies, rule Rule) Decision {
	e := evaluation{explain: true}
	d := e.decide(&req, &p, rule)
	e.conclude(&d)
	d.Reasons = e.reasons
	return d
}

// An evaluation is one decision in the making. It does not hold the request:
// that would move every request to the heap.
type evaluation struct {
	explain bool
	reasons []Reason

	// The first statement that denies, and the first policy that cannot be read.
	denial, unreadable finding
	// The first statements that allow: of the identity's policies, and of the
	// resource's at the strongest grant.
	identityAllow, resourceAllow finding
}

// A finding is a statement of a policy.
type finding struct {
	by        PolicyType // 0: nothing was found
	source    string
	statement int
	sid       string
}

// decide is the whole of IAM's evaluation logic.
func (e *evaluation) decide(req *Request, p *Policies, rule Rule) Decision {
	who := &req.Principal
	resourceType := ResourcePolicy
	if trustDecides(req, p.Resource) {
		resourceType = TrustPolicy
	}

	// Every policy is read, because any of them may deny.
	scp := !who.hasIdentity() || e.everyLevel(req, p.SCPs, ServiceControlPolicy)
	rcp := e.everyLevel(req, p.RCPs, ResourceControlPolicy)
	resource := notNamed
	if p.Resource != nil {
		resource = e.source(req, p.Resource, resourceType, 0)
	}
	identity := e.anyOf(req, p.Identity, IdentityPolicy, 0) || who.hasRootRights()
	boundary := p.Boundary == nil || e.source(req, p.Boundary, PermissionsBoundary, 0) != notNamed
	// A federated user has what the session policy gives, and nothing without one.
	unlimited := len(p.Session) == 0 && who.Kind != Federated
	session := unlimited || e.anyOf(req, p.Session, SessionPolicy, 0)

	switch {
	case e.denial.by != 0:
		return e.denial.decision(ExplicitDeny)
	case e.unreadable.by != 0:
		return e.unreadable.decision(ImplicitDeny)
	case !scp:
		return lacks(ServiceControlPolicy)
	case !rcp:
		return lacks(ResourceControlPolicy)
	}

	// limits are what boundary and session policy leave of an identity's rights.
	limits := func() PolicyType {
		switch {
		case !boundary:
			return PermissionsBoundary
		case !session:
			return SessionPolicy
		}
		return 0
	}
	// ownSide is what the identity may do by its own policies.
	ownSide := func() PolicyType {
		if !identity {
			return IdentityPolicy
		}
		return limits()
	}

	if rule == ResourceOnly || !who.hasIdentity() {
		if resource == notNamed {
			return lacks(resourceType)
		}
		return e.resourceAllow.decision(Allow)
	}
	if !req.sameAccount() {
		if missing := ownSide(); missing != 0 {
			return lacks(missing)
		}
		if resource == notNamed {
			return lacks(resourceType)
		}
		return e.resourceAllow.decision(Allow)
	}
	if resourceType == TrustPolicy && resource == notNamed {
		return lacks(TrustPolicy)
	}
	switch resource {
	case directly:
		return e.resourceAllow.decision(Allow)
	case byRole:
		if missing := limits(); missing != 0 {
			return lacks(missing)
		}
		return e.resourceAllow.decision(Allow)
	}
	if missing := ownSide(); missing != 0 {
		return lacks(missing)
	}
	if e.identityAllow.by == 0 { // the root user needs no policy
		return Decision{Effect: Allow, By: IdentityPolicy, Statement: -1}
	}
	return e.identityAllow.decision(Allow)
}

// hasRootRights reports whether the principal is a root user, or federated by one:
// then no identity policy is needed.
func (p *Principal) hasRootRights() bool {
	return p.Kind == Root || p.Kind == Federated && p.UserARN != "" && p.UserARN == p.Account.Root()
}

// hasIdentity reports whether the principal belongs to an account, and so has
// policies of its own.
func (p *Principal) hasIdentity() bool {
	switch p.Kind {
	case Root, User, Session, Federated:
		return true
	}
	return false
}

// sameAccount reports whether the principal's account owns the resource.
func (r *Request) sameAccount() bool {
	if r.ResourceAccount == "" {
		return r.Resource == "*"
	}
	return r.ResourceAccount == r.Principal.Account
}

// trustDecides reports whether the resource's policy is a role's trust policy:
// by its usage, or because the action is one of those that only a trust policy
// grants. Any other document in its place then counts as unreadable. Tags can also
// be passed to a federated user, who has no policy.
func trustDecides(req *Request, resource *Source) bool {
	if resource != nil && resource.Document != nil && resource.Document.usage == Trust {
		return true
	}
	if strings.HasPrefix(string(req.Resource), "arn:aws:sts:") && strings.Contains(string(req.Resource), ":federated-user/") {
		return false
	}
	for _, a := range trustActions {
		if strings.EqualFold(a, req.Action) {
			return true
		}
	}
	return false
}

// everyLevel reports whether every level allows.
func (e *evaluation) everyLevel(req *Request, levels [][]Source, by PolicyType) bool {
	all := true
	for i, level := range levels {
		if !e.anyOf(req, level, by, i) {
			all = false
		}
	}
	return all
}

// anyOf reads all sources and reports whether one allows.
func (e *evaluation) anyOf(req *Request, sources []Source, by PolicyType, level int) bool {
	allowed := false
	for i := range sources {
		if e.source(req, &sources[i], by, level) != notNamed {
			allowed = true
		}
	}
	return allowed
}

// source reads one policy: it notes a denial and returns the strongest grant.
func (e *evaluation) source(req *Request, src *Source, by PolicyType, level int) grant {
	if src.Document == nil || !by.takes(src.Document.usage) {
		e.note(&e.unreadable, src, by, -1, "")
		if e.explain {
			e.reasons = append(e.reasons, Reason{By: by, Level: level, Source: src.Name, Statement: -1, Outcome: Unreadable})
		}
		return notNamed
	}
	strongest := notNamed
	for i := range src.Document.statements {
		st := &src.Document.statements[i]
		if strongest == directly && st.effect == Allow && !e.explain {
			continue // it could add nothing
		}
		var results *[]ConditionResult
		if e.explain {
			results = new([]ConditionResult)
		}
		named, outcome := st.match(req, results)
		if e.explain {
			e.reasons = append(e.reasons, Reason{
				By: by, Level: level, Source: src.Name, Statement: i, Sid: st.sid, Text: st.text,
				Effect: st.effect, Outcome: outcome, Conditions: *results, document: src.Document,
			})
		}
		switch {
		case named == notNamed:
		case st.effect == ExplicitDeny:
			e.note(&e.denial, src, by, i, st.sid)
		case named > strongest:
			strongest = named
			e.allowed(src, by, i, st.sid)
		}
	}
	return strongest
}

// allowed notes a statement that allows, where a decision may name it. Within a
// resource's policy a stronger grant replaces a weaker one.
func (e *evaluation) allowed(src *Source, by PolicyType, index int, sid string) {
	switch by {
	case IdentityPolicy:
		e.note(&e.identityAllow, src, by, index, sid)
	case ResourcePolicy, TrustPolicy:
		e.resourceAllow = finding{by: by, source: src.Name, statement: index, sid: sid}
	}
}

// note keeps the first finding.
func (e *evaluation) note(f *finding, src *Source, by PolicyType, index int, sid string) {
	if f.by == 0 {
		*f = finding{by: by, source: src.Name, statement: index, sid: sid}
	}
}

func (f finding) decision(effect Effect) Decision {
	return Decision{Effect: effect, By: f.by, Source: f.source, Statement: f.statement, Sid: f.sid}
}

// lacks is the denial for want of an allowance by a type of policy.
func lacks(by PolicyType) Decision { return Decision{Effect: ImplicitDeny, By: by, Statement: -1} }

// conclude marks the reasons that decided, and adds one for what was missing.
func (e *evaluation) conclude(d *Decision) {
	if d.Statement < 0 {
		if d.Effect == ImplicitDeny && e.unreadable.by == 0 {
			e.reasons = append(e.reasons, Reason{By: d.By, Statement: -1, Outcome: NothingAllows, Decided: true})
		}
		if d.Effect == Allow {
			e.reasons = append(e.reasons, Reason{By: d.By, Statement: -1, Effect: Allow, Outcome: RootUser, Decided: true})
		}
	}
	for i := range e.reasons {
		r := &e.reasons[i]
		if r.Outcome == Unreadable && d.Effect == ImplicitDeny {
			r.Decided = true
		}
		if d.Statement >= 0 && r.By == d.By && r.Source == d.Source && r.Statement == d.Statement && r.Outcome == Matched {
			r.Decided = true
		}
	}
}
