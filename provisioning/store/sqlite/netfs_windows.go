package sqlite

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// networkKind names the network file system that a folder is on; "" where it is on none, or where that cannot be told.
func networkKind(dir string) string {
	full, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	root, err := windows.UTF16PtrFromString(filepath.VolumeName(full) + `\`)
	if err != nil || windows.GetDriveType(root) != windows.DRIVE_REMOTE {
		return ""
	}
	return "a network drive"
}
