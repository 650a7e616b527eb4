package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The files of a certificate made for development.
const (
	caFile   = "ca.pem"
	certFile = "cert.pem"
	keyFile  = "key.pem"
)

const (
	// devLife is how long a made certificate is good: the most that systems take.
	devLife = 800 * 24 * time.Hour
	// devRest is what must be left of that when a server starts.
	devRest = 30 * 24 * time.Hour
)

// makeDevCertificate sees that there is a certificate in dir for the names of this
// machine and for listen, and returns the file of the authority that clients must
// trust. The authority's key is thrown away when it has signed the one certificate,
// so that nobody who has the directory can sign another.
func makeDevCertificate(dir, listen string, now time.Time) (ca string, err error) {
	ca = filepath.Join(dir, caFile)
	names, addresses := devNames(listen)
	if devCertificateServes(dir, names, addresses, now) {
		return ca, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	authority := &x509.Certificate{
		SerialNumber:          serialNumber(),
		Subject:               pkix.Name{CommonName: "Tributary development CA"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(devLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: serialNumber(),
		Subject:      pkix.Name{CommonName: "Tributary development server"},
		NotBefore:    authority.NotBefore,
		NotAfter:     authority.NotAfter,
		DNSNames:     names,
		IPAddresses:  addresses,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		return "", err
	}
	// The key first and the authority last: what an interrupted start leaves does not
	// serve, and is made again.
	err = writePEM(filepath.Join(dir, keyFile), 0o600, "PRIVATE KEY", keyDER)
	if err == nil {
		err = sign(filepath.Join(dir, certFile), leaf, authority, leafKey.Public(), authorityKey)
	}
	if err == nil {
		err = sign(ca, authority, authority, authorityKey.Public(), authorityKey)
	}
	return ca, err
}

// devNames are the names and addresses by which clients reach a server on this
// machine. SDKs put stream- or streaming- before the host of some operations.
func devNames(listen string) (names []string, addresses []net.IP) {
	names = []string{"localhost", "*.localhost", "stream-localhost", "streaming-localhost"}
	addresses = []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
	add := func(host string) {
		if ip := net.ParseIP(host); ip != nil && !ip.IsLoopback() && !ip.IsUnspecified() {
			addresses = append(addresses, ip)
		} else if ip == nil && host != "" && host != "localhost" {
			names = append(names, host, "*."+host)
		}
	}
	if host, _, err := net.SplitHostPort(listen); err == nil {
		add(host)
	}
	if host, err := os.Hostname(); err == nil {
		add(host)
	}
	return names, addresses
}

// devCertificateServes reports whether the files in dir are whole, good for a while,
// and for these names.
func devCertificateServes(dir string, names []string, addresses []net.IP, now time.Time) bool {
	authority, err := readCertificate(filepath.Join(dir, caFile))
	if err != nil {
		return false
	}
	leaf, err := readCertificate(filepath.Join(dir, certFile))
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now.Add(devRest)}); err != nil {
		return false
	}
	for _, name := range names {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	for _, ip := range addresses {
		if leaf.VerifyHostname(ip.String()) != nil {
			return false
		}
	}
	_, err = os.Stat(filepath.Join(dir, keyFile))
	return err == nil
}

func readCertificate(name string) (*x509.Certificate, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", name)
	}
	return x509.ParseCertificate(block.Bytes)
}

func sign(name string, certificate, authority *x509.Certificate, key crypto.PublicKey, by crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, certificate, authority, key, by)
	if err != nil {
		return err
	}
	return writePEM(name, 0o644, "CERTIFICATE", der)
}

func writePEM(name string, mode fs.FileMode, kind string, der []byte) error {
	return os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

func serialNumber() *big.Int {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b[:])
}
