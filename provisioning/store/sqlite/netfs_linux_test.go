package sqlite_test

import (
	"testing"

	"rollcall/provisioning/store/sqlite"
)

// TestNetworkFileSystems: what linux/magic.h calls a network file system is one, and a disk is none.
func TestNetworkFileSystems(t *testing.T) {
	for magic, want := range map[uint32]string{
		0x6969: "NFS", 0xFF534D42: "CIFS", 0xFE534D42: "SMB", 0x517B: "SMB", 0x01021997: "9P", 0x00C36400: "Ceph",
		0xEF53: "", 0x58465342: "", 0x9123683E: "", 0x01021994: "", 0x794c7630: "", 0x2FC12FC1: "", // ext4, xfs, btrfs, tmpfs, overlay, zfs
	} {
		if got := sqlite.NetworkMagic(magic); got != want {
			t.Errorf("%x is taken for %q, want %q", magic, got, want)
		}
	}
}
