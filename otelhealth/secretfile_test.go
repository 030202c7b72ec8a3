package otelhealth

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestStartsAtOnceGetOneSecret(t *testing.T) {
	for range 50 {
		path := filepath.Join(t.TempDir(), "db", "health.db.token")
		secrets := make([]string, 4)
		var all sync.WaitGroup
		for i := range secrets {
			all.Go(func() {
				var err error
				if secrets[i], err = keptSecret(path, shortestToken); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if slices.Sort(secrets); secrets[0] != secrets[len(secrets)-1] || len(secrets[0]) != 32 {
			t.Fatalf("got %q, want one of 32 characters", secrets)
		}
		left, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(left) != 1 {
			t.Fatalf("in the folder are %v, %v", left, err)
		}
	}
}

func TestSecretIsReadFromAReadOnlyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("abcdefghijklmnopqrst\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	if got, err := keptSecret(path, shortestToken); err != nil || got != "abcdefghijklmnopqrst" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSecretsThatAreNotTaken(t *testing.T) {
	const text = "a-word-that-is-long-enough\n"
	write := func(text string, mode os.FileMode) func(string) error {
		return func(path string) error {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				return err
			}
			return os.Chmod(path, mode)
		}
	}
	cases := map[string]struct {
		make func(path string) error
		want string
	}{
		"too short": {write("short\n", 0o600), "want one word of 16"},
		"two words": {write("two words of a configuration", 0o600), "want one word of 16"},
		"too long":  {write(strings.Repeat("x", 1025), 0o600), "want one word of 16"},
		"a folder":  {func(path string) error { return os.Mkdir(path, 0o700) }, "want a regular file"},
	}
	if runtime.GOOS != "windows" {
		cases["read by others"] = struct {
			make func(path string) error
			want string
		}{write(text, 0o644), "got the mode 0644, want 0600"}
		cases["a symbolic link"] = struct {
			make func(path string) error
			want string
		}{func(path string) error {
			if err := write(text, 0o600)(path + ".other"); err != nil {
				return err
			}
			return os.Symlink(path+".other", path)
		}, "want a regular file"}
	}
	for name, test := range cases {
		path := filepath.Join(t.TempDir(), "token")
		if err := test.make(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path) // a folder has nothing to read
		got, err := keptSecret(path, shortestToken)
		after, _ := os.ReadFile(path)
		if got != "" || err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %q, %v, want an error with %q and the path", name, got, err, test.want)
		}
		if string(before) != string(after) {
			t.Errorf("%s: the file was changed to %q", name, after)
		}
	}
}
