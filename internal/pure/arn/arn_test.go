package arn

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestParseAccountID(t *testing.T) {
	for _, tt := range []struct {
		in string
		ok bool
	}{
		{"123456789012", true},
		{"000000000000", true},
		{"", false},
		{"12345678901", false},
		{"1234567890123", false},
		{"12345678901a", false},
		{"-12345678901", false},
		{" 23456789012", false},
		{"１２３４", false}, // 12 bytes of full-width digits
	} {
		got, err := ParseAccountID(tt.in)
		if (err == nil) != tt.ok || tt.ok && string(got) != tt.in {
			t.Errorf("ParseAccountID(%q) = %q, %v; want ok %v", tt.in, got, err, tt.ok)
		}
	}
}

func TestParseRegion(t *testing.T) {
	for _, tt := range []struct {
		in string
		ok bool
	}{
		{"us-east-1", true},
		{"home", true},
		{strings.Repeat("a", 64), true},
		{strings.Repeat("a", 65), false},
		{"", false},
		{"-us", false},
		{"us-", false},
		{"US-EAST-1", false},
		{"us_east", false},
		{"us:east", false},
		{"us/east", false},
	} {
		got, err := ParseRegion(tt.in)
		if (err == nil) != tt.ok || tt.ok && string(got) != tt.in {
			t.Errorf("ParseRegion(%q) = %q, %v; want ok %v", tt.in, got, err, tt.ok)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Parts // zero where the text is refused
	}{
		{"arn:aws:logs:us-east-1:111111111111:log-group:a:*", Parts{"aws", "logs", "us-east-1", "111111111111", "log-group:a:*"}},
		{"arn:aws:iam::111111111111:root", Parts{"aws", "iam", "", "111111111111", "root"}},
		{"arn:aws:iam::aws:policy/ReadOnlyAccess", Parts{"aws", "iam", "", "aws", "policy/ReadOnlyAccess"}},
		{"arn:aws:s3:::bucket/key", Parts{"aws", "s3", "", "", "bucket/key"}},
		{"arn:aws-cn:s3:::b", Parts{"aws-cn", "s3", "", "", "b"}},
		{"", Parts{}},
		{"arn", Parts{}},
		{"arn:aws:logs:us-east-1:111111111111", Parts{}},
		{"arn:aws:logs:us-east-1:111111111111:", Parts{}},
		{"arn::logs:us-east-1:111111111111:x", Parts{}},
		{"arn:aws::us-east-1:111111111111:x", Parts{}},
		{"ARN:aws:logs:us-east-1:111111111111:x", Parts{}},
		{"arn:aws:logs:us-east-1:11111111111:x", Parts{}},
		{"arn:aws:logs:us-east-1:*:x", Parts{}},
	} {
		got, err := Parse(tt.in)
		if got != tt.want || (err == nil) != (tt.want != Parts{}) {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
		}
		if p := ARN(tt.in).Parts(); p != tt.want {
			t.Errorf("ARN(%q).Parts() = %+v, want %+v", tt.in, p, tt.want)
		}
		if a := ARN(tt.in).Account(); a != tt.want.Account {
			t.Errorf("ARN(%q).Account() = %q, want %q", tt.in, a, tt.want.Account)
		}
	}
}

func TestNewBuildsWhatParseReads(t *testing.T) {
	const want = "arn:aws:logs:us-east-1:111111111111:destination:d"
	if got := New("logs", "us-east-1", "111111111111", "destination:d"); got != want {
		t.Errorf("New = %q, want %q", got, want)
	}
	if got, want := AccountID("111111111111").Root(), ARN("arn:aws:iam::111111111111:root"); got != want {
		t.Errorf("Root = %q, want %q", got, want)
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"***", "", true},
		{"*", "a:b/c", true},
		{"?", "", false},
		{"?", "a", true},
		{"?", "é", true},
		{"??", "é", false},
		{"*??", "é", false},
		{"?*?", "é", false},
		{"a*", "a", true},
		{"a?", "a", false},
		{"a*b*c", "aXbYc", true},
		{"a*b*c", "abbbc", true},
		{"a*b*c", "acb", false},
		{"*ab", "aab", true},
		{"*a?c", "abbaxc", true},
		{"abc", "ABC", false},
		{"arn:aws:logs:*:111111111111:*", "arn:aws:logs:us-east-1:111111111111:log-group:a:log-stream:b", true},
		{"arn:aws:logs:*:111111111111:*", "arn:aws:logs:us-east-1:222222222222:log-group:a", false},
		{"a*\xff", "a\xfe\xff", true},
		{"?", "\xff", true},
	} {
		if got := Match(tt.pattern, tt.s); got != tt.want {
			t.Errorf("Match(%q, %q) = %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}

// The worst pattern we know must not take longer than the product of the lengths:
// an exponential matcher would not end.
func TestMatchIsBounded(t *testing.T) {
	pattern := strings.Repeat("*a", 2000) + "b"
	s := strings.Repeat("a", 4000)
	done := make(chan bool, 1)
	go func() { done <- Match(pattern, s) }()
	select {
	case got := <-done:
		if got {
			t.Error("Match = true, want false")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Match did not end in 20 seconds")
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Match("arn:aws:*:?:*x", "arn:aws:logs:é:aaaaax") }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// byRegexp is Match by other means, for valid UTF-8.
func byRegexp(pattern, s string) bool {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for _, r := range pattern {
		switch r {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String()).MatchString(s)
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"*", "a"},
		{"a*b?c", "axxbyc"},
		{"**?", "é"},
		{"*aab", "aaaab"},
		{"arn:aws:logs:*:1:*", "arn:aws:logs:x:1:y:z"},
		{"*?*?", "ab"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		pattern, s = strings.ToValidUTF8(pattern, "x"), strings.ToValidUTF8(s, "x")
		if len(pattern) > 200 {
			t.Skip("the regular expression would be large")
		}
		if got, want := Match(pattern, s), byRegexp(pattern, s); got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"arn:aws:logs:us-east-1:111111111111:log-group:a:*", "arn:aws:iam::aws:policy/x", "arn:::::", "arn:aws:s3:::b", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s)
		if err != nil {
			if p != (Parts{}) {
				t.Errorf("Parse(%q) = %+v with error %v", s, p, err)
			}
			return
		}
		back := "arn:" + p.Partition + ":" + p.Service + ":" + string(p.Region) + ":" + string(p.Account) + ":" + p.Resource
		if back != s {
			t.Errorf("Parse(%q) = %+v, which is %q", s, p, back)
		}
		if p.Account != "" && p.Account != "aws" {
			if _, err := ParseAccountID(string(p.Account)); err != nil {
				t.Errorf("Parse(%q) took account %q: %v", s, p.Account, err)
			}
		}
	})
}
