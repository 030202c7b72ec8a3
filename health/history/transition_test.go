package history

import (
	"strconv"
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

// another is firing about attributes of its own: it may be open beside others.
func another(id int64, at time.Time) health.Transition {
	t := firing(id, at)
	t.Alert.Attributes = []health.Attribute{{Key: "id", Value: strconv.FormatInt(id, 10)}}
	return t
}

// firing is the transition that opens an alert.
func firing(id int64, at time.Time) health.Transition {
	return health.Transition{Number: 1, Kind: health.TransitionFiring, Time: at, Alert: health.Alert{
		ID: id, Rule: health.RuleFD, Metric: health.MetricFDCount, Unit: "{file_descriptor}", State: health.AlertFiring,
		Severity: health.Warn, Threshold: 700, Value: 750, Peak: 750, Lowest: 750, Breaches: 1,
		Began: at, FiredAt: at, Updated: at, Changes: 1,
	}}
}
