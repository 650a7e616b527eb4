package pattern

import (
	"errors"
	"strings"
	"testing"
)

func TestSelectionTakesAccountsAndRegions(t *testing.T) {
	const account, region = "111111111111", "us-east-1"
	for _, tt := range []struct {
		text string
		want bool
	}{
		{``, true},
		{"  \n", true},
		{`@aws.account = "111111111111"`, true},
		{`@aws.account="222222222222"`, false},
		{`@aws.account != "111111111111"`, false},
		{`@aws.account != "222222222222"`, true},
		{`@aws.region = "us-east-1"`, true},
		{`@aws.region IN ["eu-west-1", "us-east-1"]`, true},
		{`@aws.region IN ["eu-west-1"]`, false},
		{`@aws.region IN["us-east-1"]`, true},
		{`@aws.region NOT IN ["cn-north-1"]`, true},
		{`@aws.region NOT IN ["cn-north-1","us-east-1"]`, false},
		{`@aws.region = "us-east-1" AND @aws.account = "222222222222"`, false},
		{`@aws.region = "us-east-1" OR @aws.account = "222222222222"`, true},
		// AND binds tighter than OR.
		{`@aws.region = "us-east-1" OR @aws.region = "x" AND @aws.account = "x"`, true},
		{`(@aws.region = "us-east-1" OR @aws.region = "x") AND @aws.account = "x"`, false},
		{`@aws.region = "AND OR"`, false},
	} {
		s, err := ParseSelection(tt.text)
		if err != nil {
			t.Errorf("ParseSelection(%q) fails with %v", tt.text, err)
			continue
		}
		if got := s.Match(account, region); got != tt.want {
			t.Errorf("%q takes %s in %s: %t, want %t", tt.text, account, region, got, tt.want)
		}
	}
}

func TestSelectionRefusesWhatItCannotRead(t *testing.T) {
	for _, tt := range []struct {
		text string
		pos  int
	}{
		{`@aws.zone = "x"`, 0},
		{`@source.log = "x"`, 0},
		{`@aws.account`, 12},
		{`@aws.account = 111111111111`, 15},
		{`@aws.account = "1`, 15},
		{`@aws.account = ""`, 15},
		{`@aws.account > "1"`, 13},
		{`@aws.account IN []`, 17},
		{`@aws.account IN ["1",]`, 21},
		{`@aws.account IN "1"`, 16},
		{`@aws.account NOT = "1"`, 17},
		{`@aws.account INSIDE ["1"]`, 13},
		{`@aws.account = "1" AND`, 22},
		{`@aws.account = "1" @aws.region = "2"`, 19},
		{`@aws.account = "1" and @aws.region = "2"`, 19},
		{`(@aws.account = "1"`, 19},
		{`"1" = @aws.account`, 0},
		{`@aws.account = "` + strings.Repeat("1", 2000) + `"`, 2000},
		{"@aws.account = \"\xff\"", 16},
	} {
		_, err := ParseSelection(tt.text)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("ParseSelection(%q) = %v, want a SyntaxError", tt.text, err)
			continue
		}
		if syntax.Pos != tt.pos {
			t.Errorf("ParseSelection(%q) finds the fault at %d (%v), want %d", tt.text, syntax.Pos, err, tt.pos)
		}
	}
}

func FuzzParseSelection(f *testing.F) {
	f.Add(`@aws.region NOT IN ["cn-north-1"]`)
	f.Add(`(@aws.account = "1" OR @aws.region != "2") AND @aws.account IN ["3", "4"]`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelection(text)
		if err != nil {
			if pos := err.(*SyntaxError).Pos; pos < 0 || pos > len(text) {
				t.Errorf("ParseSelection(%q): position %d is outside", text, pos)
			}
			return
		}
		s.Match("111111111111", "us-east-1")
	})
}
