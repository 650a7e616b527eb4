package iam

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// maxSimulated bounds the decisions of one simulation: actions times resources.
const maxSimulated = 5000

// A simulation is the question what policies would decide, without the request.
// The decisions are those of the engine that decides requests. The names of its
// sources are what the answer calls SourcePolicyId.
type simulation struct {
	call     *api.Call
	caller   policy.Principal
	policies policy.Policies
	// member is true where the caller's account belongs to an organization.
	member bool
	// owner owns the resources whose ARNs name no account.
	owner     arn.AccountID
	actions   []string
	resources []string // empty for "*"
	given     policy.Context
	principal policy.Context // what the caller makes of the request context
}

// A simulationInput is what both operations take.
type simulationInput struct {
	policies       []string
	boundaries     []string
	actions        []string
	resources      []string
	resourcePolicy string
	owner          string
	caller         string
	context        []ContextEntry
	handling       string
	marker         string
	maxItems       *int32
}

// simulateCustomPolicy decides what the given policies alone would allow. The
// caller is the user in CallerArn, or else nobody in particular of the account.
func (s *Service) simulateCustomPolicy(_ context.Context, call *api.Call, in *SimulateCustomPolicyInput) (*SimulateCustomPolicyOutput, error) {
	input := simulationInput{
		in.PolicyInputList, in.PermissionsBoundaryPolicyInputList, in.ActionNames, in.ResourceARNs, in.ResourcePolicy,
		in.ResourceOwner, in.CallerARN, in.ContextEntries, in.ResourceHandlingOption, in.Marker, in.MaxItems,
	}
	sim := simulation{call: call, caller: policy.Principal{Kind: policy.User, Account: call.Account()}}
	for i, level := range in.OrderedOrganizationPolicyInputList {
		list := fmt.Sprintf("OrderedOrganizationPolicyInputList.%d", i+1)
		sources, err := parseList(list, level.ServiceControlPolicyInputList, policy.SCP)
		if err != nil {
			return nil, err
		}
		sim.policies.SCPs = append(sim.policies.SCPs, sources)
	}
	results, next, err := s.simulate(&sim, &input)
	if err != nil {
		return nil, err
	}
	return &SimulateCustomPolicyOutput{EvaluationResults: results, Marker: next, IsTruncated: truncated(next)}, nil
}

// simulatePrincipalPolicy decides what a user, group or role may do: by its
// policies, those of the user's groups, and those given besides; within its
// permissions boundary, or the one given, and the organization's policies.
func (s *Service) simulatePrincipalPolicy(_ context.Context, call *api.Call, in *SimulatePrincipalPolicyInput) (*SimulatePrincipalPolicyOutput, error) {
	input := simulationInput{
		in.PolicyInputList, in.PermissionsBoundaryPolicyInputList, in.ActionNames, in.ResourceARNs, in.ResourcePolicy,
		in.ResourceOwner, in.CallerARN, in.ContextEntries, in.ResourceHandlingOption, in.Marker, in.MaxItems,
	}
	source, err := s.policySource(call, in.PolicySourceARN)
	if err != nil {
		return nil, err
	}
	sim := simulation{call: call, caller: source.principal, principal: policy.Context{}}
	for key, value := range source.tags {
		sim.principal[principalTag(key)] = []string{value}
	}
	excluded := func(p *heldPolicy) bool { return p.excluded(in.PolicyExclusionList) }
	for i := range source.policies {
		if p := &source.policies[i]; !excluded(p) {
			sim.policies.Identity = append(sim.policies.Identity, p.source(policy.Identity))
		}
	}
	if b := source.boundary; b != nil && !excluded(b) {
		boundary := b.source(policy.Managed)
		sim.policies.Boundary = &boundary
	}
	if !source.linked {
		sim.policies.SCPs = s.cfg.Organizations.ControlPolicies(call.Account()).SCPs
	}
	_, sim.member = s.cfg.Organizations.Membership(call.Account())
	results, next, err := s.simulate(&sim, &input)
	if err != nil {
		return nil, err
	}
	return &SimulatePrincipalPolicyOutput{EvaluationResults: results, Marker: next, IsTruncated: truncated(next)}, nil
}

// simulate completes the simulation by what both operations take, and answers a
// page of its results: one for each action.
func (s *Service) simulate(sim *simulation, in *simulationInput) (results []EvaluationResult, next string, err error) {
	for _, take := range []func(*simulation, *simulationInput) error{takePolicies, takeCaller, takeActions, takeResources, takeContext} {
		if err := take(sim, in); err != nil {
			return nil, "", err
		}
	}
	if sim.principal == nil {
		sim.principal = policy.Context{}
	}
	s.addPrincipalKeys(sim)
	p := pageRequest{call: sim.call, list: string(sim.caller.ARN), marker: in.marker, maxItems: in.maxItems}
	return page(s, p, func(after string) iter.Seq2[string, EvaluationResult] {
		return func(yield func(string, EvaluationResult) bool) {
			for i, action := range sim.actions {
				if key := fmt.Sprintf("%06d", i); key > after && !yield(key, sim.result(action)) {
					return
				}
			}
		}
	})
}

