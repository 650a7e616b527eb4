package logs

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTestMetricFilterShowsMatchesAndFields(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		pattern  string
		messages []string
		want     string // the answer as it goes out
	}{
		{
			"",
			[]string{"a", "b"},
			`{"matches":[{"eventNumber":1,"eventMessage":"a","extractedValues":{}},{"eventNumber":2,"eventMessage":"b","extractedValues":{}}]}`,
		},
		{
			"ERROR",
			[]string{"INFO", "an ERROR", "{"},
			`{"matches":[{"eventNumber":2,"eventMessage":"an ERROR","extractedValues":{}}]}`,
		},
		{"ERROR", []string{"INFO"}, `{"matches":[]}`},
		{
			`{ $.a = "é" }`,
			[]string{`{"a":"\u00e9"}`, `{"a":"e"}`},
			`{"matches":[{"eventNumber":1,"eventMessage":"{\"a\":\"\\u00e9\"}","extractedValues":{}}]}`,
		},
		{
			`[..., request=*.html*, status=4*,]`,
			[]string{`127.0.0.1 - frank "GET /a.html HTTP/1.0" 404 1534`},
			`{"matches":[{"eventNumber":1,"eventMessage":"127.0.0.1 - frank \"GET /a.html HTTP/1.0\" 404 1534",` +
				`"extractedValues":{"$1":"127.0.0.1","$2":"-","$3":"frank","$6":"1534","$request":"GET /a.html HTTP/1.0","$status":"404"}}]}`,
		},
		// What a match has extracted must not show in the next one.
		{
			`[a, ...]`,
			[]string{"1 2 3", "4"},
			`{"matches":[{"eventNumber":1,"eventMessage":"1 2 3","extractedValues":{"$2":"2","$3":"3","$a":"1"}},` +
				`{"eventNumber":2,"eventMessage":"4","extractedValues":{"$a":"4"}}]}`,
		},
	} {
		out := ok[TestMetricFilterOutput](r, root(sender), "TestMetricFilter", in{"filterPattern": c.pattern, "logEventMessages": c.messages})
		got, err := json.Marshal(out)
		r.must(err)
		if string(got) != c.want {
			t.Errorf("%q on %q:\n got %s\nwant %s", c.pattern, c.messages, got, c.want)
		}
	}
}

func TestTestMetricFilterRefusals(t *testing.T) {
	r := newRig(t)
	const invalid = "InvalidParameterException"
	const oneError = "1 validation error detected: "
	message := []string{"a"}
	for _, c := range []struct {
		members in
		message string
	}{
		{in{"filterPattern": "{", "logEventMessages": message}, "Invalid metric filter pattern"},
		{in{"filterPattern": `{ $.a = %a% && $.b = %b% && $.c = %c% }`, "logEventMessages": message}, "Invalid metric filter pattern"},
		{in{"logEventMessages": message}, oneError + "Value null at 'filterPattern' failed to satisfy constraint: Member must not be null"},
		{in{"filterPattern": "a"}, oneError + "Value null at 'logEventMessages' failed to satisfy constraint: Member must not be null"},
		{
			in{"filterPattern": "a", "logEventMessages": []string{}},
			oneError + "Value '[]' at 'logEventMessages' failed to satisfy constraint: Member must have length greater than or equal to 1",
		},
		{
			in{"filterPattern": strings.Repeat("é", 1025), "logEventMessages": message},
			oneError + "Value '" + strings.Repeat("é", 1025) + "' at 'filterPattern' failed to satisfy constraint: Member must have length less than or equal to 1024",
		},
	} {
		r.refused(root(sender), "TestMetricFilter", c.members, invalid, c.message)
	}
	r.void(root(sender), "TestMetricFilter", in{"filterPattern": strings.Repeat("é", 1024), "logEventMessages": make50()})
	_, err := r.do(root(sender), "TestMetricFilter", in{"filterPattern": "a", "logEventMessages": append(make50(), "a")})
	if err == nil || !strings.HasSuffix(err.Error(), "at 'logEventMessages' failed to satisfy constraint: Member must have length less than or equal to 50") {
		t.Errorf("51 messages: got %v", err)
	}
	_, err = r.do(root(sender), "TestMetricFilter", in{"filterPattern": "a", "logEventMessages": []string{""}})
	if err == nil || !strings.Contains(err.Error(), "Member must have length greater than or equal to 1") {
		t.Errorf("an empty message: got %v", err)
	}
}

func make50() []string { return strings.Split(strings.Repeat("a ", 50)[:99], " ") }

func TestTestMetricFilterNeedsPermission(t *testing.T) {
	r := newRig(t)
	ada := r.user(sender, "ada")
	try := in{"filterPattern": "a", "logEventMessages": []string{"a"}}
	r.refused(ada, "TestMetricFilter", try, "AccessDeniedException",
		"User: arn:aws:iam::111111111111:user/ada is not authorized to perform: logs:TestMetricFilter on resource: * because no identity-based policy allows the logs:TestMetricFilter action")
	r.void(root(sender), "iam:PutUserPolicy", in{
		"UserName": "ada", "PolicyName": "p",
		"PolicyDocument": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"logs:TestMetricFilter","Resource":"*"}}`,
	})
	r.void(ada, "TestMetricFilter", try)
}
