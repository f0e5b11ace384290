package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"rollcall/clients/notify"
	"rollcall/provisioning"
	"rollcall/provisioning/desk"
)

// notifyRules are the [notify] table of config.toml. Without it nobody is told anything.
type notifyRules struct {
	Kinds    []string  `toml:"kinds"`    // none: all
	Desktop  string    `toml:"desktop"`  // osc9, osc777, both; "": off
	Template string    `toml:"template"` // a file beside config.toml; "": the program's own
	Again    string    `toml:"again"`    // the same matter is told again after so long; "": 24h
	Quiet    []string  `toml:"quiet"`    // two times of the day: between them nothing but danger is told
	Webhook  []hook    `toml:"webhook"`
	Mail     mailRules `toml:"mail"`
}

type hook struct {
	URL    string `toml:"url"`
	Secret string `toml:"secret"` // a reference to whsec_…
	CAFile string `toml:"ca_file"`
}

type mailRules struct {
	Host     string   `toml:"host"`
	Port     int      `toml:"port"`
	From     string   `toml:"from"`
	To       []string `toml:"to"`
	Username string   `toml:"username"`
	Password string   `toml:"password"` // a reference
	CAFile   string   `toml:"ca_file"`
}

// sender makes who is told, by config.toml; nil where nobody is.
func (o *opened) sender(ctx context.Context, f *flags, s *setup, dir string, terminal io.Writer) (*notify.Sender, error) {
	r := s.Notify
	var to []provisioning.Notifier
	wrong := func(message string) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: "notify: " + message, Hint: "mend config.toml"}
	}
	switch r.Desktop {
	case "", "off":
	case "osc9", "osc777", "both":
		if terminal != nil {
			to = append(to, &notify.Desktop{Out: terminal, Code: r.Desktop, Tmux: os.Getenv("TMUX") != ""})
		}
	default:
		return nil, wrong("desktop is osc9, osc777, both or off, not " + r.Desktop)
	}
	for _, h := range r.Webhook {
		secret, err := f.keeper().Resolve(ctx, h.Secret)
		if err != nil {
			return nil, err
		}
		w, err := notify.OpenWebhook(notify.WebhookOptions{URL: h.URL, Secret: secret, CAFile: h.CAFile})
		if err != nil {
			return nil, err
		}
		to = append(to, w)
	}
	if r.Mail.Host != "" {
		m := notify.MailOptions{Host: r.Mail.Host, Port: r.Mail.Port, From: r.Mail.From, To: r.Mail.To, Username: r.Mail.Username, CAFile: r.Mail.CAFile}
		if r.Mail.Password != "" {
			var err error
			if m.Password, err = f.keeper().Resolve(ctx, r.Mail.Password); err != nil {
				return nil, err
			}
		}
		mail, err := notify.NewMail(m)
		if err != nil {
			return nil, err
		}
		to = append(to, mail)
	}
	if len(to) == 0 {
		return nil, nil //nolint:nilnil // quiet
	}
	options := notify.Options{Firm: s.Firm, Notifiers: to, Clock: provisioning.SystemClock{}}
	for _, k := range r.Kinds {
		kind := provisioning.NoticeKind(k)
		if !knownKind(kind) {
			return nil, wrong("there is no notice of the kind " + k)
		}
		options.Kinds = append(options.Kinds, kind)
	}
	switch len(r.Quiet) {
	case 0:
	case 2: //nolint:mnd // from and to
		var err error
		if options.Quiet, err = notify.ParseHours(r.Quiet[0], r.Quiet[1], nil); err != nil {
			return nil, err
		}
	default:
		return nil, wrong("quiet is two times of the day, such as [\"22:00\", \"07:00\"]")
	}
	if r.Again != "" {
		d, err := time.ParseDuration(r.Again)
		if err != nil || d < time.Minute {
			return nil, wrong("again is a time of a minute at least, such as 24h")
		}
		options.Again = d
	}
	text := ""
	if r.Template != "" {
		data, err := os.ReadFile(filepath.Join(configDir(f), filepath.Base(r.Template)))
		if err != nil {
			return nil, wrong("the template cannot be read: " + r.Template)
		}
		text = string(data)
	}
	var err error
	if options.Template, err = notify.ParseTemplate(text); err != nil {
		return nil, err
	}
	if options.Memory, err = openTold(filepath.Join(dir, "notified.json")); err != nil {
		return nil, err
	}
	return notify.NewSender(options), nil
}

func knownKind(kind provisioning.NoticeKind) bool {
	for _, k := range provisioning.NoticeKinds() {
		if k == kind {
			return true
		}
	}
	return false
}

// toldFile is what was told, in a file of the state folder, so that a restart tells nothing twice.
type toldFile struct {
	mu   sync.Mutex
	file string
	at   map[string]time.Time
}

func openTold(file string) (*toldFile, error) {
	t := &toldFile{file: file, at: make(map[string]time.Time)}
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return t, nil
	case err != nil:
		return nil, &provisioning.Error{Code: provisioning.Unavailable, Message: "what was told before cannot be read", Err: err}
	}
	if err := json.Unmarshal(data, &t.at); err != nil {
		t.at = make(map[string]time.Time) // it is told once more: better than never
	}
	return t, nil
}

// Told says when a matter was told.
func (t *toldFile) Told(key string) (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, ok := t.at[key]
	return at, ok
}

// Tell keeps that it was told. What is older than a quarter of a year is forgotten.
func (t *toldFile) Tell(key string, at time.Time) error {
	const forget = 90 * 24 * time.Hour
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at[key] = at
	for k, was := range t.at {
		if at.Sub(was) > forget {
			delete(t.at, k)
		}
	}
	data, err := json.Marshal(t.at)
	if err != nil {
		return err
	}
	next := t.file + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return &provisioning.Error{Code: provisioning.Unavailable, Message: "that somebody was told cannot be kept", Err: err}
	}
	return os.Rename(next, t.file)
}

// noticeEvery is how often somebody is told of what they should know.
const noticeEvery = 5 * time.Minute

// tellUntil tells what there is to tell, now and every five minutes, until ctx ends. What goes wrong is handed to failed, each time.
func tellUntil(ctx context.Context, d *desk.Desk, s *notify.Sender, failed func(error)) {
	for {
		list, err := d.Notices(ctx)
		if err == nil {
			_, err = s.Send(ctx, list)
		}
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		if (provisioning.SystemClock{}).Sleep(ctx, noticeEvery) != nil {
			return
		}
	}
}
