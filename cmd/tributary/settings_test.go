package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"tributary/internal/service/iam"
)

// settings is the flags as serve has them.
type settings struct {
	Listen string
	Dev    bool
	Keys   []string
	Count  int
}

func flagsOf(s *settings) *pflag.FlagSet {
	f := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	f.StringVar(&s.Listen, "listen", "default", "")
	f.BoolVar(&s.Dev, "dev", false, "")
	f.StringSliceVar(&s.Keys, "dev-credential", nil, "")
	f.IntVar(&s.Count, "ingest-journals", 0, "")
	f.String("config", "", "")
	return f
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFlagsWinOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	file := configFile(t, "listen: file\ndev: true\ndev-credential: [a:b:1, c:d:2]\ningest-journals: 7\n")
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		file string
		want settings
	}{
		{"defaults", nil, nil, "", settings{Listen: "default"}},
		{"file", nil, nil, file, settings{"file", true, []string{"a:b:1", "c:d:2"}, 7}},
		{"file named by the environment", nil, map[string]string{"TRIBUTARY_CONFIG": file}, "", settings{"file", true, []string{"a:b:1", "c:d:2"}, 7}},
		{
			"environment over file", nil,
			map[string]string{"TRIBUTARY_LISTEN": "environment", "TRIBUTARY_DEV": "false", "TRIBUTARY_DEV_CREDENTIAL": "e:f:3,g:h:4"},
			file,
			settings{"environment", false, []string{"e:f:3", "g:h:4"}, 7},
		},
		{
			"flag over both",
			[]string{"--listen", "flag", "--dev-credential", "i:j:5", "--dev=false", "--ingest-journals", "0"},
			map[string]string{"TRIBUTARY_LISTEN": "environment", "TRIBUTARY_DEV": "true", "TRIBUTARY_INGEST_JOURNALS": "3"},
			file,
			settings{"flag", false, []string{"i:j:5"}, 0},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			var got settings
			flags := flagsOf(&got)
			if err := flags.Parse(c.args); err != nil {
				t.Fatal(err)
			}
			if err := settle(flags, c.file); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsThatCannotBeAreRefusedByName(t *testing.T) {
	for name, c := range map[string]struct{ file, env, want string }{
		"unknown":     {"listne: x\n", "", `there is no setting "listne"`},
		"wrong type":  {"dev: perhaps\n", "", "dev:"},
		"a mapping":   {"listen: {host: x}\n", "", "listen: want a value or a list of values"},
		"no mapping":  {"- listen\n", "", "config.yaml:"},
		"twice":       {"listen: a\nlisten: b\n", "", "config.yaml:"},
		"environment": {"", "perhaps", "TRIBUTARY_DEV: dev:"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.env != "" {
				t.Setenv("TRIBUTARY_DEV", c.env)
			}
			if err := settle(flagsOf(&settings{}), configFile(t, c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %s", err, c.want)
			}
		})
	}
	if err := settle(flagsOf(&settings{}), filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a file that is not there: got no error")
	}
}

func TestDevelopmentCredentialsHaveThreeParts(t *testing.T) {
	got, err := parseDevCredentials([]string{"KEY:secret:111111111111"})
	if diff := cmp.Diff([]iam.DevCredential{{KeyID: "KEY", Secret: "secret", Account: "111111111111"}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"", "KEY", "KEY:secret", ":secret:111111111111", "KEY::111111111111", "KEY:secret:1", "KEY:secret:111111111111:x"} {
		if got, err := parseDevCredentials([]string{text}); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestUnknownCommandsAreErrors(t *testing.T) {
	for _, args := range [][]string{{"nonsense"}, {"account", "nonsense"}, {"serve", "stray"}, {"serve", "--nonsense"}} {
		cmd := root()
		cmd.SetArgs(args)
		cmd.SetOut(new(strings.Builder))
		if err := cmd.ExecuteContext(t.Context()); err == nil {
			t.Errorf("tributary %s: got no error", strings.Join(args, " "))
		}
	}
}

func TestEndpointMustBeAURL(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	for endpoint, ok := range map[string]bool{"": true, "http://127.0.0.1:4566": true, "https://h/": true, "127.0.0.1:4566": false, "localhost:4566": false, "http://": false, "http//x": false} {
		if _, err := (&connection{endpoint: endpoint}).client(); (err == nil) != ok {
			t.Errorf("%q: got %v, want accepted: %v", endpoint, err, ok)
		}
	}
}

func TestControlCharactersDoNotReachTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext ü": "plain\ttext ü", "\x1b[31mred": `\u001b[31mred`, "a\u202eb": `a\u202eb`, "x\x00\u009b\n": `x\u0000\u009b\u000a`,
	} {
		if got := visible(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
