// Package themes holds the console's colour themes, one TOML file each, embedded, and the loader that checks them. A theme is a
// palette of semantic tokens; what a token means on a screen is the screens' business, and meaning never rests on colour alone.
package themes

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

//go:embed *.toml
var files embed.FS

// Token names what a colour is for.
type Token int

// The tokens.
const (
	Fg        Token = iota // text
	Muted                  // what is there but not wanted now
	Accent                 // what can be acted on: keys, tabs
	Danger                 // somebody who should not may open documents
	Warning                // somebody cannot work
	Notice                 // a difference without a victim
	Good                   // done, proven, agreed
	Border                 // rules between panes
	Header                 // the first line
	Match                  // what a search matched
	Selection              // behind the row under the cursor
	Bg                     // behind everything
	tokens
)

// Theme is a checked palette: each colour as red, green and blue.
type Theme struct {
	Name   string
	Title  string
	Dark   bool
	High   bool // meets 7:1 where others meet 4.5:1
	Colour [tokens][3]uint8
}

type file struct {
	Title        string            `toml:"title"`
	Dark         bool              `toml:"dark"`
	HighContrast bool              `toml:"high_contrast"`
	Colours      map[string]string `toml:"colours"`
}

// Words are the tokens' names in a theme file, in the order of the tokens.
func Words() []string {
	return []string{"fg", "muted", "accent", "danger", "warning", "notice", "good", "border", "header", "match", "selection", "bg"}
}

// Names lists the themes, dark first.
func Names() []string { return []string{"dark", "light", "high-contrast"} }

// Load gives a theme by its name.
func Load(name string) (*Theme, error) {
	data, err := files.ReadFile(path.Clean(name) + ".toml")
	if err != nil {
		return nil, fmt.Errorf("there is no theme %q: choose one of %s", name, strings.Join(Names(), ", "))
	}
	return Parse(name, data)
}

// Parse reads a theme strictly: every token has a colour #rrggbb, and nothing else stands in the file.
func Parse(name string, data []byte) (*Theme, error) {
	var f file
	if err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&f); err != nil {
		return nil, fmt.Errorf("theme %s: %w", name, err)
	}
	t := &Theme{Name: name, Title: f.Title, Dark: f.Dark, High: f.HighContrast}
	for i, word := range Words() {
		rgb, err := parse(f.Colours[word])
		if err != nil {
			return nil, fmt.Errorf("theme %s: %s: %w", name, word, err)
		}
		t.Colour[i] = rgb
	}
	for word := range f.Colours {
		if !slices.Contains(Words(), word) {
			return nil, fmt.Errorf("theme %s: there is no token %q", name, word)
		}
	}
	return t, nil
}

func parse(s string) (rgb [3]uint8, err error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "#"), 16, 32)
	if err != nil || len(s) != 7 || s[0] != '#' {
		return rgb, fmt.Errorf("%q is no colour of the form #rrggbb", s)
	}
	return [3]uint8{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil //nolint:gosec // one byte each
}
