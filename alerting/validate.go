package alerting

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
)

// complaints gathers what is wrong with one rule.
type complaints struct {
	rule string
	errs []error
}

// want adds an error unless the field is as it should be.
func (c *complaints) want(ok bool, field string, got any, wanted string) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("rule %q: %s: got %v, want %s", c.rule, field, got, wanted))
	}
}

// Validate returns everything that is wrong with the rule, joined, each error with the rule's name, the field, what it
// got and what it wants; nil when nothing is.
func (r Rule) Validate() error {
	c := &complaints{rule: r.Name}
	r.validateWhat(c)
	r.validateThresholds(c)
	r.validateTimes(c)
	r.validateSource(c)
	return errors.Join(c.errs...)
}

// ValidateRules returns what is wrong with each rule and with all of them together, joined.
func ValidateRules(rules []Rule) error {
	var errs []error
	seen := make(map[string]bool, len(rules))
	for _, r := range rules {
		errs = append(errs, r.Validate())
		if seen[r.Name] {
			errs = append(errs, fmt.Errorf("rule %q: Name: got a name that another rule has, want a new one", r.Name))
		}
		seen[r.Name] = true
	}
	return errors.Join(errs...)
}

func (r *Rule) validateWhat(c *complaints) {
	c.want(isName(r.Name), "Name", quoted(r.Name),
		fmt.Sprintf("1 to %d bytes without white space, comma or control character", maxName))
	c.want(r.Name != "*" && r.Name != "none" && r.Name != health.Overall, "Name", quoted(r.Name),
		"a name other than *, none and overall, which mean something else")
	c.want(r.Metric != "", "Metric", quoted(r.Metric), "the name of a metric")
	c.want(r.Per <= AttributeSet, "Per", r.Per, "Sum or AttributeSet")
	c.want(r.Measure <= RatePerMinute, "Measure", r.Measure, "Value or RatePerMinute")
	c.want(r.Direction <= Below, "Direction", r.Direction, "Above or Below")
	c.want(r.Affects <= Readiness|Liveness, "Affects", r.Affects, "Nothing, Readiness, Liveness or both")
	keys := make(map[attribute.Key]bool, len(r.Where))
	for _, kv := range r.Where {
		c.want(kv.Valid(), "Where", quoted(string(kv.Key)), "attributes with a key and a value")
		c.want(!keys[kv.Key], "Where", quoted(string(kv.Key))+" twice", "each key once")
		keys[kv.Key] = true
	}
}

func (r *Rule) validateThresholds(c *complaints) {
	c.want(r.Warn.set || r.Fail.set, "Warn, Fail", "both off", "at least one of them")
	r.validateThreshold(c, "Warn", r.Warn)
	r.validateThreshold(c, "Fail", r.Fail)
	r.validateThreshold(c, "Clear", r.Clear)
	side := "at most"
	if r.Direction == Below {
		side = "at least"
	}
	c.want(r.inOrder(r.Warn, r.Fail), "Warn", r.Warn, fmt.Sprintf("%s Fail, which is %v", side, r.Fail))
	lowest := r.lowest()
	c.want(r.inOrder(r.Clear, lowest), "Clear", r.Clear, fmt.Sprintf("%s the lowest threshold, which is %v", side, lowest))
}

func (r *Rule) validateThreshold(c *complaints, field string, t Threshold) {
	if !t.set {
		return
	}
	c.want(!math.IsNaN(t.value) && !math.IsInf(t.value, 0), field, t.value, "a finite number")
	if t.of != "" {
		c.want(t.value > 0, field, t, "a share above 0")
	}
}

// inOrder reports whether the value reaches the milder threshold no later than the harsher. Thresholds of different
// kinds cannot be compared before there are readings.
func (r *Rule) inOrder(milder, harsher Threshold) bool {
	if !milder.set || !harsher.set || milder.of != harsher.of || math.IsNaN(milder.value) || math.IsNaN(harsher.value) {
		return true
	}
	if r.Direction == Below {
		return milder.value >= harsher.value
	}
	return milder.value <= harsher.value
}

func (r *Rule) validateTimes(c *complaints) {
	c.want(r.For >= 0, "For", r.For, "0 or more")
	c.want(r.KeepFiringFor >= 0, "KeepFiringFor", r.KeepFiringFor, "0 or more")
	c.want(r.NoDataAfter >= 0, "NoDataAfter", r.NoDataAfter, "0 (five minutes) or more")
	c.want(r.ResolveAfter >= 0 && r.ResolveAfter <= maxResolveAfter, "ResolveAfter", r.ResolveAfter,
		fmt.Sprintf("0 (three) to %d samples", maxResolveAfter))
	c.want(r.Within >= 0 && r.Within <= maxWithin, "Within", r.Within, fmt.Sprintf("0 (one) to %d samples", maxWithin))
	c.want(r.Breaches >= 0 && r.Breaches <= max(r.Within, 1), "Breaches", r.Breaches,
		fmt.Sprintf("0 (one) to Within, which is %d", r.Within))
}

func (r *Rule) validateSource(c *complaints) {
	c.want(r.SourceName == "" || r.Source != "", "SourceName", quoted(r.SourceName), "nothing while Source is empty")
	c.want(r.SourceKey == "" || r.Source != "", "SourceKey", quoted(string(r.SourceKey)), "nothing while Source is empty")
}

// isName accepts what can stand in a list with commas, in a log line and in an attribute alike.
func isName(name string) bool {
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, func(c rune) bool {
		return c == ',' || c == unicode.ReplacementChar || unicode.IsSpace(c) || unicode.IsControl(c)
	})
}

func quoted(text string) string { return fmt.Sprintf("%q", text) }

// String returns "off", the number, or "80% of" and the limit's metric.
func (t Threshold) String() string {
	switch {
	case !t.set:
		return "off"
	case t.of == "":
		return fmt.Sprint(t.value)
	default:
		return fmt.Sprintf("%v%% of %s", t.value*100, t.of)
	}
}
