package otelhealth

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/otelhealth/otelhealth-go/health"
)

// numbered is a metric with its number in the catalog.
type numbered struct {
	number int
	info   health.MetricInfo
}

// catalog gives every metric that this module observes a number: those of the vocabulary first, then those of sources
// in the order in which they are first registered. A number is never given to another metric.
type catalog struct {
	builtins []numbered // those of the vocabulary that this module observes itself
	numbers  map[string]int
	reserved map[string]bool // names in the vocabulary, in lower case

	mu      sync.Mutex
	created map[int]bool        // custom metrics that have their instruments
	custom  map[string]numbered // by name in lower case, as OpenTelemetry compares instruments' names
}

func newCatalog() *catalog {
	c := &catalog{
		numbers:  make(map[string]int),
		reserved: make(map[string]bool),
		created:  make(map[int]bool),
		custom:   make(map[string]numbered),
	}
	for _, info := range health.Vocabulary() {
		c.reserved[strings.ToLower(info.Name)] = true
		if info.Scope == "" {
			c.numbers[info.Name] = len(c.builtins)
			c.builtins = append(c.builtins, numbered{len(c.builtins), info})
		}
	}
	return c
}

// number returns the number of a metric of the vocabulary.
func (c *catalog) number(name string) int {
	n, ok := c.numbers[name]
	if !ok {
		panic("not in the vocabulary: " + name)
	}
	return n
}

// gauges returns the metrics for a source's gauges, adding those that are new; none when one of them cannot be. Several
// sources may share a gauge as long as they agree on its unit and description.
func (c *catalog) gauges(gauges []Gauge) ([]numbered, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	added := make(map[string]numbered)
	metrics := make([]numbered, 0, len(gauges))
	for _, g := range gauges {
		name := strings.ToLower(g.Name)
		if c.reserved[name] {
			return nil, fmt.Errorf("gauge %q: the name belongs to a built-in metric", g.Name)
		}
		info := health.MetricInfo{Name: g.Name, Kind: health.Gauge, Unit: g.Unit, Description: g.Description}
		known, ok := c.custom[name]
		if !ok {
			known, ok = added[name]
		}
		if !ok {
			known = numbered{len(c.builtins) + len(c.custom) + len(added), info}
			added[name] = known
		}
		if old := known.info; old.Name != info.Name || old.Unit != info.Unit || old.Description != info.Description {
			return nil, fmt.Errorf("gauge %q: already registered as %q with unit %q and description %q",
				g.Name, old.Name, old.Unit, old.Description)
		}
		if !slices.ContainsFunc(metrics, func(m numbered) bool { return m.number == known.number }) {
			metrics = append(metrics, known)
		}
	}
	maps.Copy(c.custom, added)
	return metrics, nil
}

// size returns how many metrics there are.
func (c *catalog) size() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.builtins) + len(c.custom)
}

// once calls create with those of the custom metrics for which it has not been called with success.
func (c *catalog) once(metrics []numbered, create func(metrics []numbered) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []numbered
	for _, m := range metrics {
		if !c.created[m.number] {
			missing = append(missing, m)
		}
	}
	if err := create(missing); err != nil {
		return err
	}
	for _, m := range missing {
		c.created[m.number] = true
	}
	return nil
}
