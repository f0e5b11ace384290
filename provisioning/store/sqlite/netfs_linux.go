package sqlite

import "golang.org/x/sys/unix"

// networkKind names the network file system that a folder is on; "" where it is on none, or where that cannot be told.
func networkKind(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return ""
	}
	return networkMagic(uint32(s.Type)) //nolint:gosec // the magic numbers have 32 bits
}

// networkMagic names a network file system by its magic number (linux/magic.h, statfs(2)).
func networkMagic(magic uint32) string {
	switch magic {
	case 0x6969:
		return "NFS"
	case 0x517B, 0xFE534D42:
		return "SMB"
	case 0xFF534D42:
		return "CIFS"
	case 0x5346414F:
		return "AFS"
	case 0x00C36400:
		return "Ceph"
	case 0x73757245:
		return "Coda"
	case 0x01021997:
		return "9P"
	default:
		return ""
	}
}
