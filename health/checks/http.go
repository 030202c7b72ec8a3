package checks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// HTTPOption changes how [HTTP] asks.
type HTTPOption func(*httpProbe)

// ExpectStatus accepts these status codes alone; by default every one from 200 to 299 is accepted. A redirect whose code
// is among them is not followed.
func ExpectStatus(codes ...int) HTTPOption {
	return func(p *httpProbe) { p.expected = append(p.expected, codes...) }
}

// FollowRedirects follows redirects to other hosts too, 10 in a row at most. Headers set by [Header] are not sent there.
func FollowRedirects() HTTPOption {
	return func(p *httpProbe) { p.follow = true }
}

// Header sends a header with each request, such as Authorization.
func Header(name, value string) HTTPOption {
	return func(p *httpProbe) { p.header.Set(name, value) }
}

// TLS sets which certificates are trusted and shown; by default those of the system, and none.
func TLS(config *tls.Config) HTTPOption {
	return func(p *httpProbe) { p.tls = config }
}

// HTTP asks address, a URL, with GET. Without options an answer from 200 to 299 is well. Redirects are followed within
// the URL's scheme, host and port; one that leads elsewhere fails. At most 4 KiB of the body are read. A user and password
// in the URL are sent as Basic authentication. Proxies of the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) are used.
func HTTP(address string, options ...HTTPOption) func(context.Context) error {
	p, err := newHTTPProbe(address, options)
	if err != nil {
		return failing(err)
	}
	return p.probe
}

type httpProbe struct {
	url      *url.URL // without user and password: those are in header
	expected []int    // empty: 200 to 299
	follow   bool
	header   http.Header
	tls      *tls.Config
	client   *http.Client
}

const (
	mostRead      = 4 << 10  // of a body
	mostHeader    = 16 << 10 // of an answer
	mostRedirects = 10
)

func newHTTPProbe(address string, options []HTTPOption) (*httpProbe, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("URL: got a value that is not repeated here, want http:// or https://, a host and a path")
	}
	p := &httpProbe{header: make(http.Header)}
	p.header.Set("User-Agent", "otelhealth")
	if u.User != nil {
		password, _ := u.User.Password()
		r := http.Request{Header: p.header}
		r.SetBasicAuth(u.User.Username(), password)
		u.User = nil
	}
	p.url = u
	for _, option := range options {
		option(p)
	}
	for _, code := range p.expected {
		if code < 200 || code > 599 {
			return nil, fmt.Errorf("ExpectStatus: got %d, want 200 to 599", code)
		}
	}
	p.client = &http.Client{CheckRedirect: p.checkRedirect, Transport: &http.Transport{
		Proxy:                  proxy,
		TLSClientConfig:        p.tls.Clone(),
		ForceAttemptHTTP2:      true, // also with a TLSClientConfig
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: mostHeader,
	}}
	return p, nil
}

// proxy is [http.ProxyFromEnvironment] with an error that holds no credentials.
func proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("HTTP_PROXY or HTTPS_PROXY: got a value that is not repeated here, want a URL")
	}
	return u, nil
}

func (p *httpProbe) probe(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url.String(), http.NoBody)
	if err != nil {
		return withoutURL(err)
	}
	r.Header, r.Host = p.header.Clone(), p.header.Get("Host")
	defer p.client.CloseIdleConnections() // ends a dial that the request, canceled, has left behind
	answer, err := p.client.Do(r)
	if err != nil {
		return withoutURL(err)
	}
	defer answer.Body.Close()
	if !p.expects(answer.StatusCode) {
		return fmt.Errorf("got %s, want %s", statusText(answer.StatusCode), p.want())
	}
	if _, err := io.CopyN(io.Discard, answer.Body, mostRead); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the body: %w", err)
	}
	return nil
}

// checkRedirect decides whether to follow a redirect to r. What names the way here, and may hold a token, stays here.
func (p *httpProbe) checkRedirect(r *http.Request, via []*http.Request) error {
	r.Header.Del("Referer")
	elsewhere := r.URL.Scheme != p.url.Scheme || !strings.EqualFold(r.URL.Host, p.url.Host)
	switch {
	case slices.Contains(p.expected, r.Response.StatusCode):
		return http.ErrUseLastResponse
	case len(via) > mostRedirects:
		return fmt.Errorf("redirected more than %d times", mostRedirects)
	case elsewhere && !p.follow:
		return fmt.Errorf("redirected elsewhere, to %s://%s, want %s", r.URL.Scheme, r.URL.Host, p.want())
	case elsewhere:
		for name := range p.header {
			r.Header.Del(name)
		}
	}
	return nil
}

func (p *httpProbe) expects(code int) bool {
	if len(p.expected) == 0 {
		return code >= 200 && code <= 299
	}
	return slices.Contains(p.expected, code)
}

func (p *httpProbe) want() string {
	if len(p.expected) == 0 {
		return "200 to 299"
	}
	return strings.Trim(fmt.Sprint(p.expected), "[]")
}

// statusText is the code with its name as we know it: an answer's own may be of any length.
func statusText(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// withoutURL leaves out the URL, in whose path or query a token may stand.
func withoutURL(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
