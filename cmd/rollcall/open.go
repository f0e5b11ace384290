package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"rollcall/clients/credentials"
	"rollcall/clients/demofirm"
	"rollcall/clients/imanage"
	"rollcall/provisioning"
	"rollcall/provisioning/commit"
	"rollcall/provisioning/desk"
	"rollcall/provisioning/dispatch/pool"
	"rollcall/provisioning/policy"
	"rollcall/provisioning/store/sqlite"
)

// The demo's document system is as slow as a real one might be, so that a commit can be watched.
const (
	demoEffect = 20 * time.Millisecond
	demoAnswer = 20 * time.Millisecond
	demoRate   = 400
	demoLag    = 20 * time.Second // until the libraries of an account that was closed say so too: hours at a real tenant
)

// opened is everything that one run of the program holds open, closed in the opposite order.
type opened struct {
	desk    *desk.Desk
	store   *sqlite.Store
	session string
	setupOf *setup
	close   []func() error
}

func (o *opened) Close() error {
	var errs []error
	for i := len(o.close) - 1; i >= 0; i-- {
		errs = append(errs, o.close[i]())
	}
	return errors.Join(errs...)
}

// withDesk opens a desk with its systems, loads the last snapshot, runs, and closes everything.
func withDesk(c *cobra.Command, f *flags, run func(*desk.Desk) error) error {
	o, err := open(c.Context(), f, true)
	if err != nil {
		return err
	}
	if _, err = o.desk.Load(c.Context()); err == nil {
		err = run(o.desk)
	}
	return errors.Join(err, o.Close(), o.warn(c))
}

// withTold is withDesk for what runs on: meanwhile whoever is to be told is told. terminal is where the terminal's own notifications go; nil:
// there is none.
func withTold(c *cobra.Command, f *flags, terminal io.Writer, run func(*desk.Desk) error) error {
	o, err := open(c.Context(), f, true)
	if err != nil {
		return err
	}
	err = func() error {
		if _, err := o.desk.Load(c.Context()); err != nil {
			return err
		}
		s, err := o.sender(c.Context(), f, o.setupOf, stateDir(f), terminal)
		if err != nil {
			return err
		}
		if s == nil || o.desk.ReadOnly() != "" { // the process that owns the store tells
			return run(o.desk)
		}
		ctx, stop := context.WithCancel(c.Context())
		var telling sync.WaitGroup
		var last error
		telling.Go(func() { tellUntil(ctx, o.desk, s, func(err error) { last = err }) })
		err = run(o.desk)
		stop()
		s.Close()
		telling.Wait()
		if last != nil { // a console has no place for it while it is open
			fmt.Fprintf(c.ErrOrStderr(), "rollcall: not everybody could be told: %s\n", cleanLines(last.Error()))
		}
		return err
	}()
	return errors.Join(err, o.Close(), o.warn(c))
}

// withStore opens a desk for the record alone: no system is reached or started.
func withStore(c *cobra.Command, f *flags, run func(*desk.Desk) error) error {
	return withOpened(c, f, func(o *opened) error { return run(o.desk) })
}

func withOpened(c *cobra.Command, f *flags, run func(*opened) error) error {
	o, err := open(c.Context(), f, false)
	if err != nil {
		return err
	}
	return errors.Join(run(o), o.Close(), o.warn(c))
}

// warn tells what the operator must know of the store, once it is closed: by then an anchor was written or was not.
func (o *opened) warn(c *cobra.Command) error {
	for _, warning := range o.store.Warnings() {
		fmt.Fprintln(c.ErrOrStderr(), "rollcall: "+clean(warning))
	}
	return nil
}