func takePolicies(sim *simulation, in *simulationInput) error {
	given, err := parseList("PolicyInputList", in.policies, policy.Identity)
	if err != nil {
		return err
	}
	sim.policies.Identity = append(sim.policies.Identity, given...)
	boundaries, err := parseList("PermissionsBoundaryPolicyInputList", in.boundaries, policy.Identity)
	if err != nil {
		return err
	}
	switch len(boundaries) {
	case 0:
	case 1:
		sim.policies.Boundary = &boundaries[0]
	default:
		return errInvalidInput("PermissionsBoundaryPolicyInputList can have one policy only.")
	}
	return nil
}

// parseList reads policies that are given in a list of this name.
func parseList(list string, texts []string, usage policy.Usage) ([]policy.Source, error) {
	var sources []policy.Source
	for i, text := range texts {
		name := fmt.Sprintf("%s.%d", list, i+1)
		doc, err := parsePolicy(text, usage)
		if e, ok := api.AsException(err); ok {
			return nil, errInvalidInput(name + ": " + e.Message)
		}
		if err != nil {
			return nil, err
		}
		sources = append(sources, policy.Source{Name: name, Document: doc})
	}
	return sources, nil
}

// takeCaller takes CallerArn, which must name a user. A resource policy needs
// somebody to compare its principals with.
func takeCaller(sim *simulation, in *simulationInput) error {
	if in.caller != "" {
		p := arn.ARN(in.caller).Parts()
		if p.Service != "iam" || p.Account == "" || !strings.HasPrefix(p.Resource, "user/") {
			return errInvalidInput("CallerArn must be the ARN of an IAM user.")
		}
		sim.caller = policy.Principal{Kind: policy.User, Account: p.Account, ARN: arn.ARN(in.caller)}
	}
	if in.resourcePolicy != "" && (sim.caller.Kind != policy.User || sim.caller.ARN == "") {
		return errInvalidInput("CallerArn is required with ResourcePolicy unless PolicySourceArn is the ARN of an IAM user.")
	}
	return nil
}

func takeResources(sim *simulation, in *simulationInput) error {
	sim.owner = sim.caller.Account
	if in.owner != "" {
		owner, ok := targetAccount(in.owner)
		if !ok {
			return errInvalidInput("ResourceOwner must be an account ID or the ARN of an account.")
		}
		sim.owner = owner
	}
	for _, r := range in.resources {
		if _, err := arn.Parse(r); err != nil && r != "*" {
			return errInvalidInput("Invalid resource ARN: " + r)
		}
	}
	if len(in.resources) > 1 || len(in.resources) == 1 && in.resources[0] != "*" {
		sim.resources = in.resources
	}
	if in.resourcePolicy == "" {
		return nil
	}
	usage := policy.Resource
	if strings.HasPrefix(strings.ToLower(in.actions[0]), "sts:") {
		usage = policy.Trust
	}
	sources, err := parseList("ResourcePolicy", []string{in.resourcePolicy}, usage)
	if err != nil {
		return err
	}
	sources[0].Name = "ResourcePolicy"
	sim.policies.Resource = &sources[0]
	return nil
}

func takeActions(sim *simulation, in *simulationInput) error {
	if len(in.actions) == 0 {
		return errInvalidInput("ActionNames must name an action.")
	}
	for _, a := range in.actions {
		service, name, ok := strings.Cut(a, ":")
		if !ok || service == "" || name == "" || strings.ContainsAny(a, "*? ") || strings.Contains(name, ":") {
			return errInvalidInput("Invalid action name: " + a)
		}
	}
	if len(in.actions)*max(len(in.resources), 1) > maxSimulated {
		return errInvalidInput(fmt.Sprintf("A simulation can have %d combinations of action and resource at most.", maxSimulated))
	}
	sim.actions = in.actions
	return nil
}

// takeContext takes ContextEntries, which win over what the simulation knows of
// the caller.
func takeContext(sim *simulation, in *simulationInput) error {
	sim.given = policy.Context{}
	for _, e := range in.context {
		key := strings.ToLower(e.ContextKeyName)
		if key == "" || sim.given[key] != nil {
			return errInvalidInput("Context key " + e.ContextKeyName + " is empty or given twice.")
		}
		if !strings.HasSuffix(e.ContextKeyType, "List") && len(e.ContextKeyValues) > 1 {
			return errInvalidInput("Context key " + e.ContextKeyName + " of type " + e.ContextKeyType + " has more than one value.")
		}
		sim.given[key] = append([]string{}, e.ContextKeyValues...)
	}
	return nil
}

// addPrincipalKeys adds the condition keys that the caller brings along. A CallerArn
// brings what it says and no more, whosever it is: it has no unique id.
func (s *Service) addPrincipalKeys(sim *simulation) {
	if sim.caller.ARN == "" {
		return
	}
	k := keySet{context: sim.principal}
	s.principalKeys(&k, &sim.caller)
}
