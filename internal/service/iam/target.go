package iam

import (
	"strings"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A target says which resources an operation touches; see [api.Define].
type target[In any] func(*api.Call, *In) ([]api.Access, error)

// A name is the member of an input that names what the operation is on.
type name[In any] func(*In) string

// An extra adds the condition keys that AWS documents for an operation besides
// the resource's tags. on is what the operation is on, nil where it does not exist
// or is no identity.
type extra[In any] func(keys policy.Context, in *In, on *Identity)

// unasked is the target of an operation for which AWS asks no permission.
func unasked[In any](*api.Call, *In) ([]api.Access, error) { return nil, nil }

// access is the one access of an operation, under the operation's own name.
func access(call *api.Call, resource arn.ARN, keys policy.Context) []api.Access {
	return []api.Access{{Action: "iam:" + call.Operation, Resource: string(resource), Context: keys}}
}

// anywhere is the target of operations on no resource.
func anywhere[In any](call *api.Call, _ *In) ([]api.Access, error) {
	return access(call, "*", nil), nil
}

// listed is the target of operations on all of an account's users, groups or
// roles.
func listed[In any](noun string) target[In] {
	return func(call *api.Call, _ *In) ([]api.Access, error) {
		return access(call, arn.New("iam", "", call.Account(), noun+"/"), nil), nil
	}
}

// targetListPolicies is on no resource, but AWS's refusal names the path.
func targetListPolicies(call *api.Call, in *ListPoliciesInput) ([]api.Access, error) {
	accesses := access(call, "*", nil)
	accesses[0].DeniedResource = "policy path " + pathOf(in.PathPrefix)
	return accesses, nil
}

func pathOf(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// on is the target of operations on one entity of the caller's account. One that
// does not exist is named as if it had no path.
func on[R, In any](k *kind[R], identity func(*R) *Identity, name name[In], extras ...extra[In]) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		resource, keys := arn.New("iam", "", call.Account(), k.noun+"/"+name(in)), policy.Context{}
		var found *Identity
		if r, ok := k.find(call.Account(), name(in)); ok {
			resource, keys = k.arn(r), resourceTags(k.entity(&r).Tags)
			if identity != nil {
				found = identity(&r)
			}
		}
		for _, extra := range extras {
			extra(keys, in, found)
		}
		return access(call, resource, keys), nil
	}
}

func onUser[In any](s *Service, name name[In], extras ...extra[In]) target[In] {
	return on(&s.users.kind, s.users.identity, name, extras...)
}

func onGroup[In any](s *Service, name name[In], extras ...extra[In]) target[In] {
	return on(&s.groups.kind, s.groups.identity, name, extras...)
}

func onRole[In any](s *Service, name name[In], extras ...extra[In]) target[In] {
	return on(&s.roles.kind, s.roles.identity, name, extras...)
}

// onPolicy is the target of operations on the managed policy that an ARN names.
// Another account's is refused, there or not.
func onPolicy[In any](s *Service, policyARN name[In], extras ...extra[In]) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		text := policyARN(in)
		if err := checkPolicyARN(text); err != nil {
			return nil, err
		}
		keys := policy.Context{}
		if p, _, ok := s.policyByARN(text); ok && p.Account == call.Account() {
			keys = resourceTags(p.Tags)
		}
		for _, extra := range extras {
			extra(keys, in, nil)
		}
		accesses := access(call, arn.ARN(text), keys)
		accesses[0].DeniedResource = "policy " + text
		return accesses, nil
	}
}

// onHolder is onUser for operations that without a name are on the caller.
func onHolder[In any](s *Service, name name[In]) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		h, err := holderOf(call, name(in))
		if err != nil {
			return nil, err
		}
		return s.accessHolder(call, h)
	}
}

// targetKeyLastUsed is on the user who has the key; a key that the account does
// not have is on no resource.
func (s *Service) targetKeyLastUsed(call *api.Call, in *GetAccessKeyLastUsedInput) ([]api.Access, error) {
	h, ok := s.holderOfKey(call, in.AccessKeyID)
	if !ok {
		return anywhere(call, in)
	}
	return s.accessHolder(call, h)
}

func (s *Service) accessHolder(call *api.Call, h keyHolder) ([]api.Access, error) {
	if h.root() {
		return access(call, h.Account.Root(), nil), nil
	}
	return onUser(s, func(h *keyHolder) string { return h.User })(call, &h)
}

// creating is the target of operations that make an entity. Tags need a
// permission of their own.
func creating[In any](noun string, path, name name[In], tags func(*In) []Tag, extras ...extra[In]) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		keys := requestTags(policy.Context{}, tags(in))
		for _, extra := range extras {
			extra(keys, in, nil)
		}
		accesses := access(call, arn.New("iam", "", call.Account(), noun+pathOf(path(in))+name(in)), keys)
		if len(tags(in)) > 0 {
			tag := accesses[0]
			tag.Action = "iam:Tag" + strings.ToUpper(noun[:1]) + noun[1:]
			accesses = append(accesses, tag)
		}
		return accesses, nil
	}
}

// renaming is the target of operations that may give an entity another name or
// path: they need the permission on what it is and on what it becomes.
func renaming[R, In any](k *identityKind[R], name, newName, newPath name[In]) target[In] {
	return func(call *api.Call, in *In) ([]api.Access, error) {
		accesses, err := on(&k.kind, k.identity, name)(call, in)
		if err != nil || newName(in) == "" && newPath(in) == "" {
			return accesses, err
		}
		e := Entity{Account: call.Account(), Name: name(in), Path: "/"}
		if r, ok := k.find(call.Account(), name(in)); ok {
			e = *k.entity(&r)
		}
		if newName(in) != "" {
			e.Name = newName(in)
		}
		if newPath(in) != "" {
			e.Path = newPath(in)
		}
		becomes := accesses[0]
		becomes.Resource = string(e.named(k.noun))
		return append(accesses, becomes), nil
	}
}

// policyARN adds iam:PolicyARN.
func policyARN[In any](of name[In]) extra[In] {
	return func(keys policy.Context, in *In, _ *Identity) { keys["iam:policyarn"] = []string{of(in)} }
}

// newBoundary adds iam:PermissionsBoundary where the request sets one.
func newBoundary[In any](of name[In]) extra[In] {
	return func(keys policy.Context, in *In, _ *Identity) { setBoundary(keys, of(in)) }
}

// presentBoundary adds iam:PermissionsBoundary where the user or role has one.
func presentBoundary[In any](keys policy.Context, _ *In, on *Identity) {
	if on != nil {
		setBoundary(keys, on.Boundary)
	}
}

func setBoundary(keys policy.Context, policyARN string) {
	if policyARN != "" {
		keys["iam:permissionsboundary"] = []string{policyARN}
	}
}

// tagging adds the keys of a request that sets tags.
func tagging[In any](of func(*In) []Tag) extra[In] {
	return func(keys policy.Context, in *In, _ *Identity) { requestTags(keys, of(in)) }
}

// untagging adds aws:TagKeys for a request that removes tags.
func untagging[In any](of func(*In) []string) extra[In] {
	return func(keys policy.Context, in *In, _ *Identity) {
		if tagKeys := of(in); len(tagKeys) > 0 {
			keys["aws:tagkeys"] = tagKeys
		}
	}
}
