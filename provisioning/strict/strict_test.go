package strict_test

import (
	"strings"
	"testing"

	"rollcall/provisioning"
	"rollcall/provisioning/strict"
)

type leaf struct {
	Name  string   `toml:"name"`
	Count int      `toml:"count"`
	Tags  []string `toml:"tags"`
}

type tree struct {
	Title string           `toml:"title"`
	Leaf  []leaf           `toml:"leaf"`
	By    map[string]*leaf `toml:"by"`
	Own   leaf             `toml:"own"`
	None  string           `toml:"-"`
}

// TestDecode: what is right is read; what is wrong is told with line, column, key and what was likely meant, at every depth; and no
// error repeats a value.
func TestDecode(t *testing.T) {
	var v tree
	if err := strict.Decode("x.toml", []byte("title = 'a'\n[[leaf]]\nname = 'b'\ncount = 3\n[by.me]\ntags = ['c']\n"), &v); err != nil || v.Leaf[0].Count != 3 || v.By["me"].Tags[0] != "c" {
		t.Errorf("%v %+v", err, v)
	}
	for text, want := range map[string]string{
		"titel = 'a'":                               "x.toml:1:1: no such key: titel (did you mean title?)",
		"\n[own]\n  nam_ = 'canary'":                "x.toml:3:3: no such key: own.nam_ (did you mean name?)",
		"[[leaf]]\nname = 'a'\n[[leaf]]\ncuont = 1": "x.toml:4:1: no such key: leaf.cuont (did you mean count?)",
		"[by.me]\ntgas = ['canary']":                "x.toml:2:1: no such key: by.me.tgas (did you mean tags?)",
		"completely_else = 'canary'":                "x.toml:1:1: no such key: completely_else",
		"[own]\ncount = 'canary'":                   "x.toml:2:9: own.count: here stands a TOML string, and a whole number is wanted",
		"[own]\ntags = true":                        "x.toml:2:8: own.tags: here stands a TOML boolean, and a list of texts is wanted",
		"title = canary":                            "x.toml:1:9: ",
		"title = 'canary":                           "x.toml:1:",
	} {
		err := strict.Decode("x.toml", []byte(text), &tree{})
		if err == nil || !strings.HasPrefix(err.Error(), want) || provisioning.CodeOf(err) != provisioning.Invalid {
			t.Errorf("%q: %v, want %s", text, err, want)
			continue
		}
		if strings.Contains(err.Error(), "canary") || (want == "x.toml:1:1: no such key: completely_else" && strings.Contains(err.Error(), "mean")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
