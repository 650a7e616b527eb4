package gateway_test

import (
	"encoding/xml"
	"io"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestQueryRoundTrip(t *testing.T) {
	w := newWire(t, nil)
	const head = `<EchoResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><EchoResult>`
	for name, c := range map[string]struct{ in, want string }{
		"text":              {"text=a+b%20c%2Bd%26%3D", "<text>a b c+d&amp;=</text>"},
		"policy document":   {"text=%7B%22a%22%3A+%22%3Cb%3E%22%7D", "<text>{&quot;a&quot;: &quot;&lt;b&gt;&quot;}</text>"},
		"number":            {"count=3", "<count>3</count>"},
		"flag":              {"flag=true", "<flag>true</flag>"},
		"time":              {"at=2026-11-21T01:02:03Z", "<at>2026-11-21T01:02:03Z</at>"},
		"blob":              {"data=aGk%3D", "<data>aGk=</data>"},
		"list":              {"names.member.2=y&names.member.1=x", "<names><member>x</member><member>y</member></names>"},
		"empty list":        {"names=", "<names></names>"},
		"structure":         {"inner.text=x&inner.inner.count=2", "<inner><text>x</text><inner><count>2</count></inner></inner>"},
		"list of structure": {"things.member.1.text=x&things.member.1.count=1&things.member.2.text=y", "<things><member><text>x</text><count>1</count></member><member><text>y</text></member></things>"},
		"unknown":           {"DryRun=true&Other.member.1.X=y", ""},
		"empty parameters":  {"&&text=x&", "<text>x</text>"},
		"no value":          {"text", "<text></text>"},
		"control character": {"text=a%01b%0D%0A%09c%EF%BF%BF", "<text>a\ufffdb&#xD;\n\tc\ufffd</text>"},
	} {
		if name == "no value" { // an empty text is absent from an output with omitzero
			c.want = ""
		}
		got := w.do(formMessage("iam", "Action=Echo&Version=2010-05-08&"+c.in))
		want := head + c.want + "</EchoResult><ResponseMetadata><RequestId>" + got.header.Get("x-amzn-RequestId") + "</RequestId></ResponseMetadata></EchoResponse>\n"
		w.want(name, got, 200, want)
		if ct := got.header.Get("Content-Type"); ct != "text/xml" {
			t.Errorf("%s: Content-Type: got %s, want text/xml", name, ct)
		}
		wellFormed(t, got.body)
	}
	got := w.do(formMessage("sts", "Action=Void&Version=2011-06-15"))
	w.want("no output members", got, 200, `<VoidResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><ResponseMetadata><RequestId>`+
		got.header.Get("x-amzn-RequestId")+"</RequestId></ResponseMetadata></VoidResponse>\n")
	got = w.do(formMessage("iam", "text=x&Version=2010-05-08&Action=Echo"))
	w.wantPrefix("any order", got, 200, head+"<text>x</text>")
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Errorf("not XML: %v in %s", err, text)
			return
		}
	}
}

