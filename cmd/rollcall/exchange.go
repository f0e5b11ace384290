package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollcall/clients/credentials"
	"rollcall/provisioning"
)

// exchange is the folder in which approvals are asked for and given: a shared one, or one in the state folder.
type exchange struct {
	dir  string
	base string      // of the store: several tenants have one folder
	mode fs.FileMode // of the files: a shared folder's group may read them
}

func (s *setup) exchange(state string) exchange {
	e := exchange{dir: filepath.Join(state, "approvals"), base: strings.TrimSuffix(s.storeFile(), ".db"), mode: 0o600}
	if s.Approvals != "" {
		e.dir, e.mode = s.Approvals, 0o640
		if host, err := os.Hostname(); err == nil { // several machines may ask there, each for its own batch of a number
			e.base += "-" + fileName(host)
		}
	}
	return e
}

// what names what is asked for in a file's name: a batch, or the policy where it is 0.
func what(batch int64) string {
	if batch == 0 {
		return "policy"
	}
	return fmt.Sprintf("batch-%d", batch)
}

func (e exchange) request(batch int64) string {
	return filepath.Join(e.dir, e.base+"-"+what(batch)+".request.json")
}

// files lists what lies there under a name that fits. A folder that is not there yet has none.
func (e exchange) files(fits func(name string) bool) ([]string, error) {
	entries, err := os.ReadDir(e.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var found []string
	for _, one := range entries {
		if fits(one.Name()) {
			found = append(found, filepath.Join(e.dir, one.Name()))
		}
	}
	return found, err
}

// open lists the requests that lie there.
func (e exchange) open() ([]string, error) {
	return e.files(func(name string) bool { return strings.HasSuffix(name, ".request.json") })
}

// find finds the request of a batch of that number, whoever asks for it.
func (e exchange) find(batch int64) (string, error) {
	files, err := e.files(func(name string) bool { return strings.HasSuffix(name, "-"+what(batch)+".request.json") })
	switch own := e.request(batch); {
	case err != nil:
		return "", err
	case len(files) == 0 || slices.Contains(files, own):
		return own, nil
	case len(files) > 1:
		return "", &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("%d machines ask for a batch %d", len(files), batch), Hint: "name the file: rollcall approve lists them"}
	default:
		return files[0], nil
	}
}

// Put lays a request out, in place of an earlier one.
func (e exchange) Put(_ context.Context, batch int64, request []byte) (string, error) {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return "", err
	}
	file := e.request(batch)
	return file, e.write(file, request)
}

// write puts a whole file in its place, or leaves what is there.
func (e exchange) write(file string, data []byte) error {
	part, err := os.CreateTemp(e.dir, ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name()) //nolint:errcheck // after the rename it is gone
	_, err = part.Write(data)
	err = errors.Join(err, part.Chmod(e.mode), part.Sync(), part.Close())
	if err != nil {
		return err
	}
	return os.Rename(part.Name(), file)
}

// most bounds what is read of a file that somebody laid there.
const most = 64 << 20

// Answers are the approvals of a batch that were laid there. What cannot be read is none: others may write to a shared folder.
func (e exchange) Answers(_ context.Context, batch int64) ([][]byte, error) {
	files, err := e.files(func(name string) bool {
		return strings.HasPrefix(name, e.base+"-"+what(batch)+".") && strings.HasSuffix(name, ".approval.json")
	})
	var answers [][]byte
	for _, file := range files {
		if data, err := readBounded(file); err == nil {
			answers = append(answers, data)
		}
	}
	return answers, err
}

// Clear takes away what was laid out for a batch, and what was answered beside it.
func (e exchange) Clear(_ context.Context, batch int64) error {
	files, err := e.files(func(name string) bool {
		return strings.HasPrefix(name, e.base+"-"+what(batch)+".") && (strings.HasSuffix(name, ".approval.json") || strings.HasSuffix(name, ".request.json"))
	})
	for _, file := range files {
		err = errors.Join(err, os.Remove(file))
	}
	return err
}

func readBounded(file string) ([]byte, error) {
	info, err := os.Lstat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, &provisioning.Error{Code: provisioning.Invalid, Message: file + " is no file that rollcall wrote"}
	}
	return os.ReadFile(file)
}

// approvalKey gives an operator's own key for approvals, and makes it on first use (DESIGN 5): in the keyring, or beside the record's key
// where that is kept elsewhere; for simulated systems in their state folder.
func approvalKey(ctx context.Context, f *flags, s *setup, dir, name string) (provisioning.Signer, error) {
	seed, err := func() ([]byte, error) {
		if f.simulated() {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return nil, err
			}
			return credentials.KeyFromFile(filepath.Join(dir, "approval-"+fileName(name)+".key"))
		}
		ref := "keyring:rollcall/approval/" + name
		switch scheme, rest, _ := strings.Cut(s.RecordKey, ":"); scheme {
		case "file":
			ref = "file:" + rest + ".approval-" + fileName(name)
		case "age":
			ref = "age:rollcall/approval/" + name
		}
		return f.keeper().Key(ctx, ref)
	}()
	if err != nil {
		return nil, err
	}
	return signer{ed25519.NewKeyFromSeed(seed)}, nil
}

// fileName is a name as a part of a file's.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') {
			return r
		}
		return '_'
	}, name)
}

// simulated reports whether the systems are made up: their operators' keys lie in the state folder, and one may sit at any desk.
func (f *flags) simulated() bool { return f.demo || f.connections != "" }

// approvalKeys are the public keys of those who may approve, by the person's key.
func approvalKeys(ctx context.Context, f *flags, s *setup, dir string) (map[string]ed25519.PublicKey, error) {
	keys := make(map[string]ed25519.PublicKey)
	for _, o := range s.mapped() {
		if o.Key() == "" {
			continue
		}
		if f.simulated() {
			key, err := approvalKey(ctx, f, s, dir, o.Name)
			if err != nil {
				return nil, err
			}
			keys[o.Key()] = key.Public()
		}
	}
	for name, o := range s.Operator {
		if o.ApprovalKey == "" {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(o.ApprovalKey)
		who := o.operator(name)
		if err != nil || len(key) != ed25519.PublicKeySize || who.Key() == "" {
			return nil, &provisioning.Error{
				Code: provisioning.Invalid, Message: "operator " + name + ": approval_key is no public key of a person", Hint: "rollcall approve key prints the line; the operator needs directory and person too",
			}
		}
		if other, taken := keys[who.Key()]; taken && !other.Equal(ed25519.PublicKey(key)) {
			return nil, &provisioning.Error{Code: provisioning.Invalid, Message: "operator " + name + " is a person who has another approval_key already", Hint: "one person has one key"}
		}
		keys[who.Key()] = key
	}
	return keys, nil
}
