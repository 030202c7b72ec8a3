package e2e

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// Every manifest is decoded as strictly as the API server does: no unknown field, no wrong type, no field twice.
func TestKubernetesManifests(t *testing.T) {
	t.Parallel()
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	objects := 0
	for _, path := range manifests(t) {
		for number, document := range documents(t, path) {
			if _, _, err := decoder.Decode(document, nil, nil); err != nil {
				t.Errorf("%s, document %d: %v", path, number+1, err)
			}
			objects++
		}
	}
	if objects == 0 {
		t.Error("got no manifest")
	}
}

func manifests(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(repository, "examples", "kubernetes"), func(path string, _ fs.DirEntry, err error) error {
		if extension := filepath.Ext(path); extension == ".yaml" || extension == ".yml" {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// documents returns the YAML documents of a file.
func documents(t *testing.T, path string) (documents [][]byte) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader := yaml.NewYAMLReader(bufio.NewReader(file))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		documents = append(documents, document)
	}
}
