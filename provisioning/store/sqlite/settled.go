package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"rollcall/provisioning"
)

// Uses returns what a tenant has shown of its operations, by their names.
func (s *Store) Uses(ctx context.Context, tenant string) (map[string]provisioning.Use, error) {
	uses := make(map[string]provisioning.Use)
	err := rows(ctx, s.read, func(r *sql.Rows) error {
		u := provisioning.Use{Tenant: tenant}
		var at int64
		if err := r.Scan(&u.Operation, &u.State, &at, &u.By, &u.How); err != nil {
			return unavailable("what the tenant confirmed cannot be read", err)
		}
		u.At = fromNanos(at)
		uses[u.Operation] = u
		return nil
	}, "select operation, state, at, by, how from use where tenant=?", tenant)
	return uses, err
}

// SaveUse remembers the latest word about an operation of a tenant; the record keeps the earlier ones.
func (s *Store) SaveUse(ctx context.Context, u provisioning.Use, e provisioning.Event) error {
	if u.Operation == "" || (u.State != provisioning.UseConfirmed && u.State != provisioning.UseRefused) {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "what the tenant has shown names no operation, or no state"}
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert or replace into use (tenant, operation, state, at, by, how) values (?,?,?,?,?,?)",
			u.Tenant, u.Operation, string(u.State), nanos(u.At), u.By, u.How); err != nil {
			return unavailable("what the tenant confirmed cannot be kept", err)
		}
		return nil
	}, e)
}

// ForgetUse takes the word about an operation back; the record keeps it.
func (s *Store) ForgetUse(ctx context.Context, tenant, operation string, e provisioning.Event) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "delete from use where tenant=? and operation=?", tenant, operation)
		if err != nil {
			return unavailable("what the tenant confirmed cannot be forgotten", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return notFound("an answer of this tenant about " + operation)
		}
		return nil
	}, e)
}

// AcceptedPolicy returns the policy text that was accepted last, "" where none was.
func (s *Store) AcceptedPolicy(ctx context.Context) (string, error) {
	var text string
	err := s.read.QueryRowContext(ctx, "select text from policy order by id desc limit 1").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", unavailable("the accepted policy cannot be read", err)
	}
	return text, nil
}

// AcceptPolicy puts another policy in its place. The earlier ones are kept, each with who accepted it when.
func (s *Store) AcceptPolicy(ctx context.Context, text string, e provisioning.Event) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "insert into policy (at, actor, text) values (?,?,?)", nanos(e.At), e.Actor, text); err != nil {
			return unavailable("the policy cannot be kept", err)
		}
		return nil
	}, e)
}
