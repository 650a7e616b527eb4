package logs

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"tributary/internal/durable/catalog"
	"tributary/internal/service/api"
)

// Classes of log group.
const (
	classStandard         = "STANDARD"
	classInfrequentAccess = "INFREQUENT_ACCESS"
	classDelivery         = "DELIVERY"
)

// A group is the stored record of a log group: the value of its key in the table
// logs/group. Its subscription filters are part of it, so that their number is
// checked and changed at once, and so that they go with the group in one write.
type group struct {
	// Generation is random. It tells the group from an earlier one of the same
	// name, whose streams may still be in the table.
	Generation string            `json:"generation"`
	Created    int64             `json:"created"` // ms
	Class      string            `json:"class"`
	Retention  int32             `json:"retention,omitzero"` // days; 0 for ever
	KmsKey     string            `json:"kmsKey,omitzero"`
	Protected  bool              `json:"protected,omitzero"` // from deletion
	Tags       map[string]string `json:"tags,omitzero"`
	Filters    []filter          `json:"filters,omitzero"` // by name
}

// createLogGroupInput is CreateLogGroupInput without the bound on the name's
// length, which AWS checks with a message of its own.
type createLogGroupInput struct {
	LogGroupName              string            `json:"logGroupName" required:"true" min:"1" pattern:"[\\.\\-_/#A-Za-z0-9]+"`
	KmsKeyID                  string            `json:"kmsKeyId,omitzero" max:"256"`
	Tags                      map[string]string `json:"tags,omitzero" min:"1" max:"50" keymin:"1" keymax:"128" keypattern:"^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+)$" ofmax:"256" ofpattern:"^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$"`
	LogGroupClass             string            `json:"logGroupClass,omitzero" enum:"STANDARD,INFREQUENT_ACCESS,DELIVERY,ESSENTIALS"`
	DeletionProtectionEnabled *bool             `json:"deletionProtectionEnabled,omitzero"`
}

// createLogGroup makes an empty group. The first group of a Region makes the
// Region's ingest journals.
func (s *Service) createLogGroup(ctx context.Context, call *api.Call, in *createLogGroupInput) (*api.Void, error) {
	if utf8.RuneCountInString(in.LogGroupName) > maxNameLength {
		return nil, errNameTooLong()
	}
	if strings.HasPrefix(in.LogGroupName, reservedNames) {
		return nil, errReservedGroup()
	}
	if _, err := s.useRegion(ctx, call.Region); err != nil {
		return nil, err
	}
	g := group{
		Generation: rand.Text(),
		Created:    s.now(),
		Class:      in.LogGroupClass,
		KmsKey:     in.KmsKeyID,
		Protected:  in.DeletionProtectionEnabled != nil && *in.DeletionProtectionEnabled,
		Tags:       in.Tags,
	}
	if g.Class == "" {
		g.Class = classStandard
	}
	_, err := s.groups.Create(ctx, groupOf(call, in.LogGroupName).key(), g)
	if errors.Is(err, catalog.ErrExists) {
		return nil, errGroupExists()
	}
	return nil, err
}

