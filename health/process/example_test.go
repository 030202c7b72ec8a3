package process_test

import (
	"fmt"
	"log/slog"

	"github.com/otelhealth/otelhealth-go/health/process"
)

func Example() {
	r, err := process.Open()
	if err != nil {
		slog.Error("this process cannot be read", "error", err)
		return
	}
	defer r.Close()

	var c process.Core
	if err := r.Core(&c); err != nil {
		slog.Warn("some readings are unknown", "error", err) // the others are filled in all the same
	}
	fmt.Println(c.Threads.Known, c.Threads.Value > 0)
	// Output: true true
}

// An Opt tells a number that the platform does not have from one that could not be read just now.
func ExampleOpt() {
	show := func(limit process.Opt[uint64]) {
		switch {
		case limit.Known:
			fmt.Println("limit:", limit.Value)
		case limit.Err != nil:
			fmt.Println("limit unknown:", limit.Err)
		default:
			fmt.Println("no limit")
		}
	}
	show(process.Some[uint64](1 << 30))
	show(process.Opt[uint64]{})
	// Output:
	// limit: 1073741824
	// no limit
}
