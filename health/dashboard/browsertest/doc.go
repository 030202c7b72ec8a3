// Package browsertest opens the page in a real Chromium, in front of a real monitor with a real history: nothing in it is
// imitated. It is a module of its own, so that a service that links the monitor in needs none of it.
//
// Where no Chromium is installed, or OTELHEALTH_AXE does not name a file with axe-core, the tests that need it skip; where
// CI is set they fail.
//
//	go test ./...           # from this folder
//	go test -run Screenshots -update   # makes the pictures in ../screenshots anew
package browsertest
