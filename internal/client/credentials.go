package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tributary/internal/pure/sigv4"
)

// FindCredentials returns the credentials of the environment
// (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN) or, if a profile
// is named or the environment has none, those of the shared-credentials file.
func FindCredentials(profile string, env func(string) string) (sigv4.Credentials, error) {
	id, secret := env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")
	switch {
	case profile != "":
	case id != "" && secret != "":
		return sigv4.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: env("AWS_SESSION_TOKEN")}, nil
	case id != "" || secret != "":
		return sigv4.Credentials{}, errors.New("of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set")
	default:
		profile = env("AWS_PROFILE")
	}
	if profile == "" {
		profile = "default"
	}
	path := env("AWS_SHARED_CREDENTIALS_FILE")
	if path == "" {
		path = filepath.Join(env("HOME"), ".aws", "credentials")
	}
	f, err := os.Open(path)
	if err != nil {
		return sigv4.Credentials{}, fmt.Errorf("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file with AWS_SHARED_CREDENTIALS_FILE (%w)", err)
	}
	defer func() { _ = f.Close() }() // only read
	c, err := readProfile(f, profile)
	if err != nil {
		return sigv4.Credentials{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// readProfile reads one profile of a shared-credentials file: sections in
// brackets, lines of name = value, comments after # or ;.
func readProfile(r io.Reader, profile string) (sigv4.Credentials, error) {
	var c sigv4.Credentials
	section := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = strings.TrimSpace(strings.Trim(line, "[]"))
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if section != profile || !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "aws_access_key_id":
			c.AccessKeyID = value
		case "aws_secret_access_key":
			c.SecretAccessKey = value
		case "aws_session_token":
			c.SessionToken = value
		}
	}
	if err := lines.Err(); err != nil {
		return sigv4.Credentials{}, err
	}
	if c.AccessKeyID == "" || c.SecretAccessKey == "" {
		return sigv4.Credentials{}, errors.New("no access key in profile " + profile)
	}
	return c, nil
}
