package client

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tributary/internal/pure/sigv4"
)

const profiles = `
# a comment with aws_access_key_id = no
aws_access_key_id = outside any profile
[default]
aws_access_key_id = D
aws_secret_access_key=d=with=equals
; another comment
[ spaced ]
  AWS_ACCESS_KEY_ID  =  S
aws_secret_access_key = s
aws_session_token = token
region = us-east-1
[half]
aws_access_key_id = H
[default2]
aws_access_key_id = D2
aws_secret_access_key = d2
`

func TestCredentialsComeFromTheEnvironmentOrAProfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	home := filepath.Join(t.TempDir())
	if err := os.MkdirAll(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{file: profiles, filepath.Join(home, ".aws", "credentials"): "[default]\naws_access_key_id = A\naws_secret_access_key = a\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	type env map[string]string
	for _, c := range []struct {
		name    string
		profile string
		env     env
		want    sigv4.Credentials
		err     string
	}{
		{"environment", "", env{"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e", "AWS_SESSION_TOKEN": "t", "AWS_PROFILE": "spaced"}, sigv4.Credentials{AccessKeyID: "E", SecretAccessKey: "e", SessionToken: "t"}, ""},
		{"environment without secret", "", env{"AWS_ACCESS_KEY_ID": "E"}, sigv4.Credentials{}, "only one is set"},
		{"environment without id", "", env{"AWS_SECRET_ACCESS_KEY": "e"}, sigv4.Credentials{}, "only one is set"},
		{"profile before environment", "default", env{"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e"}, sigv4.Credentials{AccessKeyID: "D", SecretAccessKey: "d=with=equals"}, ""},
		{"default", "", env{}, sigv4.Credentials{AccessKeyID: "D", SecretAccessKey: "d=with=equals"}, ""},
		{"AWS_PROFILE", "", env{"AWS_PROFILE": "spaced"}, sigv4.Credentials{AccessKeyID: "S", SecretAccessKey: "s", SessionToken: "token"}, ""},
		{"a name that begins like another", "default2", env{}, sigv4.Credentials{AccessKeyID: "D2", SecretAccessKey: "d2"}, ""},
		{"file in the home directory", "", env{"AWS_SHARED_CREDENTIALS_FILE": "", "HOME": home}, sigv4.Credentials{AccessKeyID: "A", SecretAccessKey: "a"}, ""},
		{"half a profile", "half", env{}, sigv4.Credentials{}, "no access key in profile half"},
		{"unknown profile", "nobody", env{}, sigv4.Credentials{}, "no access key in profile nobody"},
		{"no file", "", env{"AWS_SHARED_CREDENTIALS_FILE": file + "-not"}, sigv4.Credentials{}, "no credentials: set AWS_ACCESS_KEY_ID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := FindCredentials(c.profile, func(name string) string {
				if v, ok := c.env[name]; ok || name != "AWS_SHARED_CREDENTIALS_FILE" {
					return v
				}
				return file
			})
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got error %v, want %q", err, c.err)
			}
		})
	}
}
