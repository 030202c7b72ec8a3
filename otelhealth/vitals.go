package otelhealth

import (
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/otelhealth/otelhealth-go/health"
	"github.com/otelhealth/otelhealth-go/health/process"
)

// vitals are the numbers of this process, read at one tick.
type vitals struct {
	at      time.Time // when they were read
	core    process.Core
	memory  process.Memory
	asleep  []int // threads in uninterruptible sleep
	canLook bool  // whether this platform tells which threads sleep
	errs    [3]error
}

// read fills v but for the threads asleep. What fails stays unknown, with its error beside it.
func (v *vitals) read(r *process.Reader) {
	v.at = time.Now()
	v.errs[0] = r.Core(&v.core)
	v.errs[1] = r.Memory(&v.memory)
}

// look finds the threads that are in uninterruptible sleep now. It opens one descriptor at a time.
func (v *vitals) look(r *process.Reader) {
	v.asleep, v.errs[2] = r.Uninterruptible(v.asleep[:0])
	v.canLook = !errors.Is(v.errs[2], errors.ErrUnsupported)
	if !v.canLook {
		v.errs[2] = nil // left out on this platform, not unknown
	}
}

// vital is one reading with the metric it belongs to.
type vital struct {
	metric string
	value  health.Number
	err    error // why the value is unknown, where the platform has it
}

func countVital(metric string, o process.Opt[uint64]) vital {
	if !o.Known {
		return vital{metric, health.UnknownNumber(), o.Err}
	}
	return vital{metric, health.Number(o.Value), nil}
}

func secondsVital(metric string, o process.Opt[time.Duration]) vital {
	if !o.Known {
		return vital{metric, health.UnknownNumber(), o.Err}
	}
	return vital{metric, health.Number(o.Value.Seconds()), nil}
}

// simple returns the readings that bear no attributes, as they were read.
func (v *vitals) simple() [12]vital {
	return [...]vital{
		countVital(health.MetricFDCount, v.core.FDs),
		countVital(health.MetricFDLimit, v.core.FDLimit),
		countVital(health.MetricMemoryRSS, v.core.RSSBytes),
		countVital(health.MetricMemoryVirtual, v.core.VMSBytes),
		countVital(health.MetricMemorySwap, v.memory.SwapBytes),
		countVital(health.MetricMemoryLimit, v.memoryLimit()),
		countVital(health.MetricMemoryWorking, v.memory.WorkingSetBytes),
		countVital(health.MetricMemoryFree, v.memory.SystemAvailableBytes),
		countVital(health.MetricMemorySystem, v.memory.SystemTotalBytes),
		countVital(health.MetricOOMKills, v.memory.OOMKills),
		countVital(health.MetricThreads, v.core.Threads),
		secondsVital(health.MetricCPUThrottled, v.memory.ThrottledTime),
	}
}

// memoryLimit is the effective one: the smallest limit of the control group, or the memory that the system has.
func (v *vitals) memoryLimit() process.Opt[uint64] {
	group, system := v.memory.CgroupLimitBytes, v.memory.SystemTotalBytes
	switch {
	case group.Err != nil:
		return group // it may be the smaller one
	case group.Known && (!system.Known || group.Value < system.Value):
		return group
	default:
		return system
	}
}

// absent returns the metrics that this platform does not have.
func (v *vitals) absent() map[string]bool {
	absent := make(map[string]bool)
	for _, reading := range v.simple() {
		if !reading.value.Known() && reading.err == nil {
			absent[reading.metric] = true
		}
	}
	return absent
}

// limit returns the reading of that name, and unknown when there is none.
func (v *vitals) limit(metric string) health.Number {
	for _, reading := range v.simple() {
		if reading.metric == metric {
			return reading.value
		}
	}
	return health.UnknownNumber()
}

// vitalLabels are the attributes of this process's readings, built once.
type vitalLabels struct {
	user, system            labels
	heartbeats, threads     labels
	cpu, memory, io         stallLabels
	number                  map[string]int // in the catalog
	cpuTime, stuck, stalled int
}

type stallLabels struct{ some, full labels }

func newVitalLabels(c *catalog) *vitalLabels {
	mode := func(value string) labels { return newLabels(attribute.String(health.AttrCPUMode, value)) }
	kind := func(value string) labels { return newLabels(attribute.String(health.AttrStuckKind, value)) }
	stall := func(resource string) stallLabels {
		of := attribute.String(health.AttrPressureResource, resource)
		return stallLabels{
			some: newLabels(of, attribute.String(health.AttrPressureScope, "some")),
			full: newLabels(of, attribute.String(health.AttrPressureScope, "full")),
		}
	}
	return &vitalLabels{
		user: mode(health.CPUModeUser), system: mode(health.CPUModeSystem),
		heartbeats: kind(health.StuckHeartbeat), threads: kind(health.StuckOSThread),
		cpu: stall("cpu"), memory: stall("memory"), io: stall("io"),
		number:  c.numbers,
		cpuTime: c.number(health.MetricCPUTime),
		stuck:   c.number(health.MetricStuck),
		stalled: c.number(health.MetricPressure),
	}
}

// addTo puts the readings into s.
func (v *vitals) addTo(s *sample, l *vitalLabels) {
	for _, reading := range v.simple() {
		if reading.value.Known() {
			s.add(l.number[reading.metric], float64(reading.value), nil)
		}
	}
	add := func(number int, labels labels, o process.Opt[time.Duration]) {
		if o.Known {
			s.add(number, o.Value.Seconds(), labels)
		}
	}
	add(l.cpuTime, l.user, v.core.CPUUser)
	add(l.cpuTime, l.system, v.core.CPUSystem)
	for _, stall := range [...]struct {
		labels stallLabels
		stall  process.Stall
	}{{l.cpu, v.memory.CPUStall}, {l.memory, v.memory.MemoryStall}, {l.io, v.memory.IOStall}} {
		add(l.stalled, stall.labels.some, stall.stall.Some)
		add(l.stalled, stall.labels.full, stall.stall.Full)
	}
}

// failures names the readings that failed.
func (v *vitals) failures() []health.Failure {
	var failures []health.Failure
	for i, what := range [...]string{"core", "memory", "threads asleep"} {
		if err := v.errs[i]; err != nil {
			failures = append(failures, health.Failure{Source: what, Kind: health.SourceProcess, Error: err.Error()})
		}
	}
	return failures
}
