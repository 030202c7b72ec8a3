package main

import "fmt"

// width is that of a dashboard, in cells.
const width = 24

// newDashboard returns one whose panels lie in rows from the top.
func newDashboard(uid, title, description string, variables []variable, rows ...[]panel) dashboard {
	d := dashboard{
		UID: uid, Title: title, Description: description, Tags: []string{"otelhealth"},
		SchemaVersion: 42, GraphTooltip: 1, Refresh: "10s", Time: timeRange{"now-1h", "now"},
		Links: []link{{
			Title: "Dashboards", Type: "dashboards", Icon: "external link", Tags: []string{"otelhealth"},
			IncludeVars: true, KeepTime: true,
		}},
		Annotations: annotations{[]annotation{}},
		Templating:  templating{variables},
	}
	y := 0
	for _, row := range rows {
		x, height := 0, 0
		for _, p := range row {
			p.ID = len(d.Panels) + 1
			p.GridPos.X, p.GridPos.Y = x, y
			x += p.GridPos.W
			height = max(height, p.GridPos.H)
			d.Panels = append(d.Panels, p)
		}
		y += height
	}
	return d
}

// heading is a row of its own.
func heading(title string) []panel {
	open := false
	return []panel{{Type: "row", Title: title, GridPos: gridPos{W: width, H: 1}, Collapsed: &open, Panels: []panel{}}}
}

// query asks for one expression; its series bear the legend.
func query(expr, legend string) target { return target{Expr: expr, LegendFormat: legend} }

// withExemplars marks single requests, which lead to their traces.
func (t target) withExemplars() target {
	t.Exemplar = true
	return t
}

// now asks for the present alone, as a table.
func (t target) now() target {
	t.Instant, t.Format = true, "table"
	return t
}

// number names the queries of a panel A, B, C.
func number(targets []target) []target {
	for i := range targets {
		targets[i].RefID = string(rune('A' + i))
	}
	return targets
}

// graph is a time series.
func graph(w int, title, unit string, targets ...target) panel {
	return panel{
		Type: "timeseries", Title: title, Datasource: prometheus, GridPos: gridPos{W: w, H: 8}, Targets: number(targets),
		FieldConfig: &fieldConfig{
			Defaults: field{
				Unit: unit, Min: pointer(0.), Color: &color{Mode: "palette-classic"},
				Custom: map[string]any{"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"},
			},
			Overrides: []override{},
		},
		Options: map[string]any{
			"legend":  map[string]any{"showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": []string{}},
			"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
		},
	}
}

// stat is one number.
func stat(title, unit string, t target) panel {
	return panel{
		Type: "stat", Title: title, Datasource: prometheus, GridPos: gridPos{W: 4, H: 4}, Targets: number([]target{t}),
		FieldConfig: &fieldConfig{Defaults: field{Unit: unit, NoValue: "—"}, Overrides: []override{}},
		Options: map[string]any{
			"colorMode": "background", "graphMode": "none", "textMode": "auto",
			"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		},
	}
}

// table has a row for each series, with its labels as columns.
func table(w, h int, title string, targets ...target) panel {
	for i := range targets {
		targets[i] = targets[i].now()
	}
	return panel{
		Type: "table", Title: title, Datasource: prometheus, GridPos: gridPos{W: w, H: h}, Targets: number(targets),
		FieldConfig: &fieldConfig{Overrides: []override{}},
		Options:     map[string]any{"showHeader": true, "cellHeight": "sm"},
	}
}

func (p panel) described(text string) panel {
	p.Description = text
	return p
}

func (p panel) colored(steps ...step) panel {
	p.FieldConfig.Defaults.Thresholds = &thresholds{"absolute", steps}
	p.FieldConfig.Defaults.Color = &color{Mode: "thresholds"}
	return p
}

// overriding changes properties of the fields that a name or an expression between slashes matches.
func (p panel) overriding(name string, properties ...property) panel {
	id := "byName"
	if name[0] == '/' {
		id = "byRegexp"
	}
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, override{matcher{id, name}, properties})
	return p
}

// from is a step that begins at a value.
func from(value float64, color string) step { return step{color, &value} }

// below is the first step.
func below(color string) step { return step{color, nil} }

// statusMappings spell the values of otelhealth.status, and 3 for who is missing.
func statusMappings() []mapping {
	return []mapping{{"value", map[string]result{
		"0": {"pass", "green", 0}, "1": {"warn", "orange", 1}, "2": {"fail", "red", 2}, "3": {"missing", "purple", 3},
	}}}
}

func statusSteps() *thresholds {
	return &thresholds{"absolute", []step{below("green"), from(1, "orange"), from(2, "red"), from(3, "purple")}}
}

func pointer[T any](v T) *T { return &v }

// fleetVariables choose environments, services and instances. A label that is missing counts as every environment.
func fleetVariables(multi bool) []variable {
	choose := func(name, label, selector string) variable {
		return variable{
			Name: name, Label: name, Type: "query", Datasource: prometheus, Refresh: 2, Sort: 1,
			Query: fmt.Sprintf("label_values(process_uptime_seconds%s, %s)", selector, label),
		}
	}
	all := func(v variable) variable {
		v.Multi, v.IncludeAll, v.AllValue, v.Current = true, true, ".*", &choice{"All", "$__all"}
		return v
	}
	environment := all(choose("environment", "deployment_environment_name", ""))
	service := choose("service", "service_name", `{deployment_environment_name=~"$environment"}`)
	instance := choose("instance", "instance", `{deployment_environment_name=~"$environment", service_name=~"$service"}`)
	if multi {
		service, instance = all(service), all(instance)
	}
	return []variable{environment, service, instance}
}
