package checks

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// roomAt asks for the folder: the system takes no file.
func roomAt(path string) (room, error) {
	info, err := os.Stat(path)
	if err != nil {
		return room{}, err
	}
	if !info.IsDir() {
		path = filepath.Dir(path)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return room{}, err
	}
	var r room
	err = windows.GetDiskFreeSpaceEx(name, &r.free, &r.total, nil)
	return r, err
}
