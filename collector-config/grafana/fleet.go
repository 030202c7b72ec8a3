package main

// chosen are the labels that the variables choose.
const chosen = `deployment_environment_name=~"$environment", service_name=~"$service", instance=~"$instance"`

// byInstance keeps the labels that become the columns of the table.
const byInstance = `max by (deployment_environment_name, service_name, instance) `

func fleet() dashboard {
	missing := `instance:otelhealth_missing:age_seconds{` + chosen + `} * 0 + 3`
	status := byInstance + `(` + missing + ` or instance:otelhealth_status:max{` + chosen + `})`
	return newDashboard("otelhealth-fleet", "Fleet", "Every instance, the worst first.", fleetVariables(true),
		[]panel{
			count("Instances", status, "blue"),
			count("Pass", status+" == 0", "green"),
			count("Warn", status+" == 1", "orange"),
			count("Fail", status+" == 2", "red"),
			count("Missing", status+" == 3", "purple"),
			count("Alerts", `ALERTS{alertstate="firing"}`, "red"),
		},
		[]panel{instances(status)},
		[]panel{statusHistory(status), firingAlerts()},
		heading("Saturation"),
		[]panel{
			graph(8, "File descriptors, of their limit", "percentunit",
				query(`topk(10, instance:otelhealth_fd_utilization:ratio{`+chosen+`})`, "{{service_name}} {{instance}}")),
			graph(8, "Memory, of its limit", "percentunit",
				query(`topk(10, instance:otelhealth_memory_utilization:ratio{`+chosen+`})`, "{{service_name}} {{instance}}")),
			graph(8, "Database pools, of their maximum", "percentunit",
				query(`topk(10, pool:otelhealth_db_pool_utilization:ratio{`+chosen+`})`, "{{db_client_connection_pool_name}} {{instance}}")),
		},
		heading("Requests"),
		[]panel{
			graph(12, "Requests per second", "reqps",
				query(`sum by (service_name) (route:http_requests:rate5m{`+chosen+`})`, "{{service_name}}")).
				described("From the spans that the gateway counts, as Jaeger's Monitor page shows them."),
			graph(12, "Requests that fail", "percentunit",
				query(`sum by (service_name) (route:http_requests:rate5m{status_code="STATUS_CODE_ERROR", `+chosen+`} or 0 * route:http_requests:rate5m{`+chosen+`})
/ sum by (service_name) (route:http_requests:rate5m{`+chosen+`})`, "{{service_name}}")),
		},
	)
}

// count says how many there are, and 0 for none.
func count(title, expr, color string) panel {
	return stat(title, "short", query(`count(`+expr+`) or vector(0)`, "")).
		colored(below("text"), from(1, color))
}

// instances is the whole fleet at a glance. Names lead to the instance's own dashboard.
func instances(status string) panel {
	p := table(24, 12, "Instances",
		query(status, ""),
		query(byInstance+`(instance:otelhealth_fd_utilization:ratio{`+chosen+`})`, ""),
		query(byInstance+`(instance:otelhealth_memory_utilization:ratio{`+chosen+`})`, ""),
		query(byInstance+`(process_cpu_utilization_ratio{`+chosen+`})`, ""),
		query(byInstance+`(go_goroutine_count{`+chosen+`})`, ""),
		query(`sum by (deployment_environment_name, service_name, instance) (otelhealth_alert_firing{`+chosen+`})`, ""),
		query(byInstance+`(process_uptime_seconds{`+chosen+`})`, ""),
	)
	p.Transformations = []transformation{
		{"merge", map[string]any{}},
		{"organize", map[string]any{
			"excludeByName": map[string]bool{"Time": true},
			"indexByName": map[string]int{
				"Value #A": 0, "service_name": 1, "instance": 2, "deployment_environment_name": 3, "Value #F": 4,
				"Value #B": 5, "Value #C": 6, "Value #D": 7, "Value #E": 8, "Value #G": 9,
			},
			"renameByName": map[string]string{
				"Value #A": "Status", "service_name": "Service", "instance": "Instance", "deployment_environment_name": "Environment",
				"Value #B": "Descriptors", "Value #C": "Memory", "Value #D": "CPU", "Value #E": "Goroutines",
				"Value #F": "Alerts", "Value #G": "Uptime",
			},
		}},
	}
	p.Options["sortBy"] = []map[string]any{{"displayName": "Status", "desc": true}}
	bar := property{"custom.cellOptions", map[string]any{"type": "gauge", "mode": "basic"}}
	share := []property{
		{"unit", "percentunit"},
		{"min", 0},
		{"max", 1},
		bar,
		{"thresholds", thresholds{"absolute", []step{below("green"), from(0.8, "orange"), from(0.95, "red")}}},
	}
	return p.
		overriding("Status", property{"mappings", statusMappings()}, property{"thresholds", statusSteps()},
			property{"custom.cellOptions", map[string]any{"type": "color-background"}}).
		overriding("Instance", property{"links", []fieldLink{{
			Title: "${__value.text} in depth",
			URL:   "/d/otelhealth-instance?var-service=${__data.fields.Service}&var-instance=${__value.raw}&${__url_time_range}",
		}}}).
		overriding("Descriptors", share...).
		overriding("Memory", share...).
		overriding("CPU", share...).
		overriding("Uptime", property{"unit", "s"})
}

func statusHistory(status string) panel {
	return panel{
		Type: "state-timeline", Title: "Status over time", Datasource: prometheus, GridPos: gridPos{W: 12, H: 10},
		Targets: number([]target{query(status, "{{service_name}} {{instance}}")}),
		FieldConfig: &fieldConfig{
			Defaults:  field{Mappings: statusMappings(), Thresholds: statusSteps(), Color: &color{Mode: "thresholds"}},
			Overrides: []override{},
		},
		Options: map[string]any{"mergeValues": true, "showValue": "never", "rowHeight": 0.9},
	}
}

func firingAlerts() panel {
	p := table(12, 10, "Firing alerts", query(`ALERTS{alertstate="firing"}`, ""))
	p.Transformations = []transformation{{"organize", map[string]any{
		"excludeByName": map[string]bool{
			"Time": true, "Value": true, "__name__": true, "alertstate": true, "service_instance_id": true, "otelhealth_component": true,
		},
	}}}
	return p
}
