package main

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
)

// trouble holds what /demo planted: so many files, goroutines and MiB at a time.
type trouble struct {
	mu      sync.Mutex
	files   []*os.File
	workers []chan struct{}
	memory  [][]byte
}

// most bounds what one may ask for.
var most = map[string]int{"files": 100_000, "goroutines": 200_000, "memory": 4096}

// servePlant makes trouble hold exactly n of a kind; 0 takes it all back.
func (t *trouble) servePlant(w http.ResponseWriter, r *http.Request) {
	kind := r.PathValue("kind")
	limit, ok := most[kind]
	if !ok {
		http.Error(w, fmt.Sprintf("kind: got %q, want files, goroutines or memory", kind), http.StatusNotFound)
		return
	}
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil || n < 0 || n > limit {
		http.Error(w, fmt.Sprintf("n: got %q, want a number from 0 to %d", r.FormValue("n"), limit), http.StatusBadRequest)
		return
	}
	if err := t.plant(kind, n); err != nil {
		http.Error(w, err.Error(), http.StatusInsufficientStorage)
		return
	}
	fmt.Fprintf(w, "holding %d %s\n", n, kind)
}

func (t *trouble) plant(kind string, n int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch kind {
	case "files":
		return t.holdFiles(n)
	case "goroutines":
		t.holdGoroutines(n)
	case "memory":
		t.holdMemory(n)
	}
	return nil
}

func (t *trouble) holdFiles(n int) error {
	for len(t.files) > n {
		last := len(t.files) - 1
		if err := t.files[last].Close(); err != nil {
			return err
		}
		t.files = t.files[:last]
	}
	for len(t.files) < n {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return fmt.Errorf("holding %d files: %w", len(t.files), err)
		}
		t.files = append(t.files, f)
	}
	return nil
}

func (t *trouble) holdGoroutines(n int) {
	for len(t.workers) > n {
		last := len(t.workers) - 1
		close(t.workers[last])
		t.workers = t.workers[:last]
	}
	for len(t.workers) < n {
		stop := make(chan struct{})
		go func() { <-stop }()
		t.workers = append(t.workers, stop)
	}
}

func (t *trouble) holdMemory(mib int) {
	if len(t.memory) > mib {
		clear(t.memory[mib:])
		t.memory = t.memory[:mib]
	}
	for len(t.memory) < mib {
		block := make([]byte, 1<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1 // or it would not be resident
		}
		t.memory = append(t.memory, block)
	}
}

func (t *trouble) release() {
	for kind := range most {
		_ = t.plant(kind, 0) // the process ends
	}
}
