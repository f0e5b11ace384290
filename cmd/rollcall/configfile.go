package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"rollcall/provisioning"
)

// block writes a connection as it stands in config.toml: what is set, and no secret but by reference.
func block(c connection) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("[[connection]]\n")
	for _, pair := range []struct {
		key   string
		value any
		set   bool
	}{
		{"name", c.Name, true},
		{"system", c.System, true},
		{"sign_in", c.SignIn, c.SignIn != ""},
		{"url", c.URL, c.URL != ""},
		{"login_url", c.LoginURL, c.LoginURL != ""},
		{"tenant", c.Tenant, c.Tenant != ""},
		{"username", c.Username, c.Username != ""},
		{"subject", c.Subject, c.Subject != ""},
		{"customer", c.Customer, c.Customer != ""},
		{"client_id", c.ClientID, c.ClientID != ""},
		{"client_secret", c.ClientSecret, c.ClientSecret != ""},
		{"token", c.Token, c.Token != ""},
		{"password", c.Password, c.Password != ""},
		{"key", c.Key, c.Key != ""},
		{"key_id", c.KeyID, c.KeyID != ""},
		{"refresh", c.Refresh, c.Refresh != ""},
		{"ca_file", c.CAFile, c.CAFile != ""},
		{"prefix", c.Prefix, c.Prefix != ""},
		{"on_prem", c.OnPrem, c.OnPrem},
		{"employee_field", c.EmployeeField, c.EmployeeField != ""},
		{"per_second", c.PerSecond, c.PerSecond != 0},
		{"reserve", c.Reserve, c.Reserve != 0},
		{"settle", c.Settle, c.Settle != ""},
		{"full_every", c.FullEvery, c.FullEvery != ""},
		{"canaries", c.Canaries, len(c.Canaries) > 0},
		{"loopback", c.Loopback, c.Loopback},
	} {
		if !pair.set {
			continue
		}
		line, err := toml.Marshal(map[string]any{pair.key: pair.value})
		if err != nil {
			return nil, err
		}
		b.Write(line)
	}
	if c.Fields != (fieldNames{}) {
		b.WriteString("\n[connection.fields]\n")
		fields, err := toml.Marshal(c.Fields)
		if err != nil {
			return nil, err
		}
		b.Write(fields)
	}
	return b.Bytes(), nil
}

// blocks finds the lines of each connection in a config.toml: where it begins, where it ends, and its name. Everything else, comments
// among it, stays as the operator wrote it.
func blocks(lines []string) (found []struct {
	from, to int
	name     string
},
) {
	for i := 0; i < len(lines); i++ {
		if strings.TrimSpace(lines[i]) != "[[connection]]" {
			continue
		}
		end := i + 1
		for ; end < len(lines); end++ {
			header := strings.TrimSpace(lines[end])
			if strings.HasPrefix(header, "[") && !strings.HasPrefix(header, "[connection.") {
				break
			}
		}
		var one struct {
			Connection []struct {
				Name string `toml:"name"`
			} `toml:"connection"`
		}
		if toml.Unmarshal([]byte(strings.Join(lines[i:end], "\n")), &one) == nil && len(one.Connection) == 1 {
			found = append(found, struct {
				from, to int
				name     string
			}{i, end, one.Connection[0].Name})
		}
		i = end - 1
	}
	return found
}

// edit puts a connection into the text of a config.toml: in the place of the one of that name, else after the others. Without text it
// takes the one of that name out.
func edit(config []byte, name string, text []byte) ([]byte, error) {
	lines := strings.Split(strings.TrimRight(string(config), "\n"), "\n")
	for _, b := range blocks(lines) {
		if b.name != name {
			continue
		}
		rest := slices.Clone(lines[b.to:])
		head := lines[:b.from]
		if text != nil {
			head = append(slices.Clone(head), strings.TrimRight(string(text), "\n"))
			if len(rest) > 0 {
				head = append(head, "")
			}
		}
		return []byte(strings.TrimRight(strings.Join(append(head, rest...), "\n"), "\n") + "\n"), nil
	}
	if text == nil {
		return nil, &provisioning.Error{Code: provisioning.NotFound, Message: "there is no connection called " + name, Hint: "rollcall connect --list names them"}
	}
	old := strings.TrimRight(string(config), "\n")
	if old != "" {
		old += "\n\n"
	}
	return append([]byte(old), text...), nil
}

// rewrite changes config.toml: under its own name only once it was read back and is well. It is 0600, in a folder that is 0700.
func rewrite(f *flags, change func([]byte) ([]byte, error)) error {
	dir := configDir(f)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "config.toml")
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := change(old)
	if err != nil {
		return err
	}
	if _, err := parseConfig(file, text); err != nil {
		return fmt.Errorf("the new configuration would not be well, and was not kept: %w", err)
	}
	temporary, err := os.CreateTemp(dir, "config-*.toml") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // where it did not take the other one's place
	_, err = temporary.Write(text)
	if err := errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}
