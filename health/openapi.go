package health

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"
)

// openAPI describes every route there may be. {service}, {version} and {cookie} in it stand for the service's own.
//
//go:embed openapi.json
var openAPI string

// openAPIDocument is a document of which the paths can be told apart.
type openAPIDocument struct {
	OpenAPI    json.RawMessage            `json:"openapi"`
	Info       json.RawMessage            `json:"info"`
	Servers    json.RawMessage            `json:"servers"`
	Security   json.RawMessage            `json:"security"`
	Tags       json.RawMessage            `json:"tags"`
	Paths      map[string]json.RawMessage `json:"paths"`
	Components json.RawMessage            `json:"components"`
}

// mayBeKept lets a client keep an answer for itself, and ask by its tag whether it still holds.
var mayBeKept = []string{"private, no-cache"}

func (e *Endpoints) serveOpenAPI(w http.ResponseWriter, r *http.Request) {
	e.description().write(w, r, mayBeKept)
}

// encodeOpenAPI writes the document of this service: its name, version and cookie, and the paths that are answered.
func (e *Endpoints) encodeOpenAPI() *answer {
	filled := strings.NewReplacer(
		"{service}", inQuotes(e.service.ID),
		"{version}", inQuotes(cmp.Or(e.service.Version, "unknown")),
		"{cookie}", e.guard.cookie,
	).Replace(openAPI)
	var d openAPIDocument
	_ = json.Unmarshal([]byte(filled), &d) // the tests read it
	all := d.Paths
	d.Paths = make(map[string]json.RawMessage)
	for _, route := range e.routes() {
		d.Paths[route.fixed()] = all[route.fixed()]
	}
	body, _ := json.Marshal(d) // of what was read, never fails
	return newAnswer(http.StatusOK, mediaJSON, body).tagged()
}

// inQuotes returns text as it stands between the quotes of a JSON string.
func inQuotes(text string) string {
	w := new(jsonWriter)
	w.string(text)
	return string(w.b[1 : len(w.b)-1])
}
