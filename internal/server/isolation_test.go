package server_test

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tributary/internal/service/api"
)

// The isolation matrix: every operation of every service, each way to name what it is
// on, tried by every principal that must not get there. The rows are derived from the
// inputs of the operations (isolation_rows_test.go) and the words for their members
// (isolation_words_test.go), so that a new operation is in the matrix as soon as it is
// in a service's table.

// nameless are the operations that name nothing of anybody's, and why.
var nameless = map[string]string{
	"logs TestMetricFilter": "works on the messages of the request",

	"kinesis DescribeLimits":          "counts the caller's own streams",
	"kinesis DescribeAccountSettings": "are the caller's own",
	"kinesis UpdateAccountSettings":   "are the caller's own",

	"iam GetAccountSummary":             "counts the caller's own",
	"iam ListAccountAliases":            "is the caller's own",
	"iam CreateServiceLinkedRole":       "names a service",
	"iam GetContextKeysForCustomPolicy": "works on the policies of the request",

	"sts GetCallerIdentity": "tells the caller who it is",
	"sts GetSessionToken":   "is for the caller itself",

	"organizations CreateOrganization":      "is for the caller's account",
	"organizations DescribeOrganization":    "is the caller's own",
	"organizations DeleteOrganization":      "is the caller's own",
	"organizations LeaveOrganization":       "is the caller's own",
	"organizations EnableAllFeatures":       "is on the caller's own organization",
	"organizations ListRoots":               "is the caller's own",
	"organizations CreateAccount":           "makes what nobody has",
	"organizations CreatePolicy":            "makes what nobody has",
	"organizations EnableAWSServiceAccess":  "names a service",
	"organizations DisableAWSServiceAccess": "names a service",
	"organizations PutResourcePolicy":       "is on the caller's own organization",
	"organizations DescribeResourcePolicy":  "is the caller's own",
	"organizations DeleteResourcePolicy":    "is the caller's own",

	"tributary CreateAccount":          "makes what nobody has",
	"tributary ListAccounts":           "is for the management account of the installation",
	"tributary ListSubscriptionStatus": "is of the caller's own",
}

// telling are the operations whose answer depends on what another account has, as in
// AWS, and why.
var telling = map[string]string{
	"sts GetAccessKeyInfo":                              "tells whose a key is, so that its finder knows whom to warn",
	"iam CreateAccountAlias":                            "aliases of all accounts are one namespace",
	"organizations ListHandshakesForAccount by nothing": "shows the caller who has invited it",
}

// unasked are the operations for which nobody needs a permission.
var unasked = []string{"sts GetCallerIdentity", "sts GetSessionToken", "sts AssumeRoleWithWebIdentity"}

// matrix derives the attempts on all operations, those that destroy last.
func (s *scene) matrix() []attempt {
	s.t.Helper()
	var list []attempt
	var g grammar
	operations := map[string]bool{}
	for _, svc := range s.Dispatcher.Services() {
		for i := range svc.Operations {
			op := &svc.Operations[i]
			operation := svc.Name + " " + op.Name
			operations[operation] = true
			of, named := g.attempts(svc.Name, op)
			why, excused := nameless[operation]
			if !named && why == "" {
				s.t.Errorf("%s: names nothing; say in nameless why, or what its members name in namesOf", operation)
			}
			if named && excused {
				s.t.Errorf("%s: names something and is in nameless", operation)
			}
			list = append(list, of...)
		}
	}
	list = append(list, further()...)
	for _, m := range g.unknown {
		s.t.Errorf("%s: no word for this member; put it into namesOf, fillers or plain", m)
	}
	for _, named := range []map[string]string{nameless, telling} {
		for operation := range named {
			operation, _, _ = strings.Cut(operation, " by ")
			if !operations[operation] {
				s.t.Errorf("%s: an exception for an operation that does not exist", operation)
			}
		}
	}
	for _, a := range list {
		if !operations[a.operation] {
			s.t.Errorf("%s: an attempt on an operation that does not exist", a.operation)
		}
	}
	s.t.Logf("%d operations, %d attempts", len(operations), len(list))
	slices.SortStableFunc(list, func(a, b attempt) int { return cmp.Compare(a.rank(), b.rank()) })
	s.fetchTokens(list)
	return list
}

