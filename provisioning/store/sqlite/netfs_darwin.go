package sqlite

import "golang.org/x/sys/unix"

// networkKind names the network file system that a folder is on; "" where it is on none, or where that cannot be told.
func networkKind(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return ""
	}
	switch name := unix.ByteSliceToString(s.Fstypename[:]); name {
	case "nfs", "smbfs", "afpfs", "webdav":
		return name
	default:
		return ""
	}
}
