package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/clients/demofirm"
)

// TestTenants: of two iManage tenants, each serving its offices, a command must say which; each has a roster of its own, on which
// somebody of another office who has no account there is no joiner; and the console goes from one to the other.
func TestTenants(t *testing.T) {
	serve := func(seed uint64) *demofirm.Running {
		running, err := demofirm.Serve(context.Background(), demofirm.Generate(demofirm.Options{Seed: seed, People: 120, Epoch: time.Now()}), demofirm.ServeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(running.Close)
		return running
	}
	one := serve(7)
	file := filepath.Join(t.TempDir(), "connections.json")
	data, err := json.Marshal(one.Connections())
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	list, ok := all["connections"].([]any)
	if !ok {
		t.Fatal("no connections")
	}
	own, _ := list[1].(map[string]any)
	other := make(map[string]any)
	for k, v := range own {
		other[k] = v
	}
	own["name"], own["offices"] = "cloud", []string{"London", "Hong Kong", "Paris"}
	other["name"], other["url"], other["offices"] = "north", serve(7).Imanage.URL(), []string{"Leeds"}
	all["connections"] = append(list, other)
	if data, err = json.Marshal(all); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "state")
	args := func(more ...string) []string { return append(more, "--connections", file, "--state", state) }
	if out, code := command(t, args("sync")...); code != exitUsage || !strings.Contains(out, "cloud, north") {
		t.Errorf("%d %s", code, out)
	}
	if out, code := command(t, args("sync", "--tenant", "south")...); code != exitUsage || !strings.Contains(out, "cloud, north") {
		t.Errorf("%d %s", code, out)
	}
	for tenant, there := range map[string]bool{"cloud": true, "north": false} {
		if out, code := command(t, args("sync", "--tenant", tenant)...); code != exitDone || !strings.Contains(out, tenant+" ") {
			t.Fatalf("%d %s", code, out)
		}
		out, code := command(t, args("plan", "--tenant", tenant, "--kind", "joiner")...)
		if code != exitDone || strings.Contains(out, "joiner") != there {
			t.Errorf("%s: %d %s", tenant, code, out)
		}
		out, _ = command(t, args("who", "Wei Chen", "--tenant", tenant)...)
		if strings.Contains(out, "has no account") != there {
			t.Errorf("%s: %s", tenant, out)
		}
		if out, code := command(t, args("audit", "verify", "--tenant", tenant)...); code != exitDone {
			t.Errorf("%s: %s", tenant, out)
		}
	}
	term := start(t, 120, 30, args()...)
	term.wait("cloud")
	term.wait("Joiners")
	term.press("O")
	term.wait("Go to another iManage tenant")
	<-time.After(200 * time.Millisecond)
	term.press(down + enter)
	term.wait("north 1")
	term.wait("Joiners 0")
	term.quit()
}
