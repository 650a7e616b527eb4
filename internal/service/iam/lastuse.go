package iam

import (
	"strings"
	"sync"
	"time"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// A use is when, for which service and in which Region something was used last.
type use struct {
	at      time.Time
	service string
	region  arn.Region
}

// useResolution is how exact the time of a use is: a use of the same kind within
// it is not noted again, so that a busy key costs a look and no write.
const useResolution = time.Minute

// uses are the last uses of access keys, by key id, and of roles, by unique id,
// since the start of the process. The zero value is ready for use.
type uses struct {
	mu   sync.RWMutex // guards last; nothing else is locked while it is held
	last map[string]use
}

// note notes that a caller made a request, whether it was allowed or not.
func (u *uses) note(call *api.Call) {
	now := use{at: call.Time, service: call.Service, region: call.Region}
	if p := &call.Caller.Principal; p.Kind == policy.Session {
		u.noteOne(roleOf(p.ID), now)
		return
	}
	if !strings.HasPrefix(call.Caller.AccessKeyID, temporaryPrefix) {
		u.noteOne(call.Caller.AccessKeyID, now)
	}
}

func (u *uses) noteOne(id string, now use) {
	u.mu.RLock()
	last, ok := u.last[id]
	u.mu.RUnlock()
	if ok && last.service == now.service && last.region == now.region && now.at.Sub(last.at) < useResolution {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil || len(u.last) >= maxParsed {
		u.last = map[string]use{}
	}
	u.last[id] = now
}

func (u *uses) get(id string) (use, bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	last, ok := u.last[id]
	return last, ok
}

// role is the last use of a role, empty for one that was not used.
func (u *uses) role(id string) *RoleLastUsed {
	last, ok := u.get(id)
	if !ok {
		return &RoleLastUsed{}
	}
	return &RoleLastUsed{LastUsedDate: api.At(last.at), Region: string(last.region)}
}

// key is the last use of an access key, without a time for one that was not used.
func (u *uses) key(id string) *AccessKeyLastUsed {
	last, ok := u.get(id)
	if !ok {
		return &AccessKeyLastUsed{ServiceName: "N/A", Region: "N/A"}
	}
	return &AccessKeyLastUsed{LastUsedDate: api.At(last.at), ServiceName: last.service, Region: string(last.region)}
}
