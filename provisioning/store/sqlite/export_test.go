package sqlite

import (
	"context"
	"fmt"
)

// Migrations shows the migrations to the tests.
func Migrations() []string { return migrations() }

// LimitPages lets the database's file grow no more, as a full disk does: SQLite's own answer is the same.
func (s *Store) LimitPages(ctx context.Context) error {
	var pages int
	if err := s.write.QueryRowContext(ctx, "pragma page_count").Scan(&pages); err != nil {
		return err
	}
	_, err := s.write.ExecContext(ctx, fmt.Sprintf("pragma max_page_count = %d", pages))
	return err
}

// Look looks at the whole file again, as the start does.
func (s *Store) Look(ctx context.Context) error { return s.inspect(ctx) }
