package organizations

import (
	"context"
	"fmt"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// A unitRecord is what is stored of an organizational unit, under the
// organization's id and its own. It never moves.
type unitRecord struct {
	ID       string            `json:"id"` // ou-…, with the root's id in it
	Org      string            `json:"org"`
	Parent   string            `json:"parent"` // the root or another unit
	Name     string            `json:"name"`
	Attached attachments       `json:"attached,omitzero"`
	Tags     map[string]string `json:"tags,omitzero"`
}

const (
	maxDepth = 5    // of units one in another
	maxUnits = 2000 // in an organization
)

func (u unitRecord) key() catalog.Key { return catalog.KeyOf(u.Org, u.ID) }

// createOrganizationalUnit makes an organizational unit in the root or in another
// unit.
func (s *Service) createOrganizationalUnit(ctx context.Context, _ *api.Call, org organizationRecord, in *CreateOrganizationalUnitInput) (*CreateOrganizationalUnitOutput, error) {
	if !s.isContainer(org, in.ParentID) {
		return nil, errParentNotFound()
	}
	tags, err := withTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	if s.nameTaken(org, in.ParentID, in.Name) {
		return nil, errDuplicateUnit()
	}
	if len(s.lineage(org, in.ParentID)) >= maxDepth {
		return nil, errConstraint("OU_DEPTH_LIMIT_EXCEEDED", "You cannot add an organizational unit to the specified parent because it would exceed the max depth allowed.")
	}
	if count(s.units.Scan(catalog.KeyOf(org.ID))) >= s.unitsQuota {
		return nil, errConstraint("OU_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of organizational units in the organization.")
	}
	u := unitRecord{
		ID:     newID("ou-"+org.Root[len("r-"):]+"-", 8),
		Org:    org.ID,
		Parent: in.ParentID,
		Name:   in.Name,
		Tags:   tags,
	}
	if _, err := s.units.Create(ctx, u.key(), u); err != nil {
		return nil, fmt.Errorf("create organizational unit: %w", err)
	}
	return &CreateOrganizationalUnitOutput{OrganizationalUnit: s.wireUnit(org, u)}, nil
}

// isContainer reports whether this is the root or a unit of the organization.
func (s *Service) isContainer(org organizationRecord, id string) bool {
	if id == org.Root {
		return true
	}
	_, ok := s.unit(org, id)
	return ok
}

// nameTaken reports whether a unit directly in parent has this name.
func (s *Service) nameTaken(org organizationRecord, parent, name string) bool {
	for _, u := range s.units.Scan(catalog.KeyOf(org.ID)) {
		if u.Parent == parent && u.Name == name {
			return true
		}
	}
	return false
}

// describeOrganizationalUnit answers one organizational unit.
func (s *Service) describeOrganizationalUnit(_ context.Context, _ *api.Call, org organizationRecord, in *DescribeOrganizationalUnitInput) (*DescribeOrganizationalUnitOutput, error) {
	u, ok := s.unit(org, in.OrganizationalUnitID)
	if !ok {
		return nil, errUnitNotFound()
	}
	return &DescribeOrganizationalUnitOutput{OrganizationalUnit: s.wireUnit(org, u)}, nil
}

// updateOrganizationalUnit renames an organizational unit; without a name nothing
// changes.
func (s *Service) updateOrganizationalUnit(ctx context.Context, _ *api.Call, org organizationRecord, in *UpdateOrganizationalUnitInput) (*UpdateOrganizationalUnitOutput, error) {
	u, ok := s.unit(org, in.OrganizationalUnitID)
	if !ok {
		return nil, errUnitNotFound()
	}
	if in.Name != "" && in.Name != u.Name {
		if s.nameTaken(org, u.Parent, in.Name) {
			return nil, errDuplicateUnit()
		}
		u.Name = in.Name
		if err := s.updateUnit(ctx, u, func(stored unitRecord) unitRecord {
			stored.Name = in.Name
			return stored
		}); err != nil {
			return nil, err
		}
	}
	return &UpdateOrganizationalUnitOutput{OrganizationalUnit: s.wireUnit(org, u)}, nil
}

// updateUnit changes the record of a unit. change must not change what the record
// points to.
func (s *Service) updateUnit(ctx context.Context, u unitRecord, change func(unitRecord) unitRecord) error {
	_, err := s.units.Update(ctx, u.key(), func(stored unitRecord, exists bool) (unitRecord, error) {
		if !exists {
			return stored, errUnitNotFound()
		}
		return change(stored), nil
	})
	if err != nil {
		return fmt.Errorf("change organizational unit %s: %w", u.ID, err)
	}
	return nil
}

// deleteOrganizationalUnit removes an organizational unit in which nothing is.
func (s *Service) deleteOrganizationalUnit(ctx context.Context, _ *api.Call, org organizationRecord, in *DeleteOrganizationalUnitInput) (*api.Void, error) {
	u, ok := s.unit(org, in.OrganizationalUnitID)
	if !ok {
		return nil, errUnitNotFound()
	}
	inside := count(s.accountsIn(org, u.ID, "")) + count(s.unitsIn(org, u.ID, ""))
	if inside > 0 {
		return nil, api.Refuse("OrganizationalUnitNotEmptyException", "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs, and try the operation again.")
	}
	return nil, remove(ctx, s.units, u.key())
}

// listOrganizationalUnitsForParent answers the units directly in the root or in a
// unit, by id.
func (s *Service) listOrganizationalUnitsForParent(_ context.Context, call *api.Call, org organizationRecord, in *ListOrganizationalUnitsForParentInput) (*ListOrganizationalUnitsForParentOutput, error) {
	if !s.isContainer(org, in.ParentID) {
		return nil, errParentNotFound()
	}
	units, next, err := page(s, pageRequest{call, in.ParentID, in.NextToken, in.MaxResults}, func(after string) rows[unitRecord] {
		return s.unitsIn(org, in.ParentID, after)
	})
	if err != nil {
		return nil, err
	}
	out := &ListOrganizationalUnitsForParentOutput{OrganizationalUnits: []OrganizationalUnit{}, NextToken: next}
	for _, u := range units {
		out.OrganizationalUnits = append(out.OrganizationalUnits, *s.wireUnit(org, u))
	}
	return out, nil
}

// wireUnit is the wire form of an organizational unit.
func (s *Service) wireUnit(org organizationRecord, u unitRecord) *OrganizationalUnit {
	return &OrganizationalUnit{
		ID:   u.ID,
		ARN:  org.arn("ou", u.ID),
		Name: u.Name,
		Path: s.path(org, u.Parent) + u.ID + "/",
	}
}
