package iam

import (
	"strings"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
)

// result decides one action on all resources of the simulation.
func (sim *simulation) result(action string) EvaluationResult {
	if len(sim.resources) == 0 {
		one := sim.decide(action, "*")
		return EvaluationResult{
			EvalActionName: action, EvalResourceName: "*", EvalDecision: one.EvalResourceDecision,
			MatchedStatements: one.MatchedStatements, MissingContextValues: one.MissingContextValues,
			OrganizationsDecisionDetail:       sim.organizations(action, "*"),
			PermissionsBoundaryDecisionDetail: one.PermissionsBoundaryDecisionDetail,
			EvalDecisionDetails:               one.EvalDecisionDetails,
		}
	}
	whole := EvaluationResult{
		EvalActionName: action, EvalResourceName: "*",
		EvalDecision: policy.Allow.String(), MatchedStatements: []Statement{}, MissingContextValues: []string{},
		OrganizationsDecisionDetail: sim.organizations(action, sim.resources[0]),
	}
	for _, resource := range sim.resources {
		one := sim.decide(action, resource)
		whole.ResourceSpecificResults = append(whole.ResourceSpecificResults, one)
		whole.EvalDecision = stricter(whole.EvalDecision, one.EvalResourceDecision)
	}
	if len(sim.resources) == 1 {
		one := whole.ResourceSpecificResults[0]
		whole.EvalResourceName, whole.MatchedStatements = one.EvalResourceName, one.MatchedStatements
		whole.EvalDecisionDetails = one.EvalDecisionDetails
		whole.PermissionsBoundaryDecisionDetail = one.PermissionsBoundaryDecisionDetail
	}
	return whole
}

// stricter is the decision on several resources together: one that is refused
// refuses all.
func stricter(a, b string) string {
	for _, d := range []policy.Effect{policy.ExplicitDeny, policy.ImplicitDeny} {
		if a == d.String() || b == d.String() {
			return d.String()
		}
	}
	return policy.Allow.String()
}

// decide decides one action on one resource. Without a resource policy the
// resource's side is taken to consent, as in AWS: the simulation is then about
// what the caller's side allows.
func (sim *simulation) decide(action, resource string) ResourceSpecificResult {
	req := sim.request(action, resource)
	policies := sim.policies
	if policies.Resource == nil {
		req.ResourceAccount = req.Principal.Account
		policies.Resource = consentTo(action, req.Principal.Account)
	}
	d := policy.Explain(req, policies, policy.Standard)
	r := ResourceSpecificResult{
		EvalResourceName: resource, EvalResourceDecision: d.Effect.String(),
		MatchedStatements:    matched(&d),
		MissingContextValues: missing(&d, req.Context),
	}
	if policies.Boundary != nil {
		allowed := sim.alone(&req, policy.Policies{Boundary: policies.Boundary})
		r.PermissionsBoundaryDecisionDetail = &PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: &allowed}
	}
	if req.ResourceAccount != req.Principal.Account {
		r.EvalDecisionDetails = sim.sides(&req)
	}
	return r
}

// request is the request that is simulated.
func (sim *simulation) request(action, resource string) policy.Request {
	req := policy.Request{Principal: sim.caller, Action: action, Resource: arn.ARN(resource), ResourceAccount: sim.owner}
	if _, account := ownerParts(resource); account != "" && account != awsAccount {
		req.ResourceAccount = account
	}
	k := keySet{context: policy.Context{}}
	for key, values := range sim.principal {
		k.context[key] = values
	}
	k.set("aws:currenttime", sim.call.Time.UTC().Format(time.RFC3339))
	k.set("aws:requestedregion", string(sim.call.Region))
	if resource != "*" {
		k.set("aws:resourceaccount", string(req.ResourceAccount))
	}
	for key, values := range sim.given {
		k.context[key] = values
	}
	req.Context = k.context
	return req
}

