package history

import (
	"time"

	"github.com/otelhealth/otelhealth-go/health"
)

func firing(id int64, at time.Time) health.Transition {
	return health.Transition{Number: 1, Kind: health.TransitionFiring, Time: at, Alert: health.Alert{
		ID: id, Rule: health.RuleFD, Metric: health.MetricFDCount, Unit: "{file_descriptor}", State: health.AlertFiring,
		Severity: health.Warn, Threshold: 700, Value: 750, Peak: 750, Lowest: 750, Breaches: 1,
		Began: at, FiredAt: at, Updated: at, Changes: 1,
	}}
}
