package browsertest

import (
	"fmt"
	"strconv"
	"testing"
)

// TestStreamThatIsKeptBackCountsAsNone has a proxy pass on the beginning of every stream and nothing of what follows.
func TestStreamThatIsKeptBackCountsAsNone(t *testing.T) {
	s := start(t)
	s.muffled.Store(true)
	p := open(t, 1440, 1000)
	p.logIn(s.page("?range=7d"))
	s.hold(930)
	p.says(firing("File descriptors"), "Failing")
	p.says(find("region", "Overall status"), "polled")
}

// holdAnswers is a script that lets answers of what begins like that wait while holding is true.
func holdAnswers(of string) string {
	return fmt.Sprintf(`(() => {
		globalThis.holding = false;
		globalThis.held = [];
		const real = globalThis.fetch;
		globalThis.fetch = async (path, options) => {
			const answer = await real(path, options);
			if (holding && path.startsWith(%q)) await new Promise((release) => held.push(release));
			return answer;
		};
	})()`, of)
}

// TestOlderAnswerDoesNotHideAnAlert lets an answer from before the alert come after one from when it fires.
func TestOlderAnswerDoesNotHideAnAlert(t *testing.T) {
	s := start(t)
	p := open(t, 1440, 1000)
	p.beforeScripts(holdAnswers("api/alerts"))
	p.logIn(s.page(""))
	p.says(find("region", "Alerts"), "Nothing is firing")
	p.run("holding = true")
	p.press("3")
	p.until("held.length >= 2")
	p.run("holding = false")
	s.hold(930)
	p.says(firing("File descriptors"), "Failing")
	p.press("2")
	p.until(`performance.getEntriesByType("resource").filter((entry) => entry.name.includes("api/alerts")).length >= 6`)
	p.run("held.forEach((release) => release())")
	before := p.text(find("region", "Overall status"))
	p.until(`browsertest.text(` + string(find("region", "Overall status")) + `) !== ` + strconv.Quote(before))
	p.says(firing("File descriptors"), "Failing")
}
