package main

import (
	"context"
	"errors"
	"os"

	"rollcall/clients/entra"
	"rollcall/clients/google"
	"rollcall/clients/imanage"
	"rollcall/clients/okta"
	"rollcall/clients/onelogin"
	"rollcall/clients/wire"
	"rollcall/provisioning"
)

// system is a client of one connection: a provisioning.Directory or a provisioning.DMS.
type system interface {
	provisioning.Examiner
	Name() string
	System() string
	Budget() provisioning.Budget
	Close()
}

// maker makes clients of connections. The secrets of simulated ones stand in their JSON as they are.
type maker struct {
	ctx       context.Context //nolint:containedctx // of the one command that makes clients
	simulated bool
	keeper    *places
	clock     provisioning.Clock
	trace     *wire.Trace
	confirmed func(ctx context.Context, operation string) bool // whether the document system's tenant confirmed an operation
	secrets   map[string]provisioning.Secret                   // by key of the connection, before they are stored: connect tries them out
	// renewed hears of a secret that took the place of one of secrets: a sign-in that renews itself is used up by being tried.
	renewed func(key string, secret provisioning.Secret)
}

// maker opens the trace, if one was asked for.
func (o *opened) maker(ctx context.Context, f *flags, clock provisioning.Clock) (*maker, error) {
	m := &maker{ctx: ctx, simulated: f.demo || f.connections != "", keeper: f.keeper(), clock: clock}
	if f.debugHTTP != "" {
		file, err := os.OpenFile(f.debugHTTP, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "the trace cannot be written", Hint: "name another file with --debug-http", Err: err}
		}
		o.close = append(o.close, file.Close)
		m.trace = wire.NewTrace(file, clock.Now)
	}
	return m, nil
}

// secret resolves a reference.
func (m *maker) secret(key, value string) (provisioning.Secret, error) {
	if s, ok := m.secrets[key]; ok {
		return s, nil
	}
	if m.simulated || value == "" {
		return provisioning.NewSecret(value), nil
	}
	return m.keeper.Resolve(m.ctx, value)
}

// make makes the client of a connection, or one that says why it cannot be: one directory that is not set up well must not keep the
// others from being read.
func (m *maker) make(c connection) (system, error) {
	s, err := m.system(c)
	switch {
	case err == nil:
		return s, nil
	case c.System == "imanage":
		return brokenDMS{broken: broken{c, err, m.clock}}, nil
	case errors.Is(err, errNoSystem) || m.simulated:
		return nil, err
	default:
		return brokenDirectory{broken{c, err, m.clock}}, nil
	}
}

// errNoSystem is in the error of a system that nobody knows.
var errNoSystem = errors.New("unknown system")

// system makes the client of a connection.
func (m *maker) system(c connection) (system, error) {
	loopback := m.simulated || c.Loopback
	switch c.System {
	case "okta":
		return m.okta(c, loopback)
	case "entra":
		return m.entra(c, loopback)
	case "google":
		return m.google(c, loopback)
	case "onelogin":
		return m.onelogin(c, loopback)
	case "imanage":
		return m.imanage(c, loopback)
	default:
		return nil, &provisioning.Error{
			Code: provisioning.Invalid, Message: "there is no system called " + c.System, Hint: "okta, entra, google, onelogin and imanage are known", Err: errNoSystem,
		}
	}
}

func (m *maker) okta(c connection, loopback bool) (system, error) {
	token, err := m.secret("token", c.Token)
	key, errKey := m.secret("key", c.Key)
	if err := errors.Join(err, errKey); err != nil {
		return nil, err
	}
	f := c.Fields
	return okta.New(okta.Options{
		Name: c.Name, URL: c.URL, Token: token, ClientID: c.ClientID, Key: key, KeyID: c.KeyID, AllowLoopbackHTTP: loopback, CAFile: c.CAFile,
		PerSecond: c.PerSecond, Share: c.Reserve, Clock: m.clock, Trace: m.trace, Groups: true,
		Fields: okta.Fields{
			Office: f.Office, SSOName: f.SSOName, EmployeeNumber: f.EmployeeNumber, Phone: f.Phone, BirthYear: f.BirthYear,
			HireDate: f.HireDate, LeaveDate: f.LeaveDate, ExternalID: f.ExternalID,
		},
	})
}

