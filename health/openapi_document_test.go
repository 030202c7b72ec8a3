package health_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is the served OpenAPI document, which answers are compared with.
type document struct {
	root     node
	compiler *jsonschema.Compiler
	answered map[string]bool // operations with status and media type
	compared map[string]bool // the same with the body: what comes again is not compared anew
	fields   map[string]presence
}

// node is a part of the document, and the JSON pointer to it.
type node struct {
	pointer string
	value   any
}

const documentURL = "https://health.example/openapi.json"

func readDocument(t *testing.T, text []byte) *document {
	t.Helper()
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource(documentURL, root); err != nil {
		t.Fatal(err)
	}
	return &document{
		root: node{value: root}, compiler: c,
		answered: make(map[string]bool), compared: make(map[string]bool), fields: make(map[string]presence),
	}
}

// at returns what is under the keys, through every $ref on the way, and false when there is nothing.
func (d *document) at(n node, keys ...string) (node, bool) {
	n = d.follow(n)
	for _, key := range keys {
		value, ok := n.object()[key]
		if !ok {
			return node{}, false
		}
		escaped := strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		n = d.follow(node{n.pointer + "/" + escaped, value})
	}
	return n, true
}

// follow returns what the node refers to, or the node itself.
func (d *document) follow(n node) node {
	ref, ok := n.object()["$ref"].(string)
	if !ok {
		return n
	}
	keys := strings.Split(strings.TrimPrefix(ref, "#/"), "/")
	n, _ = d.at(d.root, keys...) // what is not there describes nothing
	return n
}

// object returns the node's fields, none when it is no object.
func (n node) object() map[string]any {
	fields, _ := n.value.(map[string]any)
	return fields
}

func (n node) text(key string) string {
	text, _ := n.object()[key].(string)
	return text
}

func (n node) keys() []string { return slices.Sorted(maps.Keys(n.object())) }

// elements returns the elements of the array under the key, through their $refs.
func (d *document) elements(n node, key string) []node {
	list, _ := n.object()[key].([]any)
	nodes := make([]node, len(list))
	for i, value := range list {
		nodes[i] = d.follow(node{fmt.Sprintf("%s/%s/%d", n.pointer, key, i), value})
	}
	return nodes
}

// methods are those of a path item that are in the document, as a request names them.
func (n node) methods() []string {
	var methods []string
	for _, key := range n.keys() {
		methods = append(methods, strings.ToUpper(key))
	}
	return methods
}

// find returns the path that the request's is one of.
func (d *document) find(path string) (template string, item node, ok bool) {
	paths, _ := d.at(d.root, "paths")
	segments := strings.Split(path, "/")
	for _, template := range paths.keys() {
		same := slices.EqualFunc(strings.Split(template, "/"), segments, func(want, got string) bool {
			return want == got || strings.HasPrefix(want, "{") && got != ""
		})
		if same {
			item, _ := d.at(paths, template)
			return template, item, true
		}
	}
	return "", node{}, false
}

// validate returns what is wrong with the value by the schema at the node.
func (d *document) validate(schema node, value any) error {
	compiled, err := d.compiler.Compile(documentURL + "#" + (&url.URL{Fragment: schema.pointer}).EscapedFragment())
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}

// exchange is what was asked for and what came.
type exchange struct {
	method, path string
	status       int
	header       http.Header
	body         []byte
}

func (x *exchange) String() string { return fmt.Sprintf("%s %s: %d", x.method, x.path, x.status) }

// compare returns what of the answer the document does not describe: its status, headers, media type or body.
func (d *document) compare(x *exchange) error {
	path, _, _ := strings.Cut(x.path, "?")
	template, item, ok := d.find(path)
	if !ok {
		return errors.New("the path is not described")
	}
	method := x.method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	operation := method + " " + template
	response, ok := d.at(item, strings.ToLower(method), "responses", strconv.Itoa(x.status))
	var wrong error
	if x.status == http.StatusMethodNotAllowed && !slices.Contains(item.methods(), method) {
		operation = "another method"
		response, ok = d.at(d.root, "components", "responses", "MethodNotAllowed")
		wrong = compareAllow(x, item)
	}
	if !ok {
		return fmt.Errorf("the status is not described; the body is %s", x.body)
	}
	return errors.Join(wrong, d.compareHeaders(x, response), d.compareContent(x, response, operation))
}

