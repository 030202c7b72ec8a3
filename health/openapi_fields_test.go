package health_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestEveryFieldIsDescribed reads every schema of what is answered and sent.
func TestEveryFieldIsDescribed(t *testing.T) {
	d := servedDocument(t, describedConfig())
	schemas, _ := d.at(d.root, "components", "schemas")
	for _, name := range schemas.keys() {
		schema, _ := d.at(schemas, name)
		d.lookAt(t, name, schema, !strings.HasSuffix(name, "Request") && name != "Document")
	}
}

// lookAt fails the test unless a schema has a description and a type, and lists what of an object is always there.
// Where the object is closed, another field is an error.
func (d *document) lookAt(t *testing.T, name string, schema node, closed bool) {
	t.Helper()
	fields := schema.object()
	if schema.text("description") == "" {
		t.Errorf("%s is not described", name)
	}
	if fields["type"] == nil && fields["oneOf"] == nil {
		t.Errorf("%s has no type", name)
	}
	properties, ok := d.at(schema, "properties")
	if !ok {
		if fields["type"] == "object" && fields["additionalProperties"] == nil && closed {
			t.Errorf("%s: what is in it is not described", name)
		}
		return
	}
	if closed && fields["additionalProperties"] != false {
		t.Errorf("%s may hold more than is described", name)
	}
	for _, element := range d.elements(schema, "required") {
		if required := fmt.Sprint(element.value); properties.object()[required] == nil {
			t.Errorf("%s.%s is required and not described", name, required)
		}
	}
	if closed && fields["required"] == nil {
		t.Errorf("%s: which fields are always there is not said", name)
	}
	for _, field := range properties.keys() {
		property, _ := d.at(properties, field)
		d.lookAt(t, name+"."+field, property, closed)
	}
}

// presence counts the answers that hold a field, and those that lack it.
type presence struct{ there, missing int }

// count looks in a value for the fields of its schema.
func (d *document) count(schema node, value any) {
	schema = d.follow(schema)
	for _, choice := range d.elements(schema, "oneOf") {
		if d.validate(choice, value) == nil {
			d.count(choice, value)
		}
	}
	switch value := value.(type) {
	case []any:
		if items, ok := d.at(schema, "items"); ok {
			for _, element := range value {
				d.count(items, element)
			}
		}
	case map[string]any:
		d.countFields(schema, value)
	case string:
		if content, ok := d.at(schema, "contentSchema"); ok {
			held, _ := decode(schema.text("contentMediaType"), []byte(value)) // it was validated
			d.count(content, held)
		}
	}
}

func (d *document) countFields(schema node, object map[string]any) {
	properties, _ := d.at(schema, "properties")
	for _, field := range properties.keys() {
		p := d.fields[schema.pointer+" "+field]
		value, ok := object[field]
		if ok {
			p.there++
			property, _ := d.at(properties, field)
			d.count(property, value)
		} else {
			p.missing++
		}
		d.fields[schema.pointer+" "+field] = p
	}
	if others, ok := d.at(schema, "additionalProperties"); ok {
		for _, value := range object {
			d.count(others, value)
		}
	}
}

// wantFields fails the test when a field was in no answer, or was in each though the schema does not require it.
func (d *document) wantFields(t *testing.T) {
	t.Helper()
	schemas, _ := d.at(d.root, "components", "schemas")
	for _, name := range schemas.keys() {
		if strings.HasSuffix(name, "Request") {
			continue
		}
		schema, _ := d.at(schemas, name)
		required := d.elements(schema, "required")
		properties, _ := d.at(schema, "properties")
		for _, field := range properties.keys() {
			p := d.fields[schema.pointer+" "+field]
			isRequired := slices.ContainsFunc(required, func(n node) bool { return n.value == field })
			switch {
			case p.there == 0:
				t.Errorf("%s.%s is described, and was in no answer", name, field)
			case p.missing == 0 && !isRequired:
				t.Errorf("%s.%s is not required, and was in each of %d answers", name, field, p.there)
			}
		}
	}
}
