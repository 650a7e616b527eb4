package server_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tributary/internal/client"
	"tributary/internal/pure/sigv4"
	"tributary/internal/server/servertest"
)

// A headerKeeper keeps the header of the last answer.
type headerKeeper struct {
	mu   sync.Mutex
	last http.Header
}

func (k *headerKeeper) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.last = res.Header
	}
	return res, err
}

// message is what the last answer says about a denial.
func (k *headerKeeper) message() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last.Get("X-Tributary-Authorization-Message")
}

// A denial of a service of either protocol carries a message. Whoever may decode
// messages in the caller's account can read it, and nobody in another.
func TestDenialsCarryAMessageForTheirOwnAccount(t *testing.T) {
	const account, other = "111111111111", "222222222222"
	s := servertest.Start(t)
	s.Must(account, "iam", "create-user", "--user-name", "ann")
	s.Must(account, "iam", "put-user-policy", "--user-name", "ann", "--policy-name", "p", "--policy-document",
		`{"Version":"2012-10-17","Statement":{"Sid":"Never","Effect":"Deny","Action":["logs:*","iam:*"],"Resource":"*"}}`)
	key := s.Must(account, "iam", "create-access-key", "--user-name", "ann")["AccessKey"].(map[string]any)
	ann, kept := s.As(account), &headerKeeper{}
	ann.Credentials = sigv4.Credentials{AccessKeyID: key["AccessKeyId"].(string), SecretAccessKey: key["SecretAccessKey"].(string)}
	ann.HTTP = &http.Client{Transport: kept}
	for action, words := range map[string]client.Command{
		"logs:CreateLogGroup": {"logs", "create-log-group", "--log-group-name", "g"},
		"iam:ListUsers":       {"iam", "list-users"},
	} {
		_, err := ann.Run(t.Context(), s.Dispatcher, words)
		if err == nil || !strings.Contains(err.Error(), "explicit deny") {
			t.Fatalf("%s: got %v, want a denial", action, err)
		}
		message := kept.message()
		if message == "" || strings.Contains(err.Error(), message) {
			t.Fatalf("%s: message %q, want one beside the text of the refusal", action, message)
		}
		out := s.Must(account, "sts", "decode-authorization-message", "--encoded-message", message)
		var decoded struct {
			ExplicitDeny      bool
			MatchedStatements struct {
				Items []struct{ StatementID string }
			}
			Context struct {
				Action    string
				Principal struct{ ARN string }
			}
		}
		if err := json.Unmarshal([]byte(out["DecodedMessage"].(string)), &decoded); err != nil {
			t.Fatal(err)
		}
		if c := decoded.Context; c.Action != action || c.Principal.ARN != "arn:aws:iam::"+account+":user/ann" || !decoded.ExplicitDeny ||
			len(decoded.MatchedStatements.Items) != 1 || decoded.MatchedStatements.Items[0].StatementID != "Never" {
			t.Errorf("%s: the message says %s", action, out["DecodedMessage"])
		}
		for who, as := range map[string]*client.Client{"another account": s.As(other), "who may not": ann} {
			want := map[string]string{"another account": "InvalidAuthorizationMessageException", "who may not": "AccessDenied"}[who]
			_, err := as.Run(t.Context(), s.Dispatcher, client.Command{"sts", "decode-authorization-message", "--encoded-message", message})
			if refusal, ok := errors.AsType[*client.Refusal](err); !ok || refusal.Code != want {
				t.Errorf("%s: decoded by %s: got %v, want %s", action, who, err, want)
			}
		}
	}
	if _, err := ann.Run(t.Context(), s.Dispatcher, client.Command{"sts", "get-caller-identity"}); err != nil || kept.message() != "" {
		t.Errorf("what is allowed: got %v and message %q, want none", err, kept.message())
	}
}
