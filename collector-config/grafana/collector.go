package main

// these are the Collectors that were chosen.
const these = `job="otelcol", instance=~"$collector"`

func collector() dashboard {
	collectors := variable{
		Name: "collector", Label: "collector", Type: "query", Datasource: prometheus, Refresh: 2, Sort: 1,
		Query: `label_values(up{job="otelcol"}, instance)`, Multi: true, IncludeAll: true, AllValue: ".*", Current: &choice{"All", "$__all"},
	}
	return newDashboard("otelhealth-collector", "Collectors", "The way from the services to Prometheus and Jaeger.", []variable{collectors},
		[]panel{
			stat("Collectors that answer", "short", query(`sum(up{`+these+`})`, "")).colored(below("red"), from(1, "green")),
			stat("Points per second", "short", query(`sum(rate(otelcol_receiver_accepted_metric_points{`+these+`}[5m]))`, "")).colored(below("blue")),
			stat("Fullest queue", "percentunit", query(`max(otelcol_exporter_queue_size{`+these+`} / otelcol_exporter_queue_capacity{`+these+`})`, "")).
				colored(below("green"), from(0.5, "orange"), from(0.9, "red")),
			stat("Lost per second", "short", query(`(sum(rate(otelcol_exporter_send_failed_metric_points{`+these+`}[5m])) or vector(0)) + (sum(rate(otelcol_exporter_send_failed_spans{`+these+`}[5m])) or vector(0)) + (sum(rate({__name__=~"otelcol_processor_filter_datapoints.filtered", `+these+`, filter="filter/future"}[5m])) or vector(0))`, "")).
				colored(below("green"), from(0.0001, "red")),
			stat("Series in Prometheus", "short", query(`sum(prometheus_tsdb_head_series)`, "")).colored(below("blue")),
			stat("Instances that report", "short", query(`sum(job:otelhealth_instances:count)`, "")).colored(below("blue")),
		},
		heading("In"),
		[]panel{
			graph(8, "Metric points accepted per second", "short", query(`sum by (instance) (rate(otelcol_receiver_accepted_metric_points{`+these+`}[5m]))`, "{{instance}}")),
			graph(8, "Spans accepted per second", "short", query(`sum by (instance) (rate(otelcol_receiver_accepted_spans{`+these+`}[5m]))`, "{{instance}}")),
			graph(8, "Refused per second", "short",
				query(`sum by (instance) (rate(otelcol_receiver_refused_metric_points{`+these+`}[5m]))`, "points {{instance}}"),
				query(`sum by (instance) (rate(otelcol_receiver_refused_spans{`+these+`}[5m]))`, "spans {{instance}}")).
				described("A full queue or too little memory. The senders keep what is refused."),
		},
		heading("On the way"),
		[]panel{
			graph(8, "Queues, of their capacity", "percentunit",
				query(`otelcol_exporter_queue_size{`+these+`} / otelcol_exporter_queue_capacity{`+these+`}`, "{{instance}} {{exporter}} {{data_type}}")),
			graph(8, "Memory", "bytes", query(`otelcol_process_memory_rss{`+these+`}`, "{{instance}}")),
			graph(8, "CPU, cores", "short", query(`rate(otelcol_process_cpu_seconds{`+these+`}[5m])`, "{{instance}}")),
		},
		heading("Out"),
		[]panel{
			graph(8, "Metric points sent per second", "short", query(`sum by (instance, exporter) (rate(otelcol_exporter_sent_metric_points{`+these+`}[5m]))`, "{{instance}} {{exporter}}")),
			graph(8, "Spans sent per second", "short", query(`sum by (instance, exporter) (rate(otelcol_exporter_sent_spans{`+these+`}[5m]))`, "{{instance}} {{exporter}}")),
			graph(8, "Lost per second", "short",
				query(`sum(rate(otelcol_exporter_send_failed_metric_points{`+these+`}[5m])) or vector(0)`, "points"),
				query(`sum(rate(otelcol_exporter_send_failed_spans{`+these+`}[5m])) or vector(0)`, "spans"),
				query(`sum(rate({__name__=~"otelcol_processor_filter_datapoints.filtered", `+these+`, filter="filter/future"}[5m])) or vector(0)`, "points ahead of the clock")).
				described("What Prometheus or Jaeger will never take. Nothing else is lost."),
		},
		heading("Prometheus"),
		[]panel{
			graph(8, "Samples taken per second", "short",
				query(`sum(rate(prometheus_tsdb_head_samples_appended_total[5m]))`, "all"),
				query(`sum(rate(prometheus_tsdb_head_out_of_order_samples_appended_total[5m]))`, "late, at their own time")),
			graph(8, "Samples refused per second", "short",
				query(`sum(rate(prometheus_tsdb_too_old_samples_total[5m]))`, "too old"),
				query(`sum(rate(prometheus_tsdb_out_of_order_samples_total[5m]))`, "out of order")),
			graph(8, "Series", "short", query(`sum(prometheus_tsdb_head_series)`, "head")),
		},
	)
}