func TestQueryErrors(t *testing.T) {
	w := newWire(t, nil)
	for name, c := range map[string]struct {
		body          string
		status        int
		kind          string
		code, message string
	}{
		"refusal":        {"Action=Refuse&Version=2010-05-08", 400, "Sender", "TooManyTagsException", "no &quot;more&quot;"},
		"failure":        {"Action=Fail&Version=2010-05-08", 500, "Receiver", "InternalFailure", "The request processing has failed because of an unknown error, exception or failure."},
		"unknown action": {"Action=Nothing&Version=2010-05-08", 400, "Sender", "InvalidAction", "Could not find operation Nothing for version 2010-05-08"},
		"other version":  {"Action=Echo&Version=2011-06-15", 400, "Sender", "InvalidAction", "Could not find operation Echo for version 2011-06-15"},
		"no action":      {"Version=2010-05-08", 400, "Sender", "MissingAction", "Request is missing the Action parameter"},
		"no body":        {"", 400, "Sender", "MissingAction", "Request is missing the Action parameter"},
		"markup in name": {"Action=%3Cscript%3E&Version=2010-05-08", 400, "Sender", "InvalidAction", "Could not find operation &lt;script&gt; for version 2010-05-08"},
		"constraint": {
			"Action=Echo&Version=2010-05-08&count=0", 400, "Sender", "ValidationError",
			"1 validation error detected: Value at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1",
		},
		"wrong type":      {"Action=Echo&Version=2010-05-08&count=x", 400, "Sender", "MalformedInput", "class java.lang.String can not be converted to an Long"},
		"gap in list":     {"Action=Echo&Version=2010-05-08&names.member.2=x", 400, "Sender", "MalformedInput", "Start of structure or map found where not expected."},
		"huge index":      {"Action=Echo&Version=2010-05-08&names.member.2000000000=x", 400, "Sender", "MalformedInput", "Start of structure or map found where not expected."},
		"index zero":      {"Action=Echo&Version=2010-05-08&names.member.0=x", 400, "Sender", "MalformedInput", "Start of structure or map found where not expected."},
		"two spellings":   {"Action=Echo&Version=2010-05-08&names.member.1=x&names.member.01=y", 400, "Sender", "MalformedInput", "Start of structure or map found where not expected."},
		"bad escape":      {"Action=Echo&Version=2010-05-08&text=%zz", 400, "Sender", "MalformedInput", `The form is malformed: invalid URL escape &quot;%zz&quot;.`},
		"not UTF-8":       {"Action=Echo&Version=2010-05-08&text=%ff", 400, "Sender", "MalformedInput", "The form is malformed: not UTF-8."},
		"twice":           {"Action=Echo&Version=2010-05-08&text=a&text=b", 400, "Sender", "MalformedInput", `The form is malformed: the parameter &quot;text&quot; is given more than once.`},
		"action twice":    {"Action=Echo&Version=2010-05-08&Action=Void", 400, "Sender", "MalformedInput", `The form is malformed: the parameter &quot;Action&quot; is given more than once.`},
		"value and tree":  {"Action=Echo&Version=2010-05-08&inner=a&inner.text=b", 400, "Sender", "MalformedInput", `The form is malformed: the parameter &quot;inner.text&quot; is both a value and a structure.`},
		"tree and value":  {"Action=Echo&Version=2010-05-08&inner.text=b&inner=a", 400, "Sender", "MalformedInput", `The form is malformed: the parameter &quot;inner&quot; is given more than once.`},
		"empty part":      {"Action=Echo&Version=2010-05-08&a..b=b", 400, "Sender", "MalformedInput", `The form is malformed: the parameter &quot;a..b&quot; has an empty part.`},
		"too many":        {"Action=Echo&Version=2010-05-08" + manyParameters(), 400, "Sender", "MalformedInput", "The form is malformed: too many parameters."},
		"too deep":        {"Action=Echo&Version=2010-05-08&" + strings.Repeat("a.", 20) + "a=1", 400, "Sender", "MalformedInput", "The form is malformed: the name of a parameter is too long."},
		"name too long":   {"Action=Echo&Version=2010-05-08&" + strings.Repeat("a", 2000) + "=1", 400, "Sender", "MalformedInput", "The form is malformed: the name of a parameter is too long."},
		"action a struct": {"Action.x=Echo&Version=2010-05-08", 400, "Sender", "MissingAction", "Request is missing the Action parameter"},
	} {
		got := w.do(formMessage("iam", c.body))
		w.want(name, got, c.status, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>`+c.kind+"</Type><Code>"+c.code+
			"</Code><Message>"+c.message+"</Message></Error><RequestId>"+got.header.Get("x-amzn-RequestId")+"</RequestId></ErrorResponse>\n")
		wellFormed(t, got.body)
	}
}

func manyParameters() string {
	var sb strings.Builder
	for i := range 5000 {
		sb.WriteString("&names.member." + strconv.Itoa(i+1) + "=" + url.QueryEscape("x"))
	}
	return sb.String()
}
