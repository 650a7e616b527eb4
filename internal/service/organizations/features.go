package organizations

import (
	"context"
	"fmt"
	"time"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// migrationLife is how long an organization may take to enable all features.
const migrationLife = 90 * 24 * time.Hour

// enableAllFeatures begins to turn an organization that shares bills into one with
// all features. Every account that was invited must approve, each by a handshake
// of its own; then the management account accepts this one, and all features are
// enabled. Accounts that the organization created have no say.
func (s *Service) enableAllFeatures(ctx context.Context, _ *api.Call, org organizationRecord, _ *EnableAllFeaturesInput) (*EnableAllFeaturesOutput, error) {
	if org.FeatureSet == allFeatures {
		return nil, errHandshakeConstraint("ORGANIZATION_ALREADY_HAS_ALL_FEATURES", "The handshake request is invalid because the organization has already enabled all features.")
	}
	if _, ok := s.migration(org); ok {
		return nil, errHandshakeConstraint("ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION", "The handshake request is invalid because the organization has already started the process to enable all features.")
	}
	now := s.cfg.Now()
	h := handshakeRecord{
		ID: newID("h-", 20), Action: enableAll, Org: org.ID, Management: org.Management,
		TargetType: partyOrganization, Target: org.ID,
		State: open, Requested: now, Expires: now.Add(migrationLife),
	}
	if _, err := s.handshakes.Create(ctx, catalog.KeyOf(h.ID), h); err != nil {
		return nil, fmt.Errorf("create handshake: %w", err)
	}
	if err := s.askForApproval(context.WithoutCancel(ctx), org, h); err != nil {
		return nil, err
	}
	return &EnableAllFeaturesOutput{Handshake: s.wireHandshake(h)}, nil
}

// migration is the organization's handshake to enable all features that is not
// finished.
func (s *Service) migration(org organizationRecord) (handshakeRecord, bool) {
	if org.FeatureSet == allFeatures {
		return handshakeRecord{}, false
	}
	for _, h := range s.handshakes.Scan(catalog.KeyOf()) {
		if h.Org != org.ID || h.action() != enableAll {
			continue
		}
		if state := s.state(h); state == open || state == requested {
			return h, true
		}
	}
	return handshakeRecord{}, false
}

// askForApproval gives every account that must approve its handshake, unless it
// has one.
func (s *Service) askForApproval(ctx context.Context, org organizationRecord, parent handshakeRecord) error {
	approvals := s.approvals(parent)
	for _, a := range s.members(org, "") {
		if _, ok := approvals[string(a.ID)]; ok || !mustApprove(org, a) {
			continue
		}
		h := handshakeRecord{
			ID: newID("h-", 20), Action: approveAll, Parent: parent.ID, Org: org.ID, Management: org.Management,
			TargetType: kindAccount, Target: string(a.ID),
			State: open, Requested: parent.Requested, Expires: parent.Expires,
		}
		if _, err := s.handshakes.Create(ctx, catalog.KeyOf(h.ID), h); err != nil {
			return fmt.Errorf("create handshake: %w", err)
		}
	}
	return nil
}

// mustApprove reports whether a member has a say in enabling all features.
func mustApprove(org organizationRecord, a AccountRecord) bool {
	return a.ID != org.Management && a.Member.Method == invited && a.Closed.IsZero()
}

// approvals are the states of the handshakes that belong to this one, by account.
func (s *Service) approvals(parent handshakeRecord) map[string]string {
	states := map[string]string{}
	for _, h := range s.handshakes.Scan(catalog.KeyOf()) {
		if h.Parent == parent.ID {
			states[h.Target] = h.State
		}
	}
	return states
}

// awaitsApproval reports whether a member that must approve has not done so.
func (s *Service) awaitsApproval(h handshakeRecord) bool {
	org, _, _ := s.organizations.Get(catalog.KeyOf(h.Org))
	approvals := s.approvals(h)
	for _, a := range s.members(org, "") {
		if mustApprove(org, a) && approvals[string(a.ID)] != accepted {
			return true
		}
	}
	return false
}
