package e2e

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"
)

// alertmanager is an Alertmanager with the shipped configuration.
type alertmanager struct {
	*process
	address string
	folder  string
	config  string
}

// newAlertmanager lays one out and does not start it.
func newAlertmanager(t *testing.T) *alertmanager {
	t.Helper()
	config, err := filepath.Abs(filepath.Join(configurations, "alertmanager", "alertmanager.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return &alertmanager{address: freeAddress(t), folder: t.TempDir(), config: config}
}

func (a *alertmanager) begin(t *testing.T) {
	t.Helper()
	a.process = start(t, a.folder, filepath.Join(programs.stack, "alertmanager"), nil,
		"--config.file="+a.config,
		"--storage.path="+filepath.Join(a.folder, "data"),
		"--web.listen-address="+a.address,
		"--cluster.listen-address=", // it has no peers
	)
	await(t, 30*time.Second, "Alertmanager is ready", func() error {
		if err := a.alive(); err != nil {
			return err
		}
		_, err := fetch("GET", "http://"+a.address+"/-/ready")
		return err
	})
}

// notice is an alert as Alertmanager's API shows it.
type notice struct {
	Labels    map[string]string
	Receivers []struct{ Name string }
	Status    struct{ State string } // active or suppressed
}

func (a *alertmanager) notices() ([]notice, error) {
	body, err := fetch("GET", "http://"+a.address+"/api/v2/alerts")
	if err != nil {
		return nil, err
	}
	var notices []notice
	return notices, json.Unmarshal(body, &notices)
}
