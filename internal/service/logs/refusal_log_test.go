package logs

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// The answer is opaque; the operator's log has the request and the check that
// failed.
func TestOpaqueRefusalsAreLoggedWithTheirCheck(t *testing.T) {
	r := newRig(t)
	r.group(root(sender), "g")
	var out bytes.Buffer
	r.service.cfg.Log = slog.New(slog.NewTextHandler(&out, nil))
	logged := func(what string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: the log is %q, want it to have %q", what, out.String(), want)
			}
		}
		out.Reset()
	}
	put := filterInput("f", destinationARN)
	r.refused(root(sender), "PutSubscriptionFilter", put, "AccessDeniedException", notAdmitted)
	logged("no destination", "level=INFO", "requestID=r-1", "check=destination", destinationARN)
	r.destination("d")
	r.refused(root(sender), "PutSubscriptionFilter", put, "AccessDeniedException", notAdmitted)
	logged("no policy", "requestID=r-1", "check=access-policy")
	_, err := r.do(root(sender), "PutSubscriptionFilter", with(put, "roleArn", "arn:aws:iam::111111111111:role/none"))
	if err == nil {
		t.Error("a filter with a role that is not there was made")
	}
	logged("no role", "requestID=r-1", "check=sender-role")
}
