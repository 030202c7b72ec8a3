package process

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// countFDs returns the number of open handles of all kinds, from GetProcessHandleCount.
func countFDs() (uint64, error) {
	count := windows.NewLazySystemDLL("kernel32.dll").NewProc("GetProcessHandleCount")
	if err := count.Find(); err != nil {
		return 0, err
	}
	var n uint32
	if ok, _, err := count.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&n))); ok == 0 {
		return 0, fmt.Errorf("GetProcessHandleCount: %w", err)
	}
	return uint64(n), nil
}
