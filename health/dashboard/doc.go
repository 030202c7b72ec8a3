// Package dashboard is the page at /health/: HTML, style sheets and plain ES modules, embedded, without a build step and
// without anything from a third party.
//
// The page reads the API of package health alone, by relative URLs, so that it works below any base path and behind a
// proxy that strips a part of it. It keeps to a Content-Security-Policy that allows no inline script and no inline style.
package dashboard
