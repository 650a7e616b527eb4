package logs

import (
	"iter"
	"strings"
	"unicode/utf8"

	"tributary/internal/durable/catalog"
	"tributary/internal/pure/arn"
	"tributary/internal/service/api"
)

const maxNameLength = 512 // characters, of every name in this service

// A groupID names a log group.
type groupID struct {
	Account arn.AccountID
	Region  arn.Region
	Name    string
}

func (id groupID) key() catalog.Key {
	return catalog.KeyOf(string(id.Account), string(id.Region), id.Name)
}

// arn is the ARN without the ":*" that AWS shows at its end in most places.
func (id groupID) arn() arn.ARN {
	return arn.New("logs", id.Region, id.Account, "log-group:"+id.Name)
}

// GroupARN is the ARN of a log group with ":*" at its end: the one by which the
// Logs service says for which group it acts.
func GroupARN(region arn.Region, account arn.AccountID, name string) arn.ARN {
	return groupID{account, region, name}.arn() + ":*"
}

func (id groupID) stream(name string) streamName { return streamName{id, name} }

// A streamName names a log stream.
type streamName struct {
	Group groupID
	Name  string
}

func (id streamName) key() catalog.Key {
	g := id.Group
	return catalog.KeyOf(string(g.Account), string(g.Region), g.Name, id.Name)
}

func (id streamName) arn() arn.ARN { return id.Group.arn() + arn.ARN(":log-stream:"+id.Name) }

// A destinationID names a destination.
type destinationID struct {
	Account arn.AccountID
	Region  arn.Region
	Name    string
}

func (id destinationID) key() catalog.Key {
	return catalog.KeyOf(string(id.Account), string(id.Region), id.Name)
}

func (id destinationID) arn() arn.ARN {
	return arn.New("logs", id.Region, id.Account, "destination:"+id.Name)
}

// parseDestinationARN reads the ARN of a destination.
func parseDestinationARN(text arn.ARN) (id destinationID, ok bool) {
	p, err := arn.Parse(string(text))
	if err != nil || p.Partition != "aws" || p.Service != "logs" || len(p.Account) != 12 {
		return destinationID{}, false
	}
	name, ok := strings.CutPrefix(p.Resource, "destination:")
	if _, err := arn.ParseRegion(string(p.Region)); err != nil || !ok || name == "" || !validStreamName(name) {
		return destinationID{}, false
	}
	return destinationID{p.Account, p.Region, name}, true
}

// parseGroupARN reads the ARN of a log group, without ":*".
func parseGroupARN(text string) (id groupID, ok bool) {
	p, err := arn.Parse(text)
	if err != nil || p.Partition != "aws" || p.Service != "logs" || len(p.Account) != 12 {
		return groupID{}, false
	}
	name, ok := strings.CutPrefix(p.Resource, "log-group:")
	if _, err := arn.ParseRegion(string(p.Region)); err != nil || !ok || !validGroupName(name) {
		return groupID{}, false
	}
	return groupID{p.Account, p.Region, name}, true
}

// parseRoleARN reads the ARN of a role.
func parseRoleARN(text string) (role arn.ARN, account arn.AccountID, ok bool) {
	p, err := arn.Parse(text)
	if err != nil || p.Partition != "aws" || p.Service != "iam" || p.Region != "" || len(p.Account) != 12 ||
		!strings.HasPrefix(p.Resource, "role/") {
		return "", "", false
	}
	return arn.ARN(text), p.Account, true
}

func validGroupName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune(".-_/#", rune(c)) {
			return false
		}
	}
	return name != ""
}

func validStreamName(name string) bool { return !strings.ContainsAny(name, ":*") }

// identified is the log group that a request means by logGroupName or by
// logGroupIdentifier, which is a name or an ARN. Another account's group, or one
// of another Region, is not there for the caller.
func identified(call *api.Call, name, identifier string) (groupID, error) {
	switch {
	case name != "" && identifier != "":
		return groupID{}, errNameAndIdentifier()
	case name == "" && identifier == "":
		return groupID{}, errNoGroupNamed()
	case name == "":
		name = identifier
	}
	if !strings.HasPrefix(name, "arn:") {
		if !validGroupName(name) || utf8.RuneCountInString(name) > maxNameLength {
			return groupID{}, errInvalidGroupIdentifier()
		}
		return groupOf(call, name), nil
	}
	id, ok := parseGroupARN(name)
	if !ok {
		return groupID{}, errInvalidGroupIdentifier()
	}
	if id.Account != call.Account() || id.Region != call.Region {
		return groupID{}, errNoGroup()
	}
	return id, nil
}

// groupOf is the caller's log group of that name.
func groupOf(call *api.Call, name string) groupID {
	return groupID{call.Account(), call.Region, name}
}

func destinationOf(call *api.Call, name string) destinationID {
	return destinationID{call.Account(), call.Region, name}
}

// beginning yields the rows of a table whose keys are base and a name that begins
// with prefix, ascending, and only those after a name when after is given.
func beginning[V any](t *catalog.Table[V], prefix, after string, base ...string) iter.Seq2[string, V] {
	keyOf := func(name string) catalog.Key { return catalog.KeyOf(append(base[:len(base):len(base)], name)...) }
	return func(yield func(string, V) bool) {
		from := catalog.KeyOf(base...)
		switch {
		case after != "" && after >= prefix:
			from = keyOf(after)
		case prefix != "":
			from = keyOf(prefix)
			if v, _, ok := t.Get(from); ok && !yield(prefix, v) {
				return
			}
		}
		for k, v := range t.ScanFrom(catalog.KeyOf(base...), from) {
			name := k.Parts()[len(base)]
			if !strings.HasPrefix(name, prefix) || !yield(name, v) {
				return
			}
		}
	}
}
