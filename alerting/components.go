package alerting

import "github.com/otelhealth/otelhealth-go/health"

// Components returns the rules of the built-in components in the vocabulary's order, without thresholds and affecting
// nothing: those come from the HEALTH_* settings. They are ordinary rules; the slice is the caller's to change.
func Components() []Rule {
	return []Rule{
		{Name: health.RuleFD, Metric: health.MetricFDCount},
		{Name: health.RuleMemory, Metric: health.MetricMemoryRSS},
		{Name: health.RuleDatabase, Metric: health.MetricPoolCount, Source: health.SourceDatabase, SourceKey: health.AttrPoolName},
		{Name: health.RuleWebSocket, Metric: health.MetricWSConnections, Source: health.SourceWebSocket, SourceKey: health.AttrWebSocketSource},
		{Name: health.RuleThreads, Metric: health.MetricThreads},
		{Name: health.RuleGoroutines, Metric: health.MetricGoroutines},
		{Name: health.RuleStuck, Metric: health.MetricStuck},
		{Name: health.RulePool, Metric: health.MetricPoolUtil, Per: AttributeSet, Source: health.SourceDatabase, SourceKey: health.AttrPoolName},
	}
}
