package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A Collector with overlay-tls.yaml and overlay-bearer.yaml takes only from services that know its CA and its token.
func TestTLSAndToken(t *testing.T) {
	t.Parallel()
	const token, otherToken = "a-token-for-tests", "another-token"
	ca, otherCA := newAuthority(t), newAuthority(t)
	s := newStack(t)
	secure(t, s.gateway, ca, token)
	s.prometheus.begin(t)
	s.gateway.begin(t)

	for name, row := range map[string]struct {
		ca      *authority
		token   string
		arrives bool
		says    string // in the service's log; empty: nothing of it
	}{
		"right CA and token": {ca, token, true, ""},
		"wrong CA":           {otherCA, token, false, "certificate signed by unknown authority"},
		"wrong token":        {ca, otherToken, false, "Unauthenticated"},
	} {
		t.Run(name, func(t *testing.T) {
			service := startService(t, append(exportSecurely(s.gateway.otlp, row.ca, row.token),
				"OTEL_SERVICE_NAME="+filepath.Base(t.Name()))...)
			selector := uptime + `{job="` + filepath.Base(t.Name()) + `"}`
			if row.arrives {
				s.prometheus.awaitData(t, 20*time.Second, selector)
				return
			}
			await(t, 20*time.Second, "the service says why nothing arrives", func() error { return service.mustSay(row.says) })
			pass(t, 3*time.Second) // a few exports more
			if found := s.prometheus.vector(t, selector); len(found) > 0 {
				t.Errorf("got %v, want nothing to arrive", found)
			}
		})
	}
}

// pass lets time go by.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal("the test was ended")
	}
}

// exportSecurely is exportTo over TLS, with a token.
func exportSecurely(address string, ca *authority, token string) []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=https://" + address,
		"OTEL_EXPORTER_OTLP_CERTIFICATE=" + ca.path,
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20" + token,
	}
}

// secure puts the overlays for TLS and tokens on a Collector that takes from services.
func secure(t *testing.T, c *collector, ca *authority, token string) {
	t.Helper()
	tokenFile := filepath.Join(c.folder, "token")
	if err := os.WriteFile(tokenFile, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	certificate, key := ca.issue(t, c.folder)
	c.environment = append(c.environment,
		"TLS_CERT_FILE="+certificate, "TLS_KEY_FILE="+key, "BEARER_TOKEN_FILE="+tokenFile)
	for _, overlay := range []string{"overlay-tls.yaml", "overlay-bearer.yaml"} {
		c.configure(t, overlay)
	}
}

// authority is a private CA.
type authority struct {
	path        string // of its certificate
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of " + t.Name()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{certificate: template, key: newKey(t), path: filepath.Join(t.TempDir(), "ca.crt")}
	writePEM(t, a.path, "CERTIFICATE", a.sign(t, template, a.key))
	return a
}

// issue writes a certificate for this machine, and its key.
func (a *authority) issue(t *testing.T, folder string) (certificate, key string) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "gateway"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	own := newKey(t)
	certificate, key = filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key")
	writePEM(t, certificate, "CERTIFICATE", a.sign(t, template, own))
	encoded, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, key, "PRIVATE KEY", encoded)
	return certificate, key
}

// sign returns the template as a certificate of this authority for a key.
func (a *authority) sign(t *testing.T, template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	signed, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, path, kind string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// An agent with its overlays carries what a service sends it in the clear to a gateway that asks for TLS and a token.
func TestAgentBehindTLSAndToken(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	s := newStack(t)
	secure(t, s.gateway, ca, "a-token-for-tests")
	s.agent.configure(t, "overlay-agent-tls.yaml")
	s.agent.configure(t, "overlay-agent-bearer.yaml")
	s.agent.environment = append(s.agent.environment,
		"TLS_CA_FILE="+ca.path, "BEARER_TOKEN_FILE="+filepath.Join(s.gateway.folder, "token"))
	s.prometheus.begin(t)
	s.gateway.begin(t)
	s.agent.begin(t)

	startService(t, exportTo(s.agent.otlp)...)
	s.prometheus.awaitTicks(t, 3)
}

// The tier in front of gateways asks for TLS and a token, as they do, and carries what it is sent to them.
func TestLoadBalancingBehindTLSAndToken(t *testing.T) {
	t.Parallel()
	const token = "a-token-for-tests"
	ca := newAuthority(t)
	s := newStack(t)
	secure(t, s.gateway, ca, token)
	tier := newCollector(t, []string{
		"GATEWAY_HOST=127.0.0.1", "GATEWAY_PORT=" + portOf(t, s.gateway.otlp), "TLS_CA_FILE=" + ca.path,
	}, "gateway-loadbalancing.yaml")
	secure(t, tier, ca, token)
	tier.configure(t, "overlay-loadbalancing-tls.yaml")
	tier.configure(t, "overlay-loadbalancing-bearer.yaml")
	s.prometheus.begin(t)
	s.gateway.begin(t)
	tier.begin(t)

	startService(t, exportSecurely(tier.otlp, ca, token)...)
	s.prometheus.awaitTicks(t, 3)
}
