package main

import "fmt"

// this is the one instance. Another service may have one of the same id; job is namespace/name, or the name alone.
const this = `job=~"(.+/)?$service", instance="$instance"`

func instance() dashboard {
	d := newDashboard("otelhealth-instance", "Instance", "One instance in depth: every component against its thresholds.",
		append(fleetVariables(false), jaegerPage(), ownPage()),
		[]panel{
			overall(),
			stat("Alerts of its own", "short", query(`sum(otelhealth_alert_firing{`+this+`})`, "")).colored(below("green"), from(1, "red")),
			stat("Uptime", "s", query(`max(process_uptime_seconds{`+this+`})`, "")).colored(below("blue")),
			stat("Restarts in 15 minutes", "short", query(`max(instance:process_restarts:resets15m{`+this+`})`, "")).colored(below("green"), from(1, "orange"), from(3, "red")),
			stat("Seconds since the last sample", "s", query(`time() - max(instance:otelhealth_last_seen:timestamp_seconds{`+this+`})`, "")).colored(below("green"), from(60, "purple")),
			stat("Version", "string", query(`max by (service_version) (target_info{`+this+`})`, "{{service_version}}")).named().colored(below("blue")),
		},
		[]panel{componentHistory()},
		heading("Components against their thresholds"),
		[]panel{
			component("fd", "File descriptors", "short", `max(process_unix_file_descriptor_count{`+this+`})`, query(`max(otelhealth_fd_limit{`+this+`})`, "limit")),
			component("memory", "Memory", "bytes", `max(process_memory_usage_bytes{`+this+`})`,
				query(`max(otelhealth_memory_working_set_bytes{`+this+`})`, "working set"), query(`max(otelhealth_memory_limit_bytes{`+this+`})`, "limit")),
			component("goroutines", "Goroutines", "short", `max(go_goroutine_count{`+this+`})`),
		},
		[]panel{
			component("threads", "Threads", "short", `max(process_thread_count{`+this+`})`),
			component("database", "Database connections", "short", `sum(db_client_connection_count{`+this+`})`),
			component("websocket", "WebSocket connections", "short", `sum(otelhealth_websocket_connection_count{`+this+`})`),
		},
		[]panel{
			pools(),
			component("stuck", "Stuck heartbeats and threads", "short", `sum(otelhealth_stuck_count{`+this+`})`),
			graph(8, "CPU, of what Go may use", "percentunit", query(`max(process_cpu_utilization_ratio{`+this+`})`, "used")),
		},
		heading("Requests: a point leads to its trace"),
		[]panel{
			graph(8, "Requests per second", "reqps", query(`sum by (http_route) (route:http_requests:rate5m{`+this+`})`, "{{http_route}}")),
			graph(8, "Duration, 95th percentile", "s",
				query(`histogram_quantile(0.95, sum by (le, http_route) (rate(http_server_request_duration_seconds_bucket{`+this+`}[$__rate_interval])))`, "{{http_route}}").withExemplars()),
			traces(),
		},
		heading("The monitor itself"),
		[]panel{
			graph(6, "Time that a sample took", "s", query(`max(otelhealth_tick_duration_seconds{`+this+`})`, "tick")),
			graph(6, "Exports that wait", "short",
				query(`max(otelhealth_otlp_queue_length{`+this+`})`, "in memory"),
				query(`max(otelhealth_otlp_spool_length{`+this+`})`, "on disk")),
			graph(6, "Exports that were given up", "short",
				query(`max(otelhealth_otlp_dropped_count_total{`+this+`})`, "from memory"),
				query(`sum by (otelhealth_reason) (otelhealth_otlp_spool_dropped_count_total{`+this+`})`, "from disk: {{otelhealth_reason}}")),
			graph(6, "History", "bytes", query(`max(otelhealth_history_size_bytes{`+this+`})`, "size")),
		},
	)
	d.Links = append(d.Links,
		outside("Traces", `${jaeger}/search?service=${service:percentencode}&tags=%7B%22service.instance.id%22%3A%22${instance:percentencode}%22%7D`),
		outside("Its alerts as spans", `${jaeger}/search?service=${service:percentencode}&operation=alert%20firing&tags=%7B%22service.instance.id%22%3A%22${instance:percentencode}%22%7D`),
		outside("Its own page", `${page}`))
	d.Annotations.List = []annotation{
		alertAnnotation("Alerts in Prometheus", "red", `ALERTS{alertstate="firing", `+this+`}`, "{{alertname}}", "{{severity}} {{component}}"),
		alertAnnotation("Its own alerts", "orange", `otelhealth_alert_firing{`+this+`} > 0`, "alerts of the service", "{{otelhealth_alert_severity}}"),
	}
	return d
}

