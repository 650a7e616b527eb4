package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
)

// NewHTTP returns an HTTP client that trusts the authorities in a PEM file and
// nobody else, as the AWS CLI does with AWS_CA_BUNDLE; without a file it trusts the
// system's.
func NewHTTP(caBundle string) (*http.Client, error) {
	if caBundle == "" {
		return http.DefaultClient, nil
	}
	text, err := os.ReadFile(caBundle)
	if err != nil {
		return nil, fmt.Errorf("certificate authorities: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("certificate authorities: %s has no certificate", caBundle)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport}, nil
}
