package operator

import (
	"strings"
	"testing"

	"tributary/internal/pure/arn"
	"tributary/internal/pure/policy"
	"tributary/internal/service/api"
)

// FuzzExplainedARNs reads what requests to explain name. What is accepted belongs to
// a real account and is read the same once more; what is refused is refused for the
// caller.
func FuzzExplainedARNs(f *testing.F) {
	const account = "111111111111"
	for _, seed := range []string{
		"g", "arn:aws:logs:us-east-1:111111111111:log-group:g", "arn:aws:logs:us-east-1:111111111111:log-group:g:*",
		"arn:aws:logs:us-east-1:111111111111:log-group:g:log-stream:s", "arn:aws:logs::111111111111:log-group:g",
		"arn:aws:logs:us-east-1:999999999999:destination:d", "arn:aws:logs:us-east-1:abcdefghijkl:destination:d",
		"arn:aws:kinesis:us-east-1:999999999999:stream/s", "arn:aws:iam::111111111111:role/r", "arn:aws:iam::111111111111:root",
		"arn:aws:sts::111111111111:assumed-role/r/s", "*", "", "arn:", "a:b", "arn:aws:logs:::log-group:",
	} {
		f.Add(seed, seed)
	}
	call := &api.Call{Region: "us-east-1", Caller: api.Caller{Principal: policy.Principal{Kind: policy.Root, Account: account}}}
	f.Fuzz(func(t *testing.T, one, other string) {
		refused := func(err error) bool {
			if _, forCaller := api.AsException(err); err != nil && !forCaller {
				t.Fatalf("%q, %q: %v is not for the caller", one, other, err)
			}
			return err != nil
		}
		owned := func(a arn.ARN) {
			if _, err := arn.ParseAccountID(string(a.Account())); err != nil {
				t.Fatalf("%q is accepted and of no account", a)
			}
		}
		if group, err := groupARN(call, one); !refused(err) {
			owned(group)
			again, err := groupARN(call, string(group))
			if err != nil || again != group || !strings.HasSuffix(string(group), ":*") {
				t.Fatalf("%q is read as %q, and that as %q, %v", one, group, again, err)
			}
		}
		if sender, to, err := subscriptionOf(call, &ExplainSubscriptionInput{LogGroupARN: "g", DestinationARN: one, RoleARN: other}); !refused(err) {
			owned(to)
			if sender.Account != account || sender.Role != "" && sender.Role.Account() != account {
				t.Fatalf("%q with role %q: the sender is %+v", one, other, sender)
			}
		}
		if principal, resource, err := accessOf(&ExplainAccessInput{PrincipalARN: one, ResourceARN: other}); !refused(err) {
			owned(principal)
			if string(resource) != other {
				t.Fatalf("resource %q is read as %q", other, resource)
			}
		}
	})
}
