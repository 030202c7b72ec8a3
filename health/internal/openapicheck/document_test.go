// Package openapicheck holds the served OpenAPI document against OpenAPI's own schema. It is a module of its own because
// nobody else needs the validator.
package openapicheck

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"

	"github.com/otelhealth/otelhealth-go/health"
)

// served returns the document of endpoints with every path that there may be.
func served(t *testing.T) []byte {
	t.Helper()
	e, err := health.NewEndpoints(health.EndpointsConfig{
		Service:         health.Service{ID: "orders", Version: "1.4.2", Description: "Takes orders"},
		Interval:        10 * time.Second,
		Protection:      health.Protection{Credentials: health.Credentials{Token: "t0ken"}, ReadOnly: true},
		KubernetesPaths: true,
		Metrics:         http.NotFoundHandler(),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health/openapi.json", http.NoBody)
	r.Header.Set("Authorization", "Bearer t0ken")
	w := httptest.NewRecorder()
	e.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// validate returns what is wrong with a document, its references and its schemas.
func validate(document []byte) error {
	d, err := libopenapi.NewDocument(document)
	if err != nil {
		return err
	}
	v, errs := validator.NewValidator(d)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	_, wrong := v.ValidateDocument()
	for _, e := range wrong {
		errs = append(errs, e)
		for _, reason := range e.SchemaValidationErrors {
			errs = append(errs, reason)
		}
	}
	return errors.Join(errs...)
}

func TestDocumentIsValid(t *testing.T) {
	if err := validate(served(t)); err != nil {
		t.Error(err)
	}
}

// TestDocumentThatIsNotValid damages the document, and wants the damage found.
func TestDocumentThatIsNotValid(t *testing.T) {
	document := served(t)
	for name, change := range map[string][2]string{
		"a response without a description":  {`"description":"The snapshot."`, `"summary":"The snapshot."`},
		"a parameter that is nowhere":       {`"in":"query"`, `"in":"form"`},
		"a path that does not begin with /": {`"/livez":`, `"livez":`},
		"a version of another OpenAPI":      {`"openapi":"3.1.1"`, `"openapi":"3.4.0"`},
		"a status that is none":             {`"503":`, `"teapot":`},
	} {
		damaged := bytes.Replace(document, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(damaged, document) {
			t.Errorf("%s: %s is not in the document", name, change[0])
		}
		if validate(damaged) == nil {
			t.Errorf("%s: not found", name)
		}
	}
}