// open wires one run: the configuration, the secrets, the store, the clients, the executor, the desk. Without systems, a demo is
// not served and no client is made.
func open(ctx context.Context, f *flags, systems bool) (_ *opened, err error) {
	o := &opened{}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	dir := stateDir(f)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s, err := o.setup(ctx, f, dir, systems)
	if err != nil {
		return nil, err
	}
	if err := s.sit(f.operator); err != nil {
		return nil, err
	}
	f.tenants = s.tenants()
	o.setupOf = s
	if err := s.choose(f.tenant, f.console || !systems); err != nil {
		return nil, err
	}
	seat := s.seat()
	p, err := place(ctx, f, s, dir)
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, p.options)
	if err != nil {
		return nil, err
	}
	o.store, o.session = store, session()
	o.close = append(o.close, store.Close)
	deps := desk.Deps{
		Firm: s.Firm, Operator: seat, Session: o.session, Store: store, Policy: policy.Default(), Clock: provisioning.SystemClock{}, AuditKey: p.key,
		PolicySource: s.policySource(), Operators: s.operators(), Mapped: s.mapped(), Tenant: s.tenant(),
		HandSteps: imanage.HandSteps, Canaries: make(map[string][]string), DMS: nowhere{},
		Signer: p.options.Signer, RecordKeys: []ed25519.PublicKey{p.options.Signer.Public()}, Anchors: p.read, Exchange: s.exchange(dir),
		ApprovalKey: func(ctx context.Context) (provisioning.Signer, error) { return approvalKey(ctx, f, s, dir, seat.Name) },
	}
	if deps.ApprovalKeys, err = approvalKeys(ctx, f, s, dir); err != nil {
		return nil, err
	}
	settle := tenantSettle
	if systems {
		if settle, err = o.clients(ctx, f, s, &deps); err != nil {
			return nil, err
		}
	}
	executor := commit.New(commit.Deps{
		Store: store, DMS: deps.DMS, Clock: deps.Clock, Actor: seat.Name, Session: deps.Session, Owner: deps.Session, Tenant: s.tenant(), Settle: settle,
		Operation: deps.DMS.Operation,
		Recheck: func(ctx context.Context, u *provisioning.Unit, c provisioning.Change) string {
			return o.desk.LiveCheck(ctx, u, c)
		},
	})
	deps.Dispatcher = pool.New(pool.Deps{
		Store: store, Executor: executor, Clock: deps.Clock,
		Event: func(kind provisioning.EventKind, detail string) provisioning.Event {
			return provisioning.Event{At: deps.Clock.Now(), Actor: seat.Name, Session: deps.Session, Kind: kind, Detail: detail}
		},
	})
	o.desk = desk.New(deps)
	o.close = append(o.close, func() error { o.desk.Close(); return nil })
	return o, nil
}

// setup finds the configuration: the demo firm's (and serves it), the JSON of `rollcall sim`, or config.toml.
func (o *opened) setup(ctx context.Context, f *flags, dir string, systems bool) (*setup, error) {
	switch {
	case f.demo:
		directories, err := f.directoryList()
		if err != nil {
			return nil, err
		}
		firm, err := demofirm.Open(demofirm.Options{Seed: f.seed, People: f.people, Epoch: time.Now().UTC().Truncate(time.Second), Directories: directories}, dir)
		if err != nil {
			return nil, err
		}
		if !systems {
			return demoSetup(firm), nil
		}
		running, err := demofirm.Serve(ctx, firm, demofirm.ServeOptions{StateDir: dir, EffectDelay: demoEffect, AnswerDelay: demoAnswer, LogonLag: demoLag})
		if err != nil {
			return nil, err
		}
		o.close = append(o.close, func() error { running.Close(); return nil })
		return fromDemo(firm, running.Connections()), nil
	case f.connections != "":
		return readConnections(f.connections)
	default:
		s, err := readConfig(f)
		if err != nil {
			return nil, err
		}
		return s, f.keeper().begin(ctx, s)
	}
}

func fromDemo(firm *demofirm.Firm, c demofirm.Connections) *setup {
	s := demoSetup(firm)
	for _, one := range c.Connections {
		s.Connections = append(s.Connections, connection{
			Name: one.Name, System: one.System, URL: one.URL, Token: one.Token, Username: one.Username, Password: one.Password,
			ClientID: one.ClientID, ClientSecret: one.ClientSecret, SignIn: one.SignIn, Tenant: one.Tenant, LoginURL: one.LoginURL,
			Subject: one.Subject, Key: one.Key, Fields: fieldsOf(one.Fields), Loopback: true,
		})
	}
	return s
}

