package iam

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"tributary/internal/service/api"
)

// A versionRecord is one version of a managed policy. It does not change.
type versionRecord struct {
	Number  int       `json:"number"`
	Text    string    `json:"text"` // as it was given
	Created time.Time `json:"created"`
}

const maxVersions = 5 // of a managed policy

func versionID(number int) string { return "v" + strconv.Itoa(number) }

// version is the version of that number; the zero record where there is none.
func (p *policyRecord) version(number int) versionRecord {
	i := p.versionIndex(versionID(number))
	if i < 0 {
		return versionRecord{}
	}
	return p.Versions[i]
}

// versionIndex is where the version with that id is, -1 where there is none.
func (p *policyRecord) versionIndex(id string) int {
	return slices.IndexFunc(p.Versions, func(v versionRecord) bool { return versionID(v.Number) == id })
}

// wireVersion is the wire form of a version, without its document.
func (p *policyRecord) wireVersion(v versionRecord) PolicyVersion {
	isDefault := v.Number == p.Default
	return PolicyVersion{VersionID: versionID(v.Number), IsDefaultVersion: &isDefault, CreateDate: api.At(v.Created)}
}

// versionDetails are all versions with their documents, newest first.
func (p *policyRecord) versionDetails() []PolicyVersion {
	var details []PolicyVersion
	for _, v := range slices.Backward(p.Versions) {
		out := p.wireVersion(v)
		out.Document = percentEncode(v.Text)
		details = append(details, out)
	}
	return details
}

// updatePolicy changes a managed policy of the caller's account.
func (s *Service) updatePolicy(ctx context.Context, call *api.Call, policyARN string, change func(*policyRecord) error) error {
	p, err := s.ownPolicy(call, policyARN)
	if err != nil {
		return err
	}
	return s.policies.update(ctx, call.Account(), p.Name, func(now *policyRecord) error {
		if now.ID != p.ID {
			return errNoSuchPolicy(policyARN) // deleted and made again a moment ago
		}
		now.Versions = slices.Clone(now.Versions) // stored values are shared
		return change(now)
	})
}

// createPolicyVersion adds a version to a managed policy that has fewer than
// five, and makes it the default if it is asked to.
func (s *Service) createPolicyVersion(ctx context.Context, call *api.Call, in *CreatePolicyVersionInput) (*CreatePolicyVersionOutput, error) {
	if err := checkManaged(in.PolicyDocument); err != nil {
		return nil, err
	}
	var out PolicyVersion
	err := s.updatePolicy(ctx, call, in.PolicyARN, func(p *policyRecord) error {
		if len(p.Versions) >= maxVersions {
			return errVersionQuota()
		}
		p.Last++
		v := versionRecord{Number: p.Last, Text: in.PolicyDocument, Created: s.cfg.Now()}
		p.Versions = append(p.Versions, v)
		if in.SetAsDefault != nil && *in.SetAsDefault {
			p.Default, p.Updated = v.Number, v.Created
		}
		out = p.wireVersion(v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &CreatePolicyVersionOutput{PolicyVersion: &out}, nil
}

func (s *Service) getPolicyVersion(_ context.Context, call *api.Call, in *GetPolicyVersionInput) (*GetPolicyVersionOutput, error) {
	p, err := s.readPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	i := p.versionIndex(in.VersionID)
	if i < 0 {
		return nil, errNoSuchVersion(in.PolicyARN, in.VersionID)
	}
	out := p.wireVersion(p.Versions[i])
	out.Document = percentEncode(p.Versions[i].Text)
	return &GetPolicyVersionOutput{PolicyVersion: &out}, nil
}

// deletePolicyVersion deletes a version that is not the default. Its number is
// not used again.
func (s *Service) deletePolicyVersion(ctx context.Context, call *api.Call, in *DeletePolicyVersionInput) (*api.Void, error) {
	return nil, s.updatePolicy(ctx, call, in.PolicyARN, func(p *policyRecord) error {
		i := p.versionIndex(in.VersionID)
		if i < 0 {
			return errNoSuchVersion(in.PolicyARN, in.VersionID)
		}
		if p.Versions[i].Number == p.Default {
			return errDefaultVersion()
		}
		p.Versions = slices.Delete(p.Versions, i, i+1)
		return nil
	})
}

// setDefaultPolicyVersion makes another version the one that counts, from the
// next request on.
func (s *Service) setDefaultPolicyVersion(ctx context.Context, call *api.Call, in *SetDefaultPolicyVersionInput) (*api.Void, error) {
	return nil, s.updatePolicy(ctx, call, in.PolicyARN, func(p *policyRecord) error {
		i := p.versionIndex(in.VersionID)
		if i < 0 {
			return errNoSuchVersion(in.PolicyARN, in.VersionID)
		}
		p.Default, p.Updated = p.Versions[i].Number, s.cfg.Now()
		return nil
	})
}

// listPolicyVersions answers the versions of a managed policy, newest first.
func (s *Service) listPolicyVersions(_ context.Context, call *api.Call, in *ListPolicyVersionsInput) (*ListPolicyVersionsOutput, error) {
	p, err := s.readPolicy(call, in.PolicyARN)
	if err != nil {
		return nil, err
	}
	request := pageRequest{call: call, list: p.ID, marker: in.Marker, maxItems: in.MaxItems}
	versions, next, err := page(s, request, func(after string) iter.Seq2[string, versionRecord] {
		return sorted(p.Versions, after, func(v versionRecord) string { return fmt.Sprintf("%010d", 1<<31-v.Number) })
	})
	if err != nil {
		return nil, err
	}
	out := &ListPolicyVersionsOutput{Versions: []PolicyVersion{}, Marker: next, IsTruncated: truncated(next)}
	for _, v := range versions {
		out.Versions = append(out.Versions, p.wireVersion(v))
	}
	return out, nil
}
