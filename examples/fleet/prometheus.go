package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// farEnd is the Prometheus in which the points of a run end up.
type farEnd struct {
	base string
	run  string
}

// usage is what a Collector took during the run.
type usage struct {
	instance string  // as Prometheus scrapes it
	cores    float64 // CPU time over elapsed time
	rssBytes float64 // the most
}

// await counts the run's points in Prometheus until all of them are there, or until no more came for settle.
func (f *farEnd) await(ctx context.Context, points int64, settle time.Duration) (int64, error) {
	const pause = 2 * time.Second
	arrived := int64(-1)
	for grew := time.Now(); ; {
		now, err := f.count(ctx)
		if err != nil {
			return 0, err
		}
		if now > arrived {
			arrived, grew = now, time.Now()
		}
		if arrived >= points || time.Since(grew) > settle {
			return arrived, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// count adds the points up metric by metric: over several names at once PromQL refuses to count.
func (f *farEnd) count(ctx context.Context) (int64, error) {
	selector := fmt.Sprintf(`{job="%s/%s"}`, f.run, serviceName)
	var names []string
	err := f.get(ctx, "/api/v1/label/__name__/values", url.Values{"match[]": {selector}}, &names)
	if err != nil {
		return 0, err
	}
	var total float64
	for _, name := range names {
		if isDerived(name) {
			continue
		}
		// OTLP may come a moment ahead of the clock here.
		stored, err := f.vector(ctx, fmt.Sprintf("sum(count_over_time(%s%s[1d] offset -1m))", name, selector))
		if err != nil {
			return 0, err
		}
		for _, s := range stored {
			total += s.value
		}
	}
	return int64(total), nil
}

// isDerived tells the series that Prometheus makes itself: of the resource, of recording rules and of alerts.
func isDerived(name string) bool {
	return name == "target_info" || strings.Contains(name, ":") || strings.HasPrefix(name, "ALERTS")
}

// collectors tells what each Collector used since the run began, by its own telemetry.
func (f *farEnd) collectors(ctx context.Context, began time.Time) ([]usage, error) {
	window := strconv.Itoa(int(time.Since(began).Seconds())) + "s"
	cores, err := f.vector(ctx, "rate({__name__=~'otelcol_process_cpu_seconds(_total)?'}["+window+"])")
	if err != nil {
		return nil, err
	}
	rss, err := f.vector(ctx, "max_over_time({__name__=~'otelcol_process_memory_rss(_bytes)?'}["+window+"])")
	if err != nil {
		return nil, err
	}
	if len(cores) == 0 {
		return nil, fmt.Errorf("%s has nothing of the Collector's own telemetry: run longer, or let it be scraped", f.base)
	}
	usages := make([]usage, len(cores))
	for n, c := range cores {
		usages[n] = usage{instance: c.labels["instance"], cores: c.value}
		for _, r := range rss {
			if r.labels["instance"] == c.labels["instance"] {
				usages[n].rssBytes = r.value
			}
		}
	}
	return usages, nil
}

// sample is one of an instant query's.
type sample struct {
	labels map[string]string
	value  float64
}

// vector returns what an instant query answers.
func (f *farEnd) vector(ctx context.Context, query string) ([]sample, error) {
	var answer struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if err := f.get(ctx, "/api/v1/query", url.Values{"query": {query}}, &answer); err != nil {
		return nil, err
	}
	samples := make([]sample, len(answer.Result))
	for n, result := range answer.Result {
		text, _ := result.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("query %s: got the value %v, want a number as text", query, result.Value[1])
		}
		samples[n] = sample{result.Metric, value}
	}
	return samples, nil
}

// get decodes the data of Prometheus' answer.
func (f *farEnd) get(ctx context.Context, path string, parameters url.Values, data any) error {
	address := strings.TrimSuffix(f.base, "/") + path + "?" + parameters.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask Prometheus: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask Prometheus: %w", err)
	}
	defer response.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("ask Prometheus: got %s and no JSON at %s: %w", response.Status, path, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("ask Prometheus: got %q for %s", answer.Error, parameters.Encode())
	}
	return nil
}