// fieldsOf are the fields that the demo firm names.
func fieldsOf(m map[string]string) fieldNames {
	return fieldNames{
		Office: m["office"], SSOName: m["sso_name"], EmployeeNumber: m["employee_number"], Phone: m["phone"], BirthYear: m["birth_year"],
		HireDate: m["hire_date"], LeaveDate: m["leave_date"], ExternalID: m["external_id"], Type: m["type"],
	}
}

// clients makes a client of each connection. It returns the document system's settle time.
func (o *opened) clients(ctx context.Context, f *flags, s *setup, deps *desk.Deps) (time.Duration, error) {
	simulated := f.demo || f.connections != ""
	settle := tenantSettle
	if simulated {
		settle = loopbackSettle
	}
	deps.DMS, deps.Prefer, deps.FullEvery = nil, s.Prefer, make(map[string]time.Duration)
	maker, err := o.maker(ctx, f, deps.Clock)
	if err != nil {
		return 0, err
	}
	maker.confirmed = func(ctx context.Context, operation string) bool {
		uses, err := deps.Store.Uses(ctx, deps.Tenant)
		return err == nil && uses[operation].State == provisioning.UseConfirmed
	}
	for _, c := range s.Connections {
		if c.System == "imanage" && c.Name != s.chosen {
			continue
		}
		system, err := maker.make(c)
		if err != nil {
			return 0, err
		}
		o.close = append(o.close, func() error { system.Close(); return nil })
		if dms, ok := system.(provisioning.DMS); ok {
			deps.DMS, deps.Offices = dms, c.Offices
			if own, ok := system.(interface {
				HandSteps(c provisioning.Change) []string
			}); ok { // a server on premises has other steps than the cloud
				deps.HandSteps = own.HandSteps
			}
			if c.Settle != "" {
				if settle, err = time.ParseDuration(c.Settle); err != nil {
					return 0, err
				}
			}
			continue
		}
		deps.Directories = append(deps.Directories, system.(provisioning.Directory)) //nolint:forcetypeassert // system makes nothing else
		deps.Canaries[c.Name] = c.Canaries
		if c.FullEvery != "" {
			every, err := time.ParseDuration(c.FullEvery)
			if err != nil || every < 0 {
				return 0, &provisioning.Error{Code: provisioning.Invalid, Message: c.Name + ": full_every is no duration: " + c.FullEvery, Hint: "write 30m, 1h or 0 for always"}
			}
			deps.FullEvery[c.Name] = every
		}
	}
	if deps.DMS == nil || len(deps.Directories) == 0 {
		return 0, &provisioning.Error{
			Code: provisioning.Invalid, Message: "a directory and an iManage connection are both needed", Hint: "rollcall connect sets them up",
		}
	}
	return settle, nil
}

// tenant names the document system for what was confirmed on it before. A simulator's port changes with each run, so its name
// stands alone.
func (s *setup) tenant() string {
	if c := s.document(); c != nil && !strings.HasPrefix(c.URL, "http://127.") {
		return c.URL
	}
	return "simulator"
}

// recordKey is the key of the record's chain: in the keyring, or in the file that the configuration names; for simulated systems in
// their own state folder (DESIGN 5).
func recordKey(ctx context.Context, f *flags, s *setup, dir string) ([]byte, error) {
	if f.demo || f.connections != "" {
		return credentials.KeyFromFile(filepath.Join(dir, "record.key"))
	}
	ref := s.RecordKey
	if ref == "" {
		ref = "keyring:rollcall/record"
	}
	key, err := f.keeper().Key(ctx, ref)
	if provisioning.CodeOf(err) == provisioning.Invalid {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "record_key: " + err.Error(), Hint: "name a place for the record's key"}
	}
	return key, err
}

func session() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
