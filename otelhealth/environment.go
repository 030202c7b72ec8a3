package otelhealth

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/otelhealth/otelhealth-go/health"
)

// environment looks a variable up. An empty value counts as unset, as OpenTelemetry's specification has it.
type environment func(name string) string

// osEnvironment is the process's own. Nothing else in the module reads environment variables.
func osEnvironment(name string) string { return os.Getenv(name) }

// NewSelfProbe returns what a program asks itself under a flag of its own, with the base path and the token that
// HEALTH_BASE_PATH and HEALTH_API_TOKEN say. address is where it listens.
func NewSelfProbe(address string) health.SelfProbe {
	return health.SelfProbe{
		Address: address,
		Path:    strings.TrimSuffix(osEnvironment("HEALTH_BASE_PATH"), "/") + "/health",
		Token:   osEnvironment("HEALTH_API_TOKEN"),
	}
}

// first returns the first of the variables that is set, with its name.
func (env environment) first(names ...string) (name, value string) {
	for _, name := range names {
		if value := env(name); value != "" {
			return name, value
		}
	}
	return "", ""
}

// apply reads every setting of the table into c. The error joins all that is wrong, each part naming the variable, what
// it holds and what it should.
func (env environment) apply(c *config) error {
	var errs []error
	for _, s := range settings() {
		value := env(s.name)
		if value == "" {
			continue
		}
		if err := s.set(c, value); err != nil {
			errs = append(errs, settingError(s.name, shown(s.name, value), err))
		}
	}
	return errors.Join(append(errs, env.checkClientCertificate())...)
}

func settingError(name, got string, want error) error {
	return fmt.Errorf("%s: got %s, want %w", name, got, want)
}

// shown is what an error may repeat of a setting's value: headers carry tokens, and a URL may carry a password.
func shown(name, value string) string {
	if strings.HasSuffix(name, "_HEADERS") || strings.HasPrefix(name, "HEALTH_AUTH_PASSWORD") || name == "HEALTH_API_TOKEN" || name == "OTEL_RESOURCE_ATTRIBUTES" || strings.ContainsAny(value, "@?") {
		return "a value that is not repeated here"
	}
	return strconv.Quote(value)
}