// consentTo is what stands for the trust policy of a role where a simulation has
// none, nil for actions that ask no trust policy.
func consentTo(action string, account arn.AccountID) *policy.Source {
	if !strings.HasPrefix(strings.ToLower(action), "sts:assumerole") {
		return nil
	}
	c := compile(`{"Statement":{"Effect":"Allow","Principal":{"AWS":"`+string(account)+`"},"Action":"sts:AssumeRole*"}}`, policy.Trust)
	return &policy.Source{Document: c.document}
}

// alone reports whether limiting policies by themselves let the request pass. A
// root user needs no identity policy, so only the limits decide.
func (sim *simulation) alone(req *policy.Request, limits policy.Policies) bool {
	probe := *req
	probe.Principal.Kind, probe.ResourceAccount = policy.Root, req.Principal.Account
	limits.Resource = consentTo(req.Action, req.Principal.Account)
	return policy.Evaluate(probe, limits, policy.Standard).Allowed()
}

// organizations is whether service control policies let the action pass; nil where
// the caller's account belongs to no organization.
func (sim *simulation) organizations(action, resource string) *OrganizationsDecisionDetail {
	if !sim.member && len(sim.policies.SCPs) == 0 {
		return nil
	}
	req := sim.request(action, resource)
	allowed := sim.alone(&req, policy.Policies{SCPs: sim.policies.SCPs})
	return &OrganizationsDecisionDetail{AllowedByOrganizations: &allowed}
}

// sides is what each side of a request across accounts comes to by itself.
func (sim *simulation) sides(req *policy.Request) map[string]string {
	own := *req
	own.ResourceAccount = req.Principal.Account
	policies := sim.policies
	policies.Resource = consentTo(req.Action, req.Principal.Account)
	resource := policy.Policies{Resource: sim.policies.Resource}
	return map[string]string{
		iamPolicyType:      policy.Evaluate(own, policies, policy.Standard).Effect.String(),
		resourcePolicyType: policy.Evaluate(*req, resource, policy.ResourceOnly).Effect.String(),
	}
}

// SourcePolicyType, and the keys of EvalDecisionDetails.
const (
	iamPolicyType      = "IAM Policy"
	resourcePolicyType = "Resource Policy"
)

// matched are the statements that decided: all that allow, or all that deny. The
// organization's are not shown.
func matched(d *policy.Decision) []Statement {
	list := []Statement{}
	for i := range d.Reasons {
		r := &d.Reasons[i]
		if r.Outcome != policy.Matched || r.Effect != d.Effect || r.Source == "" {
			continue
		}
		kind := iamPolicyType
		switch r.By {
		case policy.ResourcePolicy, policy.TrustPolicy:
			kind = resourcePolicyType
		case policy.PermissionsBoundary:
			if d.Effect == policy.Allow {
				continue // it lets pass what others allow
			}
		case policy.ServiceControlPolicy, policy.ResourceControlPolicy:
			continue
		}
		st, _ := r.View()
		list = append(list, Statement{
			SourcePolicyID: r.Source, SourcePolicyType: kind,
			StartPosition: position(st.From), EndPosition: position(st.To),
		})
	}
	return list
}

func position(p policy.Position) *Position { return &Position{Line: &p.Line, Column: &p.Column} }

// missing are the condition keys that statements about the action refer to and
// that the simulation has no value for, as they are written.
func missing(d *policy.Decision, has policy.Context) []string {
	list, seen := []string{}, map[string]bool{}
	for i := range d.Reasons {
		r := &d.Reasons[i]
		if r.Statement < 0 || r.Outcome < policy.ResourceDiffers || r.By == policy.ServiceControlPolicy {
			continue
		}
		for _, name := range r.KeyNames() {
			key := strings.ToLower(name)
			if _, ok := has[key]; !ok && !seen[key] {
				seen[key] = true
				list = append(list, name)
			}
		}
	}
	return list
}
