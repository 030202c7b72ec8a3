package otelhealth

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-isatty"

	"github.com/otelhealth/otelhealth-go/health"
)

// WithAuthorizer lets a decide who sees more than the probes, and who acts. The credentials of HEALTH_API_TOKEN and
// HEALTH_AUTH_* and the login page are of no account then.
func WithAuthorizer(a health.Authorizer) Option {
	return func(c *config) {
		if isNothing(a) {
			c.wrong("WithAuthorizer", "nil", errors.New("an authorizer"))
			return
		}
		c.protection.Authorizer = a
	}
}

// WithCredentials sets what opens the API in place of HEALTH_API_TOKEN and HEALTH_AUTH_*.
func WithCredentials(credentials health.Credentials) Option {
	return func(c *config) {
		c.protection.Credentials, c.credentialsBy, c.badCredentials = credentials, "WithCredentials", false
	}
}

// WithReadOnly refuses everything that changes something: nobody acknowledges, resolves or silences by HTTP.
func WithReadOnly() Option {
	return func(c *config) { c.protection.ReadOnly = true }
}

// WithKubernetesPaths answers the probes at /livez, /readyz and /startupz as well.
func WithKubernetesPaths() Option {
	return func(c *config) { c.kubernetesPaths = true }
}

// checkProtection refuses credentials that make no sense together, without repeating them. Where one of them was refused
// by itself, it would only be missed.
func (c *config) checkProtection() {
	if c.badCredentials {
		return
	}
	if err := c.protection.Credentials.Validate(); err != nil {
		const want = "a token, or a user name with either a password or its hash, or both"
		c.errs = append(c.errs, fmt.Errorf("%s: got %w, want %s", c.credentialsBy, err, want))
	}
}

// Bounds of credentials. A shorter one is guessed: right credentials pass however many wrong ones came before.
const (
	shortestToken    = 16
	shortestPassword = 8
	longestSecret    = 1024
)

// setCredential notes that set refused its value.
func setCredential(set func(*config, string) error) func(*config, string) error {
	return func(c *config, value string) error {
		err := set(c, value)
		c.badCredentials = c.badCredentials || err != nil
		return err
	}
}

func setSecret(field func(*config) *string, shortest int) func(*config, string) error {
	return func(c *config, value string) error {
		if len(value) < shortest || len(value) > longestSecret || strings.TrimSpace(value) != value || !utf8.ValidString(value) {
			return fmt.Errorf("%d to %d bytes of UTF-8 without white space at an end", shortest, longestSecret)
		}
		*field(c) = value
		return nil
	}
}

func setUsername(c *config, value string) error {
	if strings.Contains(value, ":") || !utf8.ValidString(value) || len(value) > longestSecret {
		return errors.New("a name of UTF-8 without a colon")
	}
	c.protection.Username = value
	return nil
}

func setPasswordHash(c *config, value string) error {
	if (health.Credentials{Username: "anybody", PasswordHash: value}).Validate() != nil {
		return errors.New("a hash made by bcrypt")
	}
	c.protection.PasswordHash = value
	return nil
}

func setOrigins(c *config, value string) error {
	for origin := range strings.SplitSeq(value, ",") {
		origin = strings.TrimSpace(origin)
		if err := health.ValidateOrigin(origin); err != nil {
			return errors.New("origins such as https://health.example with commas between")
		}
		c.protection.TrustedOrigins = append(c.protection.TrustedOrigins, origin)
	}
	return nil
}

func setProxies(c *config, value string) error {
	for text := range strings.SplitSeq(value, ",") {
		text = strings.TrimSpace(text)
		prefix, err := netip.ParsePrefix(text)
		if address, errAddress := netip.ParseAddr(text); errAddress == nil {
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			return errors.New("addresses or networks such as 10.0.0.0/8 with commas between")
		}
		if address := prefix.Addr(); address.Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(address.Unmap(), prefix.Bits()-96)
		}
		c.protection.TrustedProxies = append(c.protection.TrustedProxies, prefix.Masked())
	}
	return nil
}

func setHosts(c *config, value string) error {
	for host := range strings.SplitSeq(value, ",") {
		if health.ValidateHost(host) != nil {
			return errors.New("host names or addresses without port or scheme, with commas between; * for every one")
		}
		c.protection.AllowedHosts = append(c.protection.AllowedHosts, strings.ToLower(strings.TrimSpace(host)))
	}
	return nil
}

func setCheckDetail(c *config, value string) error {
	switch value {
	case "full":
		c.hideDetail = false
	case "none":
		c.hideDetail = true
	default:
		return errors.New("full or none")
	}
	return nil
}

const nobodyHasAccess = "nobody has access to the health API: set HEALTH_API_TOKEN, HEALTH_AUTH_USERNAME with HEALTH_AUTH_PASSWORD, or WithAuthorizer"

// setUpToken makes a token where nothing else opens the API: printed on a terminal, otherwise kept beside the history,
// where it stays the same from one start to the next. Without either, the API stays closed and says how to open it.
func (m *Monitor) setUpToken(stderr *os.File) {
	p := &m.config.protection
	if p.Authorizer != nil || p.Token != "" || p.Username != "" {
		return
	}
	switch path := m.config.history.Path; {
	case isatty.IsTerminal(stderr.Fd()) || isatty.IsCygwinTerminal(stderr.Fd()):
		p.Token = newSecret()
		_, _ = fmt.Fprintf(stderr, "\nhealth: log in with the token %s (another at each start; set HEALTH_API_TOKEN for one of your own)\n\n", p.Token) // a terminal that is gone reads nothing
	case path == "":
		m.logger.Warn(nobodyHasAccess)
	default:
		file := path + ".token"
		token, err := keptSecret(file, shortestToken)
		if err != nil {
			m.logger.Warn(nobodyHasAccess, "error", err)
			return
		}
		if absolute, err := filepath.Abs(file); err == nil {
			file = absolute
		}
		p.Token = token
		m.logger.Info("the health API opens with the token in a file; set HEALTH_API_TOKEN for one of your own", "file", file)
	}
}

// setUpSessionKey keeps the key of browsers' sessions beside the history, so that a restart logs nobody out.
func (m *Monitor) setUpSessionKey() {
	p, path := &m.config.protection, m.config.history.Path
	if p.Authorizer != nil || len(p.SessionKey) > 0 || path == "" || p.Token == "" && p.Username == "" {
		return
	}
	const shortest = 32
	key, err := keptSecret(path+".session-key", shortest)
	if err != nil {
		m.logger.Warn("the next restart logs browsers out", "error", err)
		return
	}
	p.SessionKey = []byte(key)
}
