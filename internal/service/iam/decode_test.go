package iam_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tributary/internal/service/api"
	"tributary/internal/service/iam"
)

// A decoded is what tests read of a decoded message.
type decoded struct {
	Allowed, ExplicitDeny bool
	MatchedStatements     struct {
		Items []struct {
			StatementID, Effect string
			Actions, Resources  struct{ Items []struct{ Value string } }
		}
	}
	Context struct {
		Principal        struct{ ID, Name, ARN string }
		Action, Resource string
		Conditions       struct {
			Items []struct {
				Key    string
				Values struct{ Items []struct{ Value string } }
			}
		}
	}
}

// denial is the encoded message of what must be denied.
func (w *world) denial(c credential, action string, in members) string {
	w.t.Helper()
	_, err := w.call(c, action, in)
	e, ok := api.AsException(err)
	if !ok || e.Encoded == "" {
		w.t.Fatalf("%s: got %v, want a denial with an encoded message", action, err)
	}
	return e.Encoded
}

func (w *world) decode(c credential, message string) (text string, d decoded) {
	w.t.Helper()
	text = do[iam.DecodeAuthorizationMessageOutput](w, c, "sts:DecodeAuthorizationMessage", members{"EncodedMessage": message}).DecodedMessage
	must(w.t, json.Unmarshal([]byte(text), &d))
	return text, d
}

func TestADenialSaysWhyToWhoMayKnow(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("iam:*", "*"))
	w.done(root(alpha), "iam:PutUserPolicy", members{"UserName": "alice", "PolicyName": "no", "PolicyDocument": `{"Version":"2012-10-17","Statement":[
		{"Sid":"NoUsers","Effect":"Deny","Action":["iam:ListUsers","iam:GetUser"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-1"}}}]}`})
	message := w.denial(alice, "iam:ListUsers", nil)
	text, d := w.decode(root(alpha), message)
	if d.Allowed || !d.ExplicitDeny || len(d.MatchedStatements.Items) != 1 {
		t.Fatalf("got %s, want one statement that denies", text)
	}
	st := d.MatchedStatements.Items[0]
	equal(t, "statement", st.StatementID+" "+st.Effect+" "+st.Actions.Items[1].Value+" "+st.Resources.Items[0].Value, "NoUsers DENY iam:GetUser *")
	equal(t, "who", d.Context.Principal.Name+" "+d.Context.Principal.ARN, "alice arn:aws:iam::111111111111:user/alice")
	equal(t, "what", d.Context.Action+" "+d.Context.Resource, "iam:ListUsers arn:aws:iam::111111111111:user/")
	found := false
	for _, c := range d.Context.Conditions.Items {
		found = found || c.Key == "aws:sourceip" && c.Values.Items[0].Value == "192.0.2.7"
	}
	if !found {
		t.Errorf("no aws:sourceip in %s", text)
	}

	const invalid = "InvalidAuthorizationMessageException: The authorization message is not valid."
	w.refused(root(beta), "sts:DecodeAuthorizationMessage", members{"EncodedMessage": message}, invalid)
	w.refused(root(alpha), "sts:DecodeAuthorizationMessage", members{"EncodedMessage": message[:len(message)-2] + "AA"}, invalid)
	w.refused(root(alpha), "sts:DecodeAuthorizationMessage", members{"EncodedMessage": "garbage"}, invalid)
	w.refused(alice, "sts:DecodeAuthorizationMessage", members{"EncodedMessage": message}, "AccessDenied: User: arn:aws:iam::111111111111:user/alice is not authorized to perform: sts:DecodeAuthorizationMessage on resource: * because no identity-based policy allows the sts:DecodeAuthorizationMessage action")
}

// TestADenialTellsNothingOfAnotherAccount holds that the message of a foreign role
// that exists and of one that does not differ in nothing but its name.
func TestADenialTellsNothingOfAnotherAccount(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", allow("sts:AssumeRole", "*"))
	trust := `{"Statement":[{"Sid":"Secret","Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"zzz"}}},
		{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole"}]}`
	w.done(root(beta), "iam:CreateRole", members{
		"RoleName": "there", "AssumeRolePolicyDocument": trust, "Tags": []any{members{"Key": "colour", "Value": "blue"}},
	})
	tell := func(role string, more members) string {
		text, _ := w.decode(root(alpha), w.denial(alice, "sts:AssumeRole",
			with(more, members{"RoleArn": "arn:aws:iam::222222222222:role/" + role, "RoleSessionName": "s1"})))
		return strings.ReplaceAll(text, role, "ROLE")
	}
	equal(t, "a role that is there", tell("there", nil), tell("absent", nil))
	if text := tell("there", members{"ExternalId": "zzz"}); strings.Contains(text, "Secret") || strings.Contains(text, "blue") {
		t.Errorf("the other account's side shows: %s", text)
	}
	// Not either where the policy of the other side speaks of tags, and these are
	// keys of the request for its sake.
	w.done(root(beta), "iam:UpdateAssumeRolePolicy", members{"RoleName": "there", "PolicyDocument": trustOf(`{"AWS":"111111111111"}`, `{"StringEquals":{"aws:ResourceTag/colour":"red"}}`)})
	w.organization(gamma, beta)
	if text := tell("there", nil); strings.Contains(text, ":resource") || strings.Contains(text, "blue") {
		t.Errorf("the other account's resource shows: %s", text)
	}
}

func TestALongDenialIsCut(t *testing.T) {
	w := newWorld(t, false)
	alice := w.user(alpha, "alice", "")
	var tags []any
	for i := range 50 {
		tags = append(tags, members{"Key": "k" + string(rune('A'+i%26)) + string(rune('0'+i/26)), "Value": strings.Repeat("x", 256)})
	}
	message := w.denial(alice, "iam:CreateUser", members{"UserName": "bob", "Tags": tags})
	if len(message) > 8192 {
		t.Errorf("the message has %d bytes", len(message))
	}
	if _, d := w.decode(root(alpha), message); d.Context.Action != "iam:CreateUser" {
		t.Errorf("got %+v", d)
	}
}
