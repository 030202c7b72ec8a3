package otelhealth

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otelhealth/otelhealth-go/health"
)

// identify fills in what neither options nor HEALTH_* variables say of the service.
func (c *config) identify() {
	version, program := fromBuild()
	c.service.ID = cmp.Or(c.service.ID, c.otelServiceName, c.resourceAttributes[string(semconv.ServiceNameKey)], program)
	c.service.Version = cmp.Or(c.service.Version, c.resourceAttributes[string(semconv.ServiceVersionKey)], version)
	c.service.Instance = cmp.Or(c.resourceAttributes[string(semconv.ServiceInstanceIDKey)], c.instance())
}

// fromBuild returns the version that the build recorded and the program's name.
func fromBuild() (version, program string) {
	program = strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", program
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v, program
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12], program
		}
	}
	return "devel", program
}

// instanceSpace is the UUIDv5 name space of service.instance.id, so that the same instance gets the same id again.
var instanceSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://"+health.Scope))

// instance returns an id that is stable across restarts of one instance and differs between instances: of the pod's
// uid or the container's id where there is one, else of host, service and the address it listens at.
func (c *config) instance() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	parts := []string{"host", host, c.service.ID, c.listenAddress}
	if pod := cmp.Or(c.resourceAttributes[string(semconv.K8SPodUIDKey)], podUID()); pod != "" {
		parts = []string{"pod", pod, c.service.ID, c.listenAddress}
	} else if container := containerID(); container != "" {
		parts = []string{"container", container, c.service.ID, c.listenAddress}
	}
	return uuid.NewSHA1(instanceSpace, []byte(strings.Join(parts, "\x00"))).String()
}

var (
	podPattern       = regexp.MustCompile(`pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})`)
	containerPattern = regexp.MustCompile(`(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?:/|$)`)
)

// podUID finds the pod's uid in the path of the control group: cgroup v1 and v2 without a cgroup name space.
func podUID() string {
	found := podPattern.FindStringSubmatch(readLines("/proc/self/cgroup"))
	if found == nil {
		return ""
	}
	return strings.ReplaceAll(found[1], "_", "-")
}

// containerID finds the container's id in the path of the control group, or in that of a file that the container's
// runtime mounted, such as /etc/hostname.
func containerID() string {
	for line := range strings.Lines(readLines("/proc/self/cgroup")) {
		if found := containerPattern.FindStringSubmatch(strings.TrimSpace(line)); found != nil {
			return found[1]
		}
	}
	for line := range strings.Lines(readLines("/proc/self/mountinfo")) {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[4] != "/etc/hostname" && fields[4] != "/etc/resolv.conf" {
			continue
		}
		if found := containerPattern.FindStringSubmatch(fields[3]); found != nil {
			return found[1]
		}
	}
	return ""
}

// readLines returns "" for a file that is missing: the id then comes from elsewhere.
func readLines(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(content)
}

// NewResource returns what [Start] with the same options says of the service in what it exports. An application's own
// TracerProvider that has it too lets traces and metrics of one instance be found by one service.instance.id. The error
// names the options that are wrong, or what of a partial resource is missing.
func NewResource(ctx context.Context, options ...Option) (*resource.Resource, error) {
	c, err := newConfig(osEnvironment, options)
	if err != nil {
		return nil, fmt.Errorf("otelhealth: %w", err)
	}
	c.identify()
	return c.newResource(ctx)
}

// newResource says who exports: chosen attributes only, never the command line or the environment. What
// OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say wins. A partial resource comes back together with the error.
func (c *config) newResource(ctx context.Context) (*resource.Resource, error) {
	attributes := []attribute.KeyValue{
		semconv.ServiceName(c.service.ID),
		semconv.ServiceInstanceID(c.service.Instance),
		semconv.ProcessPID(os.Getpid()),
		semconv.ProcessRuntimeName("go"),
		semconv.ProcessRuntimeVersion(runtime.Version()),
		semconv.OSTypeKey.String(runtime.GOOS),
	}
	if c.service.Version != "" {
		attributes = append(attributes, semconv.ServiceVersion(c.service.Version))
	}
	if host, err := os.Hostname(); err == nil {
		attributes = append(attributes, semconv.HostName(host))
	}
	if id := containerID(); id != "" {
		attributes = append(attributes, semconv.ContainerID(id))
	}
	if uid := podUID(); uid != "" {
		attributes = append(attributes, semconv.K8SPodUID(uid))
	}
	for _, key := range slices.Sorted(maps.Keys(c.resourceAttributes)) {
		attributes = append(attributes, attribute.String(key, c.resourceAttributes[key]))
	}
	if c.otelServiceName != "" {
		attributes = append(attributes, semconv.ServiceName(c.otelServiceName))
	}
	r, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attributes...), // of two values for one key the last counts
		resource.WithSchemaURL(semconv.SchemaURL),
	)
	if err != nil {
		err = fmt.Errorf("describe the resource: %w", err)
	}
	return r, err
}