// rank says when an operation is tried: first those that read, then those that
// write, those that take away, and those that make new things, which may be in the
// way of others.
func (a *attempt) rank() int {
	_, name, _ := strings.Cut(a.operation, " ")
	for rank, verbs := range [][]string{
		{"Describe", "Get", "List", "Filter", "Test", "Simulate", "Explain", "Decode", "Scan", "Query", "Subscribe", "Assume"},
		nil, // every other
		{"Untag", "Remove", "Detach", "Disable", "Stop", "Deregister", "Cancel", "Decline", "Accept", "Merge"},
		{"Delete", "Close", "Leave", "Move"},
		{"Create"},
	} {
		if slices.ContainsFunc(verbs, func(verb string) bool { return strings.HasPrefix(name, verb) }) {
			if slices.Contains(wholesale, a.operation) {
				return 10 + slices.Index(wholesale, a.operation)
			}
			return rank
		}
	}
	return 1
}

// wholesale are the operations that take away what others need, in order.
var wholesale = []string{
	"organizations RemoveAccountFromOrganization", "organizations CloseAccount",
	"logs DeleteLogGroup", "kinesis DeleteStream", "iam DeleteUser", "iam DeleteGroup", "iam DeleteRole", "iam DeletePolicy",
	"dynamodb DeleteTable", "organizations DisablePolicyType", "organizations DeleteOrganization", "organizations LeaveOrganization",
}

// fetchTokens puts the victim's tokens into the preys.
func (s *scene) fetchTokens(list []attempt) {
	s.t.Helper()
	for _, a := range list {
		if a.page == nil {
			continue
		}
		out := s.must(a.operation, a.page(s.victim))
		word := a.operation + " " + a.how
		token, ok := out[a.how].(string)
		if a.operation == "logs GetLogEvents" {
			token, ok = out["nextBackwardToken"].(string)
		}
		if !ok {
			s.t.Errorf("%s: gives no %s for %v: %v", a.operation, a.how, a.page(s.victim), out)
			continue
		}
		s.victim[word], s.ghost[word] = token, spoil(token)
	}
}

// TestNobodyGetsAtAnotherAccountsThings makes every attempt as every principal. Nobody
// is let in, what is there and what is not look the same to strangers, and in the end
// the victim has what it had.
func TestNobodyGetsAtAnotherAccountsThings(t *testing.T) {
	s := newScene(t)
	list := s.matrix()
	principals := s.principals()
	before := s.state(list)
	if text := strings.Join(before, "\n"); strings.Count(text, canary) < 100 {
		t.Fatalf("the victim has nothing to lose:\n%s", text)
	}
	tried := 0
	for _, p := range principals {
		for i := range list {
			a := &list[i]
			service, _, _ := strings.Cut(a.operation, " ")
			if p.services != nil && !slices.Contains(p.services, service) || slices.Contains(p.open, a.operation) {
				continue
			}
			tried++
			if p.twin && service == "kinesis" {
				s.settleTwins(p.account)
			}
			s.try(p, a)
		}
		for i, after := range s.state(list) {
			if after != before[i] {
				t.Fatalf("%s has changed the victim's things:\n before %s\n after  %s", p.name, before[i], after)
			}
		}
	}
	t.Logf("%d attempts by %d principals", tried, len(principals))
}

// try makes an attempt and judges what comes of it.
func (s *scene) try(p *principal, a *attempt) {
	s.t.Helper()
	there := p.ask(s, a, s.victim)
	service, _, _ := strings.Cut(a.operation, " ")
	svc, _ := s.Dispatcher.Service(service)
	if p.standing == nobody {
		want := p.json
		if a.operation == "sts AssumeRoleWithWebIdentity" && p.json == "MissingAuthenticationTokenException" {
			return // asks for no signature: the identity token is who the caller is
		}
		if svc.Protocol == api.Query {
			want = p.query
		}
		if there.code != want {
			s.t.Errorf("%s by %s as %s: got %v, want %s", a.operation, a.how, p.name, there, want)
		}
		return
	}
	if p.standing == powerless {
		if !slices.Contains(unasked, a.operation) && there.code != "AccessDenied" && there.code != "AccessDeniedException" {
			s.t.Errorf("%s by %s as %s: got %v, want access denied", a.operation, a.how, p.name, there)
		}
		return
	}
	if telling[a.operation] != "" || telling[a.operation+" by "+a.how] != "" {
		return
	}
	seen := s.plain(there)
	if strings.Contains(seen.body, canary) || there.code == "" && p.account != victimAccount && strings.Contains(seen.body, victimAccount) {
		s.t.Errorf("%s by %s as %s: shows the victim's things: %v", a.operation, a.how, p.name, there)
	}
	if _, same := nameless[a.operation]; same && a.page == nil {
		return
	}
	if absent := s.plain(p.ask(s, a, s.ghost)); mask(seen) != mask(absent) {
		s.t.Errorf("%s by %s as %s: the answer tells that there is such a thing:\n there  %v\n absent %v", a.operation, a.how, p.name, seen, absent)
	}
}

