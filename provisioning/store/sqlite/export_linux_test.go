package sqlite

// NetworkMagic shows to the tests what a file system's magic number is taken for.
func NetworkMagic(magic uint32) string { return networkMagic(magic) }
