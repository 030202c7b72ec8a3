package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
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
		if name == "target_info" {
			continue // which Prometheus makes of the resource
		}
		// OTLP may come a moment ahead of the clock here.
		stored, err := f.vector(ctx, fmt.Sprintf("sum(count_over_time(%s%s[1d] offset -1m))", name, selector))
		if err != nil {
			return 0, err
		}
		for _, s := range stored {
			total += s
		}
	}
	return int64(total), nil
}

// collector tells what the Collector used since the run began, by its own telemetry.
func (f *farEnd) collector(ctx context.Context, began time.Time) (usage, error) {
	window := strconv.Itoa(int(time.Since(began).Seconds())) + "s"
	cores, err := f.vector(ctx, "rate({__name__=~'otelcol_process_cpu_seconds(_total)?'}["+window+"])")
	if err != nil {
		return usage{}, err
	}
	rss, err := f.vector(ctx, "max_over_time({__name__=~'otelcol_process_memory_rss(_bytes)?'}["+window+"])")
	if err != nil {
		return usage{}, err
	}
	if len(cores) == 0 || len(rss) == 0 {
		return usage{}, fmt.Errorf("%s has nothing of the Collector's own telemetry: run longer, or let it be scraped", f.base)
	}
	return usage{slices.Max(cores), slices.Max(rss)}, nil
}

// vector returns the values of an instant query.
func (f *farEnd) vector(ctx context.Context, query string) ([]float64, error) {
	var result struct {
		Result []struct{ Value [2]any }
	}
	if err := f.get(ctx, "/api/v1/query", url.Values{"query": {query}}, &result); err != nil {
		return nil, err
	}
	values := make([]float64, len(result.Result))
	for n, sample := range result.Result {
		text, _ := sample.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("query %s: got the value %v, want a number as text", query, sample.Value[1])
		}
		values[n] = value
	}
	return values, nil
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
