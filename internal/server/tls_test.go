package server

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var made = time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC)

func makeCertificate(t *testing.T, dir, listen string, now time.Time) (ca string) {
	t.Helper()
	ca, err := makeDevCertificate(dir, listen, now)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCertificateForDevelopment(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	ca := makeCertificate(t, dir, "127.0.0.1:0", made)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(read(t, ca))) {
		t.Fatal("the authority is not PEM")
	}
	leaf, err := readCertificate(filepath.Join(dir, certFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "a.localhost", "stream-localhost", "streaming-localhost", "127.0.0.1", "::1"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: made.Add(time.Hour)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]os.FileMode{keyFile: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v %v, want mode %o", name, info.Mode(), err, want)
		}
	}
	// No key of the authority is left behind.
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Errorf("got %v %v, want three files", files, err)
	}
}

func TestCertificateForDevelopmentStaysWhileItServes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	before := read(t, makeCertificate(t, dir, "127.0.0.1:0", made))
	if got := read(t, makeCertificate(t, dir, "localhost:80", made.Add(time.Hour))); got != before {
		t.Error("it was made again although it served")
	}
	for name, change := range map[string]func() (listen string, now time.Time){
		"it expires soon": func() (string, time.Time) { return "127.0.0.1:0", made.Add(devLife - devRest + time.Hour) },
		"another name":    func() (string, time.Time) { return "logs.example.com:443", made },
		"another address": func() (string, time.Time) { return "192.0.2.7:443", made },
		"half of it is lost": func() (string, time.Time) {
			if err := os.Remove(filepath.Join(dir, certFile)); err != nil {
				t.Fatal(err)
			}
			return "127.0.0.1:0", made
		},
	} {
		listen, now := change()
		after := read(t, makeCertificate(t, dir, listen, now))
		if after == before {
			t.Errorf("%s: it was not made again", name)
		}
		before = read(t, makeCertificate(t, dir, "127.0.0.1:0", made))
	}
}

func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	makeCertificate(t, dir, "127.0.0.1:0", made)
	c := &certificate{cert: filepath.Join(dir, certFile), key: filepath.Join(dir, keyFile), log: slog.New(slog.DiscardHandler)}
	current := func() string {
		t.Helper()
		got, err := c.current(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(got.Certificate[0])
	}
	first := current()
	if current() != first {
		t.Error("another certificate without a change")
	}
	makeCertificate(t, dir, "192.0.2.7:443", made)
	later := time.Now().Add(time.Hour) // the file system's clock may be coarse
	if err := os.Chtimes(c.cert, later, later); err != nil {
		t.Fatal(err)
	}
	second := current()
	if second == first {
		t.Error("the changed certificate is not used")
	}
	if err := os.WriteFile(c.cert, []byte("half of a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if current() != second {
		t.Error("with a broken file the last good certificate is not used")
	}
}

func TestTLSFlagsThatDoNotGoTogether(t *testing.T) {
	for _, c := range []TLS{{Dev: true, Cert: "c"}, {Dev: true, Key: "k"}, {Cert: "c"}, {Key: "k"}} {
		if c.check() == nil {
			t.Errorf("%+v: got no error", c)
		}
	}
	cfg := Config{TLS: TLS{Cert: "/nowhere/c", Key: "/nowhere/k"}, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	if _, _, err := cfg.encryption("127.0.0.1:0"); err == nil {
		t.Error("files that are not there: got no error")
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), TLS: TLS{Dev: true}, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	encryption, _, err := cfg.encryption("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	done := make(chan error, 1)
	go func() {
		done <- tls.Server(server, encryption).HandshakeContext(t.Context())
		_ = server.Close()
	}()
	old := tls.Client(client, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true})
	if err := old.HandshakeContext(t.Context()); err == nil {
		t.Error("TLS 1.1 was taken")
	}
	if err := <-done; err == nil {
		t.Error("the server took TLS 1.1")
	}
}