func (m *maker) entraOptions(c connection, loopback bool) (entra.Options, error) {
	secret, err := m.secret("client_secret", c.ClientSecret)
	key, errKey := m.secret("key", c.Key)
	refresh, errRefresh := m.secret("refresh", c.Refresh)
	f := c.Fields
	o := entra.Options{
		Name: c.Name, Tenant: c.Tenant, ClientID: c.ClientID, Secret: secret, Key: key, Refresh: refresh, GraphURL: c.URL, LoginURL: c.LoginURL,
		AllowLoopbackHTTP: loopback, CAFile: c.CAFile, PerSecond: c.PerSecond, Share: c.Reserve, Clock: m.clock, Trace: m.trace, Groups: true,
		Fields: entra.Fields{
			SSOName: f.SSOName, EmployeeNumber: f.EmployeeNumber, Office: f.Office, Phone: f.Phone, ExternalID: f.ExternalID,
			BirthYear: f.BirthYear,
		},
	}
	if _, tried := m.secrets["refresh"]; tried {
		o.Keep = func(_ context.Context, refresh provisioning.Secret) error {
			m.renewed("refresh", refresh)
			return nil
		}
	} else if !m.simulated && m.keeper.Keeps(c.Refresh) {
		o.Keep = func(ctx context.Context, refresh provisioning.Secret) error {
			return m.keeper.Store(ctx, c.Refresh, refresh)
		}
	}
	return o, errors.Join(err, errKey, errRefresh)
}

func (m *maker) entra(c connection, loopback bool) (system, error) {
	o, err := m.entraOptions(c, loopback)
	if err != nil {
		return nil, err
	}
	return entra.New(o)
}

func (m *maker) google(c connection, loopback bool) (system, error) {
	key, err := m.secret("key", c.Key)
	if err != nil {
		return nil, err
	}
	f := c.Fields
	return google.New(google.Options{
		Name: c.Name, Key: key, Subject: c.Subject, Customer: c.Customer, APIURL: c.URL, LoginURL: c.LoginURL, AllowLoopbackHTTP: loopback,
		CAFile: c.CAFile, PerSecond: c.PerSecond, Share: c.Reserve, Clock: m.clock, Trace: m.trace, Groups: true,
		Fields: google.Fields{
			SSOName: f.SSOName, EmployeeNumber: f.EmployeeNumber, Office: f.Office, HireDate: f.HireDate, LeaveDate: f.LeaveDate,
			BirthYear: f.BirthYear, ExternalID: f.ExternalID,
		},
	})
}

func (m *maker) onelogin(c connection, loopback bool) (system, error) {
	secret, err := m.secret("client_secret", c.ClientSecret)
	if err != nil {
		return nil, err
	}
	f := c.Fields
	return onelogin.New(onelogin.Options{
		Name: c.Name, URL: c.URL, ClientID: c.ClientID, Secret: secret, AllowLoopbackHTTP: loopback, CAFile: c.CAFile, PerSecond: c.PerSecond,
		Share: c.Reserve, Clock: m.clock, Trace: m.trace, Groups: true,
		Fields: onelogin.Fields{
			SSOName: f.SSOName, EmployeeNumber: f.EmployeeNumber, Office: f.Office, Phone: f.Phone, HireDate: f.HireDate,
			LeaveDate: f.LeaveDate, BirthYear: f.BirthYear, Type: f.Type, ExternalID: f.ExternalID,
		},
	})
}

func (m *maker) imanage(c connection, loopback bool) (system, error) {
	password, err := m.secret("password", c.Password)
	secret, errSecret := m.secret("client_secret", c.ClientSecret)
	if err := errors.Join(err, errSecret); err != nil {
		return nil, err
	}
	perSecond := c.PerSecond
	if m.simulated && perSecond == 0 {
		perSecond = demoRate
	}
	return imanage.New(imanage.Options{
		Name: c.Name, URL: c.URL, Prefix: c.Prefix, OnPrem: c.OnPrem, Username: c.Username, Password: password, ClientID: c.ClientID,
		ClientSecret: secret, EmployeeField: c.EmployeeField, AllowLoopbackHTTP: loopback, CAFile: c.CAFile, PerSecond: perSecond, Clock: m.clock,
		Trace: m.trace, Confirmed: m.confirmed,
	})
}

// guides are how each system is connected, the directories first.
func guides() []provisioning.Guide {
	return []provisioning.Guide{okta.Guide(), entra.Guide(), google.Guide(), onelogin.Guide(), imanage.Guide()}
}
