package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Every Dockerfile that docker-compose.yml builds is judged by BuildKit's own linter, all of its stages.
func TestDockerfiles(t *testing.T) {
	t.Parallel()
	for _, service := range loadCompose(t).Services {
		if service.Build == nil {
			continue
		}
		path := filepath.Join(service.Build.Context, service.Build.Dockerfile)
		t.Run(service.Name, func(t *testing.T) { lint(t, path) })
	}
}

func lint(t *testing.T, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	source := llb.NewSourceMap(nil, filepath.Base(path), "Dockerfile", content)
	source.Definition = new(llb.Definition) // none: the file is read here, not in a build
	results, err := dockerfile2llb.DockerfileLint(t.Context(), content, dockerfile2llb.ConvertOpt{
		SourceMap: source, MetaResolver: anyImage{},
	})
	if err != nil {
		t.Fatal(err)
	}
	if results.Error != nil {
		t.Errorf("it cannot be built: %s", results.Error.Message)
	}
	for _, warning := range results.Warnings {
		t.Errorf("%s: %s", warning.RuleName, warning.Detail)
	}
	final := string(content[strings.LastIndex(string(content), "\nFROM "):])
	for _, want := range []string{"distroless", "nonroot", "@sha256:", "HEALTHCHECK", "-healthcheck"} {
		if !strings.Contains(final, want) {
			t.Errorf("the last stage lacks %q:\n%s", want, final)
		}
	}
}

// anyImage stands in for the registry, which the linter asks for the settings of base images.
type anyImage struct{}

func (anyImage) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	image, err := json.Marshal(ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}})
	return ref, digest.FromBytes(image), image, err
}