// deleteLogGroup removes the group with its filters in one write. Its streams
// are absent from then on, because their group is; Run removes them from the
// table.
func (s *Service) deleteLogGroup(ctx context.Context, call *api.Call, in *DeleteLogGroupInput) (*api.Void, error) {
	id := groupOf(call, in.LogGroupName)
	err := remove(ctx, s.groups, id.key(), errNoGroup, func(g group) error {
		if g.Protected {
			return errProtected()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.filters.forget(id.key())
	s.incoming.forget(id)
	s.orphans.add(id)
	return nil, nil
}

// group is the record of a group, or the refusal that there is none.
func (s *Service) group(id groupID) (group, error) {
	g, _, ok := s.groups.Get(id.key())
	if !ok {
		return group{}, errNoGroup()
	}
	return g, nil
}

// changeGroup changes the record of a group that exists.
func (s *Service) changeGroup(ctx context.Context, id groupID, change func(*group) error) error {
	_, err := s.groups.Update(ctx, id.key(), func(g group, exists bool) (group, error) {
		if !exists {
			return group{}, errNoGroup()
		}
		err := change(&g)
		return g, err
	})
	return aborted(err)
}

// aborted is AWS's word for an update that others kept overtaking.
func aborted(err error) error {
	if errors.Is(err, catalog.ErrConflict) {
		return errAborted()
	}
	return err
}

// remove deletes a key whatever revision it is at, if allowed does not refuse
// what is there.
func remove[V any](ctx context.Context, t *catalog.Table[V], k catalog.Key, absent func() *api.Exception, allowed func(V) error) error {
	for {
		v, rev, ok := t.Get(k)
		if !ok {
			return absent()
		}
		if err := allowed(v); err != nil {
			return err
		}
		if err := t.Delete(ctx, k, rev); !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
}

// describeLogGroups lists groups by name. Like AWS it leaves out storedBytes and
// deletionProtectionEnabled when it searches by pattern, and answers such a
// search with a token for as long as a page has any result. Accounts are not
// linked here: other accounts have no groups to show.
func (s *Service) describeLogGroups(_ context.Context, call *api.Call, in *DescribeLogGroupsInput) (*DescribeLogGroupsOutput, error) {
	if in.LogGroupNamePrefix != "" && in.LogGroupNamePattern != "" {
		return nil, errPrefixAndPattern()
	}
	if len(in.LogGroupIdentifiers) > 0 && in.LogGroupNamePrefix+in.LogGroupNamePattern != "" {
		return nil, errIdentifiersAndNames()
	}
	var only map[string]bool // names, when the request lists identifiers
	if len(in.LogGroupIdentifiers) > 0 {
		only = map[string]bool{}
		for _, identifier := range in.LogGroupIdentifiers {
			id, err := identified(call, "", identifier)
			if err != nil {
				return nil, err
			}
			only[id.Name] = true
		}
	}
	search := in.LogGroupNamePattern != ""
	pages := s.pager(call, in.LogGroupNamePrefix, in.LogGroupNamePattern, in.LogGroupClass, strings.Join(in.LogGroupIdentifiers, "\n"))
	after, err := pages.after(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &DescribeLogGroupsOutput{LogGroups: []LogGroup{}}
	if !asksFor(in.AccountIdentifiers, call.Account()) {
		return out, nil
	}
	limit := pageSize(in.Limit)
	for name, g := range beginning(s.groups, in.LogGroupNamePrefix, after, string(call.Account()), string(call.Region)) {
		if search && !strings.Contains(name, in.LogGroupNamePattern) || only != nil && !only[name] ||
			in.LogGroupClass != "" && g.Class != in.LogGroupClass {
			continue
		}
		if len(out.LogGroups) == limit {
			out.NextToken = pages.token(out.LogGroups[limit-1].LogGroupName)
			break
		}
		item := g.wire(groupOf(call, name))
		if !search {
			stored := s.storedBytes(groupOf(call, name), g)
			item.StoredBytes = &stored
			item.DeletionProtectionEnabled = &g.Protected
		}
		out.LogGroups = append(out.LogGroups, item)
	}
	if n := len(out.LogGroups); search && n > 0 && out.NextToken == "" {
		out.NextToken = pages.token(out.LogGroups[n-1].LogGroupName)
	}
	return out, nil
}

// subscribable reports whether the group's class has subscription filters.
func (g *group) subscribable() bool {
	return g.Class != classInfrequentAccess && g.Class != classDelivery
}

// wire is the group as the API shows it.
func (g *group) wire(id groupID) LogGroup {
	item := LogGroup{
		LogGroupName:      id.Name,
		CreationTime:      &g.Created,
		MetricFilterCount: new(int32),
		ARN:               string(GroupARN(id.Region, id.Account, id.Name)),
		LogGroupARN:       string(id.arn()),
		KmsKeyID:          g.KmsKey,
		LogGroupClass:     g.Class,
	}
	if g.Retention > 0 {
		item.RetentionInDays = &g.Retention
	}
	return item
}

// retentionDays are the values that AWS takes.
var retentionDays = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func (s *Service) putRetentionPolicy(ctx context.Context, call *api.Call, in *PutRetentionPolicyInput) (*api.Void, error) {
	if !slices.Contains(retentionDays, in.RetentionInDays) {
		return nil, errInvalidRetention(in.RetentionInDays)
	}
	return nil, s.changeGroup(ctx, groupOf(call, in.LogGroupName), func(g *group) error {
		g.Retention = in.RetentionInDays
		return nil
	})
}

func (s *Service) deleteRetentionPolicy(ctx context.Context, call *api.Call, in *DeleteRetentionPolicyInput) (*api.Void, error) {
	return nil, s.changeGroup(ctx, groupOf(call, in.LogGroupName), func(g *group) error {
		g.Retention = 0
		return nil
	})
}

const millisPerDay = 24 * 60 * 60 * 1000

// expiry is the time in ms before which the group's events are expired, 0 when
// they are kept for ever.
func (g *group) expiry(now int64) int64 {
	if g.Retention == 0 {
		return 0
	}
	return now - int64(g.Retention)*millisPerDay
}
