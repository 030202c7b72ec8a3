package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// loadCompose reads docker-compose.yml as docker compose does: with its schema, and with what refers to what.
func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(repository, "docker-compose.yml")},
		cli.WithOsEnv, cli.WithEnvFiles(), cli.WithDotEnv)
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestCompose(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	for name := range project.Services {
		service := project.Services[name]
		t.Run(name, func(t *testing.T) {
			if service.Deploy == nil && service.MemLimit == 0 {
				t.Error("got no memory limit")
			}
			if service.Build == nil && !pinned(service.Image) {
				t.Errorf("image %q: want a tag that names one version", service.Image)
			}
			for _, port := range service.Ports {
				if port.HostIP != "127.0.0.1" {
					t.Errorf("port %d is published on %q, want 127.0.0.1 only", port.Target, port.HostIP)
				}
			}
			for _, volume := range service.Volumes {
				checkVolume(t, volume)
			}
		})
	}
}

// The images are of the versions that the tests run, but for Jaeger's, of which no newer module is published.
func TestComposeRunsWhatIsTested(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("build.sh")
	if err != nil {
		t.Fatal(err)
	}
	version := func(name string) string {
		found := regexp.MustCompile(`(?m)^readonly ` + name + `=v?([\d.]+)`).FindSubmatch(script)
		if found == nil {
			t.Fatalf("build.sh has no version of %s", name)
		}
		return string(found[1])
	}
	want := map[string]string{
		"opentelemetry-collector-contrib": version("collector"),
		"alertmanager":                    "v" + version("alertmanager"),
		// Prometheus 3.15.0 is the module's v0.315.0.
		"prometheus": regexp.MustCompile(`^0\.(\d)(\d+)\.`).ReplaceAllString(version("prometheus"), "v$1.$2."),
	}
	for _, service := range loadCompose(t).Services {
		name, tag, _ := strings.Cut(filepath.Base(service.Image), ":")
		if want[name] != "" && tag != want[name] {
			t.Errorf("%s: got the image %s, want the version %s of build.sh", service.Name, service.Image, want[name])
		}
	}
}

func pinned(image string) bool {
	_, tag, ok := strings.Cut(filepath.Base(image), ":")
	return ok && tag != "latest" && strings.ContainsAny(tag, "0123456789")
}

// checkVolume asks for what Docker would otherwise make an empty folder of, or forget.
func checkVolume(t *testing.T, volume types.ServiceVolumeConfig) {
	t.Helper()
	switch volume.Type {
	case types.VolumeTypeBind:
		if _, err := os.Stat(volume.Source); err != nil {
			t.Errorf("mounted at %s: %v", volume.Target, err)
		}
		if !volume.ReadOnly {
			t.Errorf("%s is mounted at %s for writing", volume.Source, volume.Target)
		}
	case types.VolumeTypeVolume:
		if volume.Source == "" {
			t.Errorf("the volume at %s has no name, and would be lost", volume.Target)
		}
	}
}

// The services that hold or carry data, each of which the stack is nothing without.
func TestComposeBringsUpTheWholeStack(t *testing.T) {
	t.Parallel()
	images := make(map[string]bool)
	built := 0
	for _, service := range loadCompose(t).Services {
		name, _, _ := strings.Cut(filepath.Base(service.Image), ":")
		images[name] = true
		if service.Build == nil {
			continue
		}
		built++
		if !service.ReadOnly {
			t.Errorf("%s may write to its own image", service.Name)
		}
		if user := service.User; user == "root" || user == "0" || strings.HasPrefix(user, "0:") {
			t.Errorf("%s runs as %s", service.Name, user)
		}
	}
	for _, want := range []string{"opentelemetry-collector-contrib", "prometheus", "grafana", "jaeger", "alertmanager"} {
		if !images[want] {
			t.Errorf("no service has the image %s, got %v", want, images)
		}
	}
	if built == 0 {
		t.Error("no service is built from this repository")
	}
}

// Every service has a health check, or another asks for its health; but for those that end by themselves.
func TestComposeKnowsTheHealthOfAll(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	var asked strings.Builder
	ends := make(map[string]bool)
	for _, service := range project.Services {
		if service.HealthCheck != nil {
			asked.WriteString(strings.Join(service.HealthCheck.Test, " ") + "\n")
		}
		for on, how := range service.DependsOn {
			ends[on] = ends[on] || how.Condition == types.ServiceConditionCompletedSuccessfully
		}
	}
	for _, service := range project.Services {
		known := service.HealthCheck != nil || service.Build != nil || strings.Contains(asked.String(), "//"+service.Name+":")
		if !known && !ends[service.Name] {
			t.Errorf("nothing asks for the health of %s", service.Name)
		}
	}
}

func TestComposeDependsOnWhatExists(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	for _, service := range project.Services {
		for on, how := range service.DependsOn {
			needed, ok := project.Services[on]
			if !ok {
				t.Errorf("%s depends on %s, which is not there", service.Name, on)
			}
			if how.Condition == types.ServiceConditionHealthy && needed.HealthCheck == nil && needed.Build == nil {
				t.Errorf("%s waits until %s is healthy, which has no health check", service.Name, on)
			}
		}
	}
}