// plain is an answer in which every name of the preys is the same.
func (s *scene) plain(a answer) answer {
	for _, name := range s.names() {
		a.body = strings.ReplaceAll(a.body, name, "NAME")
	}
	return a
}

var changing = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}` + // of requests
	`|\b(AKIA|ASIA|AIDA|AROA|AGPA|ANPA)[A-Z0-9]{12,}|\b(ou|p|h|car|rp|o|r)-[a-z0-9-]{4,}` + // ids
	`|\d{4}-\d\d-\d\dT[\d:.]+Z?|\b\d{8,}(\.\d+)?` + // times, numbers of accounts and records
	`|[A-Za-z0-9+/=_-]{40,}`) // sealed things, secrets

// mask is an answer without what is another in every answer.
func mask(a answer) answer {
	a.body, a.denial = changing.ReplaceAllString(a.body, "…"), ""
	return a
}

// state is all that the victim has and sees: the answers to every attempt that reads,
// made by its owner.
func (s *scene) state(list []attempt) []string {
	s.t.Helper()
	owner := &principal{name: "the owner", account: victimAccount, client: s.owner}
	var all []string
	for i := range list {
		a := &list[i]
		service, name, _ := strings.Cut(a.operation, " ")
		reads := slices.ContainsFunc([]string{"Describe", "Get", "List", "Filter", "Scan", "Query"}, func(verb string) bool { return strings.HasPrefix(name, verb) })
		if !reads || service == "sts" {
			continue
		}
		answer := owner.ask(s, a, s.victim)
		all = append(all, a.operation+" by "+a.how+": "+passing.ReplaceAllString(answer.body, ""))
	}
	return all
}

// passing is what in an answer to the owner is another at every time: what is sealed,
// and what is counted from now.
var passing = regexp.MustCompile(`"(nextToken|nextForwardToken|nextBackwardToken|NextToken|ShardIterator|NextShardIterator)":"[^"]*"` +
	`|<(Marker|RequestId)>[^<]*<|<RoleLastUsed>.*?</RoleLastUsed>|"(MillisBehindLatest|lagSeconds|LastUpdatedTimestamp)":[0-9.]+`)

// refusals that show that an operation was not exercised: the input did not even lead
// to the thing.
var shut = regexp.MustCompile(`AccessDenied|NotFound|NoSuchEntity|ValidationE|InvalidParameter|Serialization|InvalidInput|InvalidArgument|InvalidClientTokenId|InvalidAction|Malformed|NotInUse|InvalidAuthorizationMessage|InternalFailure|ServiceUnavailable`)

// shutToTheOwner are attempts that the owner's rights do not open, and why.
var shutToTheOwner = map[string]string{
	"logs PutSubscriptionFilter by a role that is not there": "is about that",
	"logs PutAccountPolicy by a role that is not there":      "is about that",

	"tributary CreateAccount": "is for the management account of the installation",
	"tributary ListAccounts":  "is for the management account of the installation",
}

// TestTheOwnerGetsThroughEverywhere makes the attempts of the matrix as the victim's
// own administrator, on another copy of the victim: each gets to the thing. An attempt
// that fails for everybody would prove nothing.
func TestTheOwnerGetsThroughEverywhere(t *testing.T) {
	s := newScene(t)
	list := s.matrix()
	owner := &principal{name: "the owner", account: victimAccount, client: s.owner}
	got := map[string]string{} // by operation, how it ended if no attempt got through
	for i := range list {
		a := &list[i]
		if shutToTheOwner[a.operation] != "" || shutToTheOwner[a.operation+" by "+a.how] != "" {
			continue
		}
		out := owner.ask(s, a, s.victim)
		through := !shut.MatchString(out.code)
		if !through && a.rank() < 2 {
			t.Errorf("%s by %s: the owner gets %v", a.operation, a.how, out)
		}
		if was, ok := got[a.operation]; through || ok && was == "" {
			got[a.operation] = ""
		} else {
			got[a.operation] = out.String()
		}
	}
	for operation, out := range got {
		if out != "" {
			t.Errorf("%s: the owner gets through by no attempt, at last %s", operation, out)
		}
	}
}
