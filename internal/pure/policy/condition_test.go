package policy

import (
	"fmt"
	"strings"
	"testing"
)

// TestConditions decides one operator on one key. The request has the values of
// got; "-" stands for an absent key.
func TestConditions(t *testing.T) {
	const absent = "-"
	for _, tt := range []struct {
		operator, want, got string // want and got: JSON values, comma separated
		holds               bool
	}{
		{"StringEquals", `"a","b"`, `b`, true},
		{"StringEquals", `"a"`, `A`, false},
		{"StringEquals", `"a*"`, `ab`, false},
		{"StringEquals", `"a*"`, `a*`, true},
		{"StringEquals", ``, `a`, false},
		{"StringEquals", `"a"`, absent, false},
		{"StringEquals", `""`, absent, false},
		{"StringEquals", `"a"`, `z,a`, true},
		{"StringEqualsIfExists", `"a"`, absent, true},
		{"StringEqualsIfExists", `"a"`, `b`, false},
		{"StringNotEquals", `"a","b"`, `b`, false},
		{"StringNotEquals", `"a","b"`, `c`, true},
		{"StringNotEquals", `"a"`, absent, true},
		{"StringNotEquals", ``, `a`, true},
		{"StringNotEquals", `"a"`, `z,a`, false},
		{"StringEqualsIgnoreCase", `"STRASSE"`, `strasse`, true},
		{"StringEqualsIgnoreCase", `"Élan"`, `éLAN`, true},
		{"StringNotEqualsIgnoreCase", `"A"`, `a`, false},
		{"StringLike", `"a?c*"`, `abc/d:e`, true},
		{"StringLike", `"a?c"`, `ac`, false},
		{"StringLike", `"a"`, `A`, false},
		{"StringNotLike", `"a*"`, `abc`, false},
		{"StringNotLike", `"a*"`, absent, true},

		{"ForAllValues:StringEquals", `"a","b"`, `a,b`, true},
		{"ForAllValues:StringEquals", `"a","b"`, `a,c`, false},
		{"ForAllValues:StringEquals", `"a"`, absent, true},
		{"ForAllValues:StringEquals", `"a"`, ``, true},
		{"ForAllValues:StringNotEquals", `"a"`, `b,c`, true},
		{"ForAllValues:StringNotEquals", `"a"`, `b,a`, false},
		{"ForAnyValue:StringEquals", `"a"`, `b,a`, true},
		{"ForAnyValue:StringEquals", `"a"`, `b,c`, false},
		{"ForAnyValue:StringEquals", `"a"`, absent, false},
		{"ForAnyValue:StringEquals", `"a"`, ``, false},
		{"ForAnyValue:StringNotEquals", `"a"`, `a,b`, true},
		{"ForAnyValue:StringNotEquals", `"a"`, `a`, false},
		{"ForAnyValue:StringNotEquals", `"a"`, absent, false},
		{"ForAnyValue:StringEqualsIfExists", `"a"`, absent, true},
		{"ForAnyValue:StringLike", `"o-1/r-1/ou-1/*"`, `o-1/r-1/ou-1/`, true},
		{"ForAnyValue:StringLike", `"o-1/r-1/ou-1/ou-*"`, `o-1/r-1/ou-1/`, false},

		{"NumericEquals", `"10"`, `10.0`, true},
		{"NumericEquals", `10`, `+010`, true},
		{"NumericEquals", `"-0"`, `0`, true},
		{"NumericEquals", `"9007199254740993"`, `9007199254740992`, false},
		{"NumericEquals", `"0.1"`, `0.10000000000000000000000000000001`, false},
		{"NumericEquals", `"1"`, `one`, false},
		{"NumericEquals", `"1"`, `1e0`, false},
		{"NumericNotEquals", `"1"`, `one`, true},
		{"NumericNotEquals", `"1"`, `1`, false},
		{"NumericLessThan", `"10"`, `9.99`, true},
		{"NumericLessThan", `"10"`, `10`, false},
		{"NumericLessThan", `"-1"`, `-2`, true},
		{"NumericLessThan", `"-1.5"`, `-1.25`, false},
		{"NumericLessThan", `"1"`, `-1`, true},
		{"NumericLessThan", `"100"`, `99`, true},
		{"NumericLessThanEquals", `"10"`, `10`, true},
		{"NumericLessThanEquals", `"10"`, `10.01`, false},
		{"NumericGreaterThan", `"10"`, `10.0001`, true},
		{"NumericGreaterThan", `"10"`, `10`, false},
		{"NumericGreaterThanEquals", `"10"`, `10`, true},

		{"DateEquals", `"2024-05-06T07:08:09Z"`, `1714979289`, true},
		{"DateEquals", `"2024-05-06T07:08:09Z"`, `2024-05-06T09:08:09+02:00`, true},
		{"DateEquals", `"2024-05-06T07:08:09Z"`, `2024-05-06T07:08:09.5Z`, false},
		{"DateEquals", `"2024-05-06"`, `2024-05-06T00:00:00`, true},
		{"DateEquals", `"2024-05"`, `2024-05-01T00:00Z`, true},
		{"DateNotEquals", `"2024-05-06"`, `2024-05-06T00:00:01Z`, true},
		{"DateLessThan", `"2024-05-06"`, `2024-05-05T23:59:59Z`, true},
		{"DateLessThan", `"2024-05-06"`, `yesterday`, false},
		{"DateLessThanEquals", `"0"`, `-1`, true},
		{"DateGreaterThan", `"1700000000"`, `1700000001`, true},
		{"DateGreaterThan", `1700000000`, `1700000000`, false},
		{"DateGreaterThanEquals", `1700000000`, `1700000000`, true},

		{"Bool", `"true"`, `true`, true},
		{"Bool", `true`, `TRUE`, true},
		{"Bool", `"true"`, `false`, false},
		{"Bool", `"true","false"`, `false`, true},
		{"Bool", `"false"`, absent, false},
		{"Bool", `"false"`, `no`, false},
		{"BoolIfExists", `"false"`, absent, true},

		{"Null", `"true"`, absent, true},
		{"Null", `"true"`, `a`, false},
		{"Null", `"false"`, `a`, true},
		{"Null", `"false"`, absent, false},
		{"Null", `true`, ``, true},
		{"Null", `"true","false"`, `a`, true},
		{"Null", ``, `a`, false},

		{"BinaryEquals", `"aGVsbG8="`, `aGVsbG8=`, true},
		{"BinaryEquals", `"aGVsbG8="`, `aGVsbG8h`, false},
		{"BinaryEqualsIfExists", `"aGVsbG8="`, absent, true},

		{"IpAddress", `"203.0.113.0/24"`, `203.0.113.7`, true},
		{"IpAddress", `"203.0.113.99/24"`, `203.0.113.7`, true},
		{"IpAddress", `"203.0.113.7"`, `203.0.113.7`, true},
		{"IpAddress", `"203.0.113.7"`, `203.0.113.8`, false},
		{"IpAddress", `"203.0.113.0/24"`, `::ffff:203.0.113.7`, true},
		{"IpAddress", `"::ffff:203.0.113.0/120"`, `203.0.113.7`, true},
		{"IpAddress", `"::ffff:203.0.113.7"`, `203.0.113.7`, true},
		{"IpAddress", `"2001:db8::/32"`, `2001:db8::1`, true},
		{"IpAddress", `"2001:db8::1"`, `2001:db8::2`, false},
		{"IpAddress", `"0.0.0.0/0"`, `2001:db8::1`, false},
		{"IpAddress", `"::/0"`, `203.0.113.7`, false},
		{"IpAddress", `"0.0.0.0/0"`, `nowhere`, false},
		{"NotIpAddress", `"203.0.113.0/24"`, `203.0.113.7`, false},
		{"NotIpAddress", `"203.0.113.0/24"`, `198.51.100.1`, true},
		{"NotIpAddress", `"203.0.113.0/24"`, absent, true},

		{"ArnLike", `"arn:aws:logs:*:111111111111:log-group:*"`, `arn:aws:logs:us-east-1:111111111111:log-group:a:log-stream:b`, true},
		{"ArnLike", `"arn:aws:logs:*"`, `arn:aws:logs:us-east-1:111111111111:log-group:a`, false},
		{"ArnLike", `"*"`, `arn:aws:logs:us-east-1:111111111111:log-group:a`, false},
		{"ArnLike", `"arn:aws:*:111111111111:*:*"`, `arn:aws:logs:us-east-1:111111111111:log-group:a`, false},
		{"ArnLike", `"*:*:*:*:*:*"`, `arn:aws:logs:us-east-1:111111111111:log-group:a`, true},
		{"ArnLike", `"*:*:*:*:*:*"`, `not:an:arn:at:all:x`, false},
		{"ArnLike", `"arn:aws:iam::111111111111:user/?ob"`, `arn:aws:iam::111111111111:user/bob`, true},
		{"ArnEquals", `"arn:aws:iam::111111111111:user/*"`, `arn:aws:iam::111111111111:user/bob`, true},
		{"ArnEquals", `"arn:aws:iam::111111111111:user/BOB"`, `arn:aws:iam::111111111111:user/bob`, false},
		{"ArnNotLike", `"arn:aws:iam::111111111111:user/b*"`, `arn:aws:iam::111111111111:user/bob`, false},
		{"ArnNotEquals", `"arn:aws:iam::111111111111:user/b*"`, absent, true},

		// Policy variables. The request has v:one = "one", v:star = "*",
		// v:two = two values and v:arn = an ARN.
		{"StringEquals", `"${v:one}"`, `one`, true},
		{"StringEquals", `"x-${V:ONE}-y"`, `x-one-y`, true},
		{"StringEquals", `"${v:absent}"`, ``, false},
		{"StringEquals", `"${v:absent}"`, absent, false},
		{"StringNotEquals", `"${v:absent}"`, `a`, true},
		{"StringEquals", `"${v:absent, 'def'}"`, `def`, true},
		{"StringEquals", `"${v:one, 'def'}"`, `def`, false},
		{"StringEquals", `"${v:absent,''}"`, `x`, false},
		{"StringEquals", `"${v:two}"`, `a`, false},
		{"StringEquals", `"${v:two, 'def'}"`, `def`, false},
		{"StringEquals", `"${*}${?}${$}"`, `*?$`, true},
		{"StringEquals", `"$${v:one}$"`, `$one$`, true},
		{"StringEqualsIgnoreCase", `"${v:one}!"`, `ONE!`, true},
		{"StringLike", `"${v:star}"`, `anything`, false},
		{"StringLike", `"${v:star}*"`, `*anything`, true},
		{"StringLike", `"${*}*"`, `a`, false},
		{"StringLike", `"*${v:one}*"`, `xonex`, true},
		{"ArnLike", `"arn:aws:iam::111111111111:user/${v:one}"`, `arn:aws:iam::111111111111:user/one`, true},
		{"ArnLike", `"${v:arn}"`, `arn:aws:iam::111111111111:user/one`, true},
		{"ArnLike", `"arn:aws:iam::${v:arn}:user/one"`, `arn:aws:iam::111111111111:user/one`, false},
		// Other operators know no variables: a value with one is refused.
	} {
		name := fmt.Sprintf("%s [%s] on %s", tt.operator, tt.want, tt.got)
		t.Run(name, func(t *testing.T) {
			d := mustParse(t, identity(`"Action":"*","Resource":"*","Condition":{"`+tt.operator+`":{"X:Key":[`+tt.want+`]}}`), Identity)
			ctx := Context{"v:one": {"one"}, "v:star": {"*"}, "v:two": {"a", "b"}, "v:arn": {"arn:aws:iam::111111111111:user/one"}}
			switch tt.got {
			case absent:
			case "":
				ctx["x:key"] = []string{}
			default:
				ctx["x:key"] = strings.Split(tt.got, ",")
			}
			if got := d.statements[0].conditions[0].holds(ctx); got != tt.holds {
				t.Errorf("holds = %v, want %v", got, tt.holds)
			}
		})
	}
}

