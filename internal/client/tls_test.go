package client

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyAuthoritiesOfTheBundleAreTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		bundle  string
		trusted bool
	}{{bundle, true}, {"", false}} {
		h, err := NewHTTP(c.bundle)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := h.Get(server.URL)
		if (err == nil) != c.trusted {
			t.Errorf("bundle %q: got error %v, want trusted %v", c.bundle, err, c.trusted)
		}
		if err == nil {
			_ = resp.Body.Close() // empty
		}
	}
}

func TestABundleWithoutCertificatesIsRefused(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, empty + ".none"} {
		if _, err := NewHTTP(path); err == nil {
			t.Errorf("%s: got no error", path)
		}
	}
}