// jaegerPage is where a browser finds Jaeger.
func jaegerPage() variable {
	const url = "http://127.0.0.1:16686"
	return variable{Name: "jaeger", Type: "constant", Query: url, Hide: 2, Current: &choice{url, url}}
}

// ownPage is where a browser finds the instance's page: what its resource says in the attribute otelhealth.page.url.
func ownPage() variable {
	return variable{
		Name: "page", Type: "query", Datasource: prometheus, Refresh: 2, Hide: 2,
		Query: `label_values(target_info{` + this + `}, otelhealth_page_url)`,
	}
}

func outside(title, url string) link {
	return link{Title: title, Type: "link", URL: url, Icon: "external link", Tags: []string{}, TargetBlank: true}
}

func alertAnnotation(name, color, expr, title, text string) annotation {
	return annotation{
		Name: name, Datasource: prometheus, Enable: true, IconColor: color,
		Target:      annotationTarget{Type: "tags", Limit: 100, Tags: []string{}, RefID: "Anno", Expr: expr},
		TitleFormat: title, TextFormat: text, TagKeys: "severity,component", Step: "10s",
	}
}

func overall() panel {
	p := stat("Status", "", query(`max(instance:otelhealth_missing:age_seconds{`+this+`} * 0 + 3 or instance:otelhealth_status:max{`+this+`})`, ""))
	p.FieldConfig.Defaults.Mappings = statusMappings()
	p.FieldConfig.Defaults.Thresholds = statusSteps()
	return p
}

// named shows the name of the series instead of its value.
func (p panel) named() panel {
	p.Options["textMode"] = "name"
	return p
}

func componentHistory() panel {
	return panel{
		Type: "state-timeline", Title: "Components", Datasource: prometheus, GridPos: gridPos{W: width, H: 8},
		Targets: number([]target{query(`component:otelhealth_status:max{`+this+`}`, "{{otelhealth_component}}")}),
		FieldConfig: &fieldConfig{
			Defaults:  field{Mappings: statusMappings(), Thresholds: statusSteps(), Color: &color{Mode: "thresholds"}},
			Overrides: []override{},
		},
		Options: map[string]any{"mergeValues": true, "showValue": "never", "rowHeight": 0.9},
	}
}

// component draws what a rule judges, with the thresholds that it has in this instance.
func component(rule, title, unit, expr string, others ...target) panel {
	threshold := func(severity string) target {
		return query(fmt.Sprintf(`max(otelhealth_rule_threshold{otelhealth_component=%q, otelhealth_alert_severity=%q, %s})`, rule, severity, this), severity)
	}
	targets := append([]target{query(expr, rule), threshold("warn"), threshold("fail")}, others...)
	return withThresholds(graph(8, title, unit, targets...))
}

func pools() panel {
	p := component("pool", "Database pools, of their maximum", "percentunit", `max by (db_client_connection_pool_name) (otelhealth_db_pool_utilization_ratio{`+this+`})`)
	p.Targets[0].LegendFormat = "{{db_client_connection_pool_name}}"
	return p
}

func withThresholds(p panel) panel {
	line := func(fixed string) []property {
		return []property{
			{"color", color{"fixed", fixed}},
			{"custom.fillOpacity", 0},
			{"custom.lineStyle", map[string]any{"fill": "dash", "dash": []int{10, 10}}},
		}
	}
	return p.overriding("warn", line("orange")...).overriding("fail", line("red")...).overriding("limit", line("purple")...)
}

// traces are the newest of the instance; among them are its alerts.
func traces() panel {
	return panel{
		Type: "table", Title: "Its traces", Datasource: jaeger, GridPos: gridPos{W: 8, H: 8},
		Targets:     number([]target{{QueryType: "search", Service: "$service", Tags: `service.instance.id="$instance"`, Limit: 20}}),
		FieldConfig: &fieldConfig{Overrides: []override{}},
		Options:     map[string]any{"showHeader": true, "cellHeight": "sm"},
	}
}
