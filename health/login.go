package health

import (
	"bytes"
	_ "embed"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/otelhealth/otelhealth-go/health/internal/access"
)

//go:embed login.css
var loginStyle []byte

// loginPolicy allows the page its own style sheet and form, and nothing else.
var loginPolicy = []string{"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}

// loginLocation returns where the login page is, seen from the path that was asked for, so that it is found behind
// whatever strips a part of the path; and where to go from there afterwards.
func loginLocation(r *http.Request, basePath string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), basePath), "/health")
	path = strings.TrimPrefix(path, "/")
	return strings.Repeat("../", strings.Count(path, "/")) + "login?next=" + url.QueryEscape(path+withMark(r.URL.RawQuery))
}

// localTarget returns where to go after the login, which is below the page's own folder. It is put together anew, so that
// a browser reads it as it was understood here.
func localTarget(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || strings.ContainsFunc(next, isForeignToURLs) || strings.HasPrefix(u.Path, "/") ||
		strings.Contains(u.Path, "..") || strings.Contains(u.Path, "\\") {
		return "./"
	}
	return "./" + strings.TrimLeft(strings.TrimPrefix(u.EscapedPath(), "./"), "/") + withMark(u.RawQuery)
}

func withMark(query string) string {
	if query == "" {
		return ""
	}
	return "?" + query
}

// isForeignToURLs reports whether a URL holds r in percent-encoding alone (RFC 3986, section 2). Browsers trim some of these.
func isForeignToURLs(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' }

var (
	loginStyleAnswer = newAnswer(http.StatusOK, "text/css; charset=utf-8", bytes.TrimSpace(loginStyle)).tagged()
	anHour           = []string{"max-age=3600"}
)

func (e *Endpoints) serveLoginStyle(w http.ResponseWriter, r *http.Request) {
	loginStyleAnswer.write(w, r, anHour)
}

// serveLogin shows the form.
func (e *Endpoints) serveLogin(w http.ResponseWriter, r *http.Request) {
	if !e.hasLogin(w, r) {
		return
	}
	e.writeLogin(w, r, http.StatusOK, r.URL.Query().Get("next"), "")
}

// hasLogin refuses where there is nothing to log in with.
func (e *Endpoints) hasLogin(w http.ResponseWriter, r *http.Request) bool {
	switch g := e.guard; {
	case e.disabled:
		e.published.Load().current.write(w, r, nil)
	case !g.hosts.Allow(r, g.proxies.Host(r)):
		g.foreignHost.write(w, r, noStore)
	case g.authorizer != nil:
		e.notFound.write(w, r, nil) // the application's own way in is elsewhere
	case g.verifier == nil:
		g.closed.write(w, r, nil)
	default:
		return true
	}
	return false
}

// logIn compares what the form sent, and gives the browser a session.
func (e *Endpoints) logIn(w http.ResponseWriter, r *http.Request) {
	if !e.hasLogin(w, r) {
		return
	}
	g := e.guard
	if refusal := g.sameSite(r); refusal != nil {
		refusal.write(w, r, noStore)
		return
	}
	body, refused := readForm(w, r)
	if refused != nil {
		refused.write(w, r, noStore)
		return
	}
	next := body.fields["next"]
	identity, refusal := g.verifyForm(r, body)
	if refusal != nil {
		message := "That is not right."
		status := http.StatusUnauthorized
		if refusal.status == http.StatusTooManyRequests {
			w.Header()["Retry-After"] = refusal.retryAfter
			message, status = "Too many attempts. Try again in "+refusal.retryAfter[0]+" s.", refusal.status
		}
		e.writeLogin(w, r, status, next, message)
		return
	}
	now := time.Now()
	http.SetCookie(w, g.sessionCookie(r, g.sessions.Issue(identity.Name, now), int(access.SessionLength.Seconds())))
	w.Header()["Cache-Control"] = noStore
	w.Header().Set("Location", localTarget(next))
	w.WriteHeader(http.StatusSeeOther)
}

func (g *guard) verifyForm(r *http.Request, body *form) (Identity, *answer) {
	if g.verifier.Token(body.fields["token"]) {
		return Identity{Name: access.TokenUser}, nil
	}
	if username := body.fields["username"]; username != "" { // a password manager may have filled in both
		return g.verifyPassword(r, username, body.fields["password"])
	}
	return Identity{}, g.wrongCredentials(r)
}

// sessionCookie is for the whole host: what is before the service's path when a proxy strips it is not known here. Its
// name belongs to this service and base path alone.
func (g *guard) sessionCookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: g.cookie, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: g.proxies.IsTLS(r),
	}
}

// logOut ends the browser's session.
func (e *Endpoints) logOut(w http.ResponseWriter, r *http.Request) {
	if !e.hasLogin(w, r) {
		return
	}
	if refusal := e.guard.sameSite(r); refusal != nil {
		refusal.write(w, r, noStore)
		return
	}
	for _, cookie := range r.CookiesNamed(e.guard.cookie) {
		e.guard.sessions.End(cookie.Value, time.Now())
	}
	http.SetCookie(w, e.guard.sessionCookie(r, "", -1))
	w.Header()["Cache-Control"] = noStore
	w.Header().Set("Location", "login")
	w.WriteHeader(http.StatusSeeOther)
}

func (e *Endpoints) writeLogin(w http.ResponseWriter, r *http.Request, status int, next, message string) {
	var b strings.Builder
	b.WriteString(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Log in · ` + html.EscapeString(e.service.ID) + `</title>
<link rel="stylesheet" href="login.css">
</head>
<body>
<main>
<h1>` + html.EscapeString(e.service.ID) + `</h1>
<p>Health of this service. Log in to see it.</p>
`)
	if message != "" {
		b.WriteString(`<p role="alert" class="wrong">` + html.EscapeString(message) + "</p>\n")
	}
	b.WriteString(`<form method="post" action="login">
<input type="hidden" name="next" value="` + html.EscapeString(next) + `">
`)
	if e.hasToken {
		b.WriteString(`<label>Token <input name="token" type="password" autocomplete="current-password" autofocus></label>
`)
	}
	if e.hasToken && e.hasPassword {
		b.WriteString("<p>or</p>\n")
	}
	if e.hasPassword {
		b.WriteString(`<label>User name <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
`)
	}
	b.WriteString(`<button>Log in</button>
</form>
</main>
</body>
</html>
`)
	h := w.Header()
	h["Content-Type"] = []string{"text/html; charset=utf-8"}
	h["Content-Length"] = []string{strconv.Itoa(b.Len())}
	h["Content-Security-Policy"] = loginPolicy
	h["Referrer-Policy"] = sameOrigin
	h["X-Content-Type-Options"] = nosniff
	h["Cache-Control"] = noStore
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(b.String())) // the client went away: nobody to tell
	}
}
