package logs

import "testing"

// A filter stays what it is while other things about its group change: who
// changes those without end must not hold up delivery.
func TestAFilterIsCurrentUntilItIsChangedItself(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	r.destination("d")
	r.policy("d", accountPolicy("111111111111"), false)
	r.void(root(sender), "PutSubscriptionFilter", filterInput("f", destinationARN))
	f := r.service.Filters(sender, "us-east-1", "g")[0]
	check := func(when string, want bool) {
		t.Helper()
		if got := r.service.Current(f); got != want {
			t.Errorf("%s: current = %v, want %v", when, got, want)
		}
	}
	check("as it was made", true)
	r.void(root(sender), "PutSubscriptionFilter", filterInput("another", destinationARN))
	check("with another filter beside it", true)
	r.void(root(sender), "PutRetentionPolicy", in{"logGroupName": "g", "retentionInDays": 7})
	check("with another retention of the group", true)
	r.void(root(sender), "PutSubscriptionFilter", with(filterInput("f", destinationARN), "filterPattern", "ERROR"))
	check("with another pattern", false)
	f = r.service.Filters(sender, "us-east-1", "g")[1]
	check("the changed one", true)
	r.void(root(sender), "DeleteSubscriptionFilter", in{"logGroupName": "g", "filterName": "f"})
	check("deleted", false)
}