func TestAllConditionsMustHold(t *testing.T) {
	d := mustParse(t, identity(`"Action":"*","Resource":"*","Condition":{"StringEquals":{"a":"1","b":"2"},"Bool":{"c":"true"}}`), Identity)
	p := Policies{Identity: []Source{{Document: d}}}
	for _, tt := range []struct {
		a, b, c string
		want    Effect
	}{
		{"1", "2", "true", Allow},
		{"0", "2", "true", ImplicitDeny},
		{"1", "0", "true", ImplicitDeny},
		{"1", "2", "false", ImplicitDeny},
	} {
		req := request("a:b", "*")
		req.Context = Context{"a": {tt.a}, "b": {tt.b}, "c": {tt.c}}
		if got := Evaluate(req, p, Standard); got.Effect != tt.want {
			t.Errorf("%v: got %v, want %v", tt, got.Effect, tt.want)
		}
	}
}

// Every operator that the table knows is one of IAM's, and all of IAM's are there.
func TestOperatorsAreIAMs(t *testing.T) {
	names := strings.Fields(`StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike
	 NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan NumericGreaterThanEquals
	 DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan DateGreaterThanEquals
	 Bool BinaryEquals IpAddress NotIpAddress ArnEquals ArnLike ArnNotEquals ArnNotLike`)
	for _, name := range names {
		for _, prefix := range []string{"", "ForAllValues:", "ForAnyValue:"} {
			for _, suffix := range []string{"", "IfExists"} {
				op, ok := parseOperator(prefix + name + suffix)
				if !ok || op.base != name || op.ifExists != (suffix != "") {
					t.Errorf("parseOperator(%q) = %+v, %v", prefix+name+suffix, op, ok)
				}
			}
		}
	}
	for _, name := range []string{"", "IfExists", "ForAllValues:", "Numeric", "StringEqual", "Arn", "BinaryNotEquals", "stringequals", "ForallValues:Bool"} {
		if op, ok := parseOperator(name); ok {
			t.Errorf("parseOperator(%q) = %+v, want none", name, op)
		}
	}
}
