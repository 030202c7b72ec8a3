// Package browsertest opens the page in a real Chromium, in front of a real monitor with a real history: nothing in it is
// imitated. It is a module of its own, so that a service that links the monitor in needs none of it.
//
// Where no Chromium is installed the tests skip, and so does the one that needs axe-core where npm ci was not run here and
// OTELHEALTH_AXE names no file that holds it. Where CI is set they fail.
//
//	go test ./...                        # from this folder
//	go test -run Figures -v              # how long a redraw and the first paint take
//	go test -run Screenshots -update     # makes the pictures in ../screenshots anew
package browsertest
