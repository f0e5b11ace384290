package sqlite

// Migrations shows the migrations to the tests.
func Migrations() []string { return migrations() }