// compareAllow looks for the path's methods, and no other, in Allow.
func compareAllow(x *exchange, item node) error {
	want := item.methods()
	if slices.Contains(want, http.MethodGet) {
		want = append(want, http.MethodHead)
	}
	slices.Sort(want)
	if got := x.header.Get("Allow"); got != strings.Join(want, ", ") {
		return fmt.Errorf("got Allow %q, want %q", got, want)
	}
	return nil
}

// telling are the headers that a client acts upon: each must be described where it is sent.
var telling = []string{"Allow", "Content-Disposition", "Etag", "Location", "Retry-After", "Set-Cookie", "Www-Authenticate"}

func (d *document) compareHeaders(x *exchange, response node) error {
	var wrong []error
	headers, _ := d.at(response, "headers")
	described := make(map[string]bool)
	for _, name := range headers.keys() {
		header, _ := d.at(headers, name)
		schema, _ := d.at(header, "schema")
		name = http.CanonicalHeaderKey(name)
		described[name] = true
		if header.object()["required"] == true && len(x.header[name]) == 0 {
			wrong = append(wrong, fmt.Errorf("there is no %s", name))
		}
		for _, value := range x.header[name] {
			if err := d.validate(schema, typed(schema, value)); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	for _, name := range telling {
		if len(x.header[name]) > 0 && !described[name] {
			wrong = append(wrong, fmt.Errorf("%s is not described", name))
		}
	}
	return errors.Join(wrong...)
}

// typed returns a header's value as the schema's type.
func typed(schema node, value string) any {
	if schema.text("type") != "integer" {
		return value
	}
	number, err := jsonschema.UnmarshalJSON(strings.NewReader(value))
	if err != nil {
		return value
	}
	return number
}

func (d *document) compareContent(x *exchange, response node, operation string) error {
	content, hasContent := d.at(response, "content")
	mediaType, _, err := mime.ParseMediaType(x.header.Get("Content-Type"))
	switch {
	case !hasContent && len(x.body) > 0:
		return fmt.Errorf("no body is described; it is %s", x.body)
	case hasContent && (err != nil || content.object()[mediaType] == nil):
		return fmt.Errorf("the media type %q is not described", x.header.Get("Content-Type"))
	case x.method == http.MethodHead && len(x.body) > 0:
		return fmt.Errorf("there is a body: %s", x.body)
	case x.method == http.MethodHead:
		return nil // it shows nothing that GET does not
	}
	what := described(operation, strconv.Itoa(x.status), mediaType)
	d.answered[what] = true
	if !hasContent || d.compared[what+string(x.body)] {
		return nil
	}
	d.compared[what+string(x.body)] = true
	return d.compareBody(x, content, mediaType)
}

// described names one answer of an operation.
func described(operation, status, mediaType string) string {
	return strings.TrimSpace(operation + " " + status + " " + mediaType)
}

func (d *document) compareBody(x *exchange, content node, mediaType string) error {
	body, err := decode(mediaType, x.body)
	if err != nil {
		return fmt.Errorf("%w in %s", err, x.body)
	}
	schema, _ := d.at(content, mediaType, "schema")
	if err := d.validate(schema, body); err != nil {
		return fmt.Errorf("%w\nin %s", err, x.body)
	}
	d.count(schema, body)
	problem, _ := body.(map[string]any) // where it is none it has no status
	if status := problem["status"]; mediaType == "application/problem+json" && status != "error" && fmt.Sprint(status) != strconv.Itoa(x.status) {
		return fmt.Errorf("the problem's status is %v", status)
	}
	return nil
}

// decode returns a body as its schema sees it: JSON as what it holds, lines and events as an array, the rest as text.
func decode(mediaType string, body []byte) (any, error) {
	switch {
	case mediaType == "application/jsonl":
		var lines []any
		for line := range bytes.Lines(body) {
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
			if err != nil {
				return nil, err
			}
			lines = append(lines, value)
		}
		return lines, nil
	case mediaType == "text/event-stream":
		return decodeEvents(body)
	case strings.HasSuffix(mediaType, "json"):
		return jsonschema.UnmarshalJSON(bytes.NewReader(body))
	default:
		return string(body), nil
	}
}

// decodeEvents leaves out comments, and what is no event.
func decodeEvents(body []byte) (any, error) {
	events := []any{}
	event := make(map[string]any)
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), ": ")
		switch {
		case ok && name != "":
			event[name] = value
		case !ok && event["event"] != nil:
			events = append(events, event)
			fallthrough
		case !ok:
			event = make(map[string]any)
		}
	}
	return events, lines.Err()
}
