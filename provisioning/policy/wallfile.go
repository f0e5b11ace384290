package policy

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"rollcall/provisioning"
)

// setWalls reads the walls of the file and those of the CSV beside it.
func (p *Policy) setWalls(f *file, read func(name string) ([]byte, error)) error {
	for i, w := range f.Walls {
		wall := Wall{Name: strings.TrimSpace(w.Name), Groups: w.Groups}
		switch {
		case wall.Name == "":
			return invalid("wall %d needs a name", i+1)
		case p.hasWall(wall.Name):
			return invalid("wall %d: another wall is called %s", i+1, wall.Name)
		}
		for j, g := range wall.Groups {
			if err := wallPattern(g); err != nil {
				return invalid("wall %d (%s): %s", i+1, wall.Name, err)
			}
			if slices.ContainsFunc(wall.Groups[:j], func(have string) bool { return fold(have) == fold(g) }) {
				return invalid("wall %d (%s): %s stands there twice", i+1, wall.Name, g)
			}
		}
		if len(wall.Groups) < 2 {
			return invalid("wall %d (%s): a wall needs two groups at least", i+1, wall.Name)
		}
		p.Walls = append(p.Walls, wall)
	}
	if f.WallsCSV == "" {
		return nil
	}
	if strings.ContainsAny(f.WallsCSV, `/\`) || f.WallsCSV == ".." || f.WallsCSV == "." {
		return invalid("walls_csv: %q is no name of a file beside %s", f.WallsCSV, fileName)
	}
	if read == nil {
		return invalid("walls_csv: there is no file beside the policy to read walls from")
	}
	data, err := read(f.WallsCSV)
	if err != nil {
		return &provisioning.Error{
			Code: provisioning.Invalid, Message: fileName + ": walls_csv: " + f.WallsCSV + " cannot be read",
			Hint: "put the file beside the policy, or take the key out", Err: err,
		}
	}
	found, err := parseWalls(f.WallsCSV, data)
	if err != nil {
		return err
	}
	for _, w := range found {
		if p.hasWall(w.Name) {
			return invalid("walls_csv: %s: a wall of %s is called %s too", f.WallsCSV, fileName, w.Name)
		}
	}
	p.Walls = append(p.Walls, found...)
	return nil
}

func (p *Policy) hasWall(name string) bool {
	return slices.ContainsFunc(p.Walls, func(w Wall) bool { return w.Name == name })
}

// wallPattern says what is wrong with a side of a wall, nil where nothing is.
func wallPattern(g string) error {
	if _, ok := provisioning.ParseGroup(g); !ok {
		return fmt.Errorf("%q needs its library: LIBRARY/GROUP, */GROUP for whatever library, or /GROUP for a global group", g)
	}
	if spaced(g) {
		return fmt.Errorf("%q begins or ends with a space", g)
	}
	return nil
}

// parseWalls reads a CSV of walls: a line wall,group first, in whatever case; then one side a line, those of one name being one wall.
// A ; may stand for the comma, as spreadsheets write it in many countries. Every error names the line.
func parseWalls(name string, data []byte) ([]Wall, error) {
	wrong := func(line int, format string, args ...any) error {
		return &provisioning.Error{Code: provisioning.Invalid, Message: fmt.Sprintf("%s:%d: %s", name, line, fmt.Sprintf(format, args...)), Hint: "mend the file"}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		line := 1
		for rest := data; ; line++ {
			row, after, more := bytes.Cut(rest, []byte("\n"))
			if !utf8.Valid(row) || !more {
				break
			}
			rest = after
		}
		return nil, wrong(line, "not UTF-8: save it as CSV UTF-8")
	}
	r := csv.NewReader(bytes.NewReader(data))
	if header, _, _ := bytes.Cut(data, []byte("\n")); bytes.ContainsRune(header, ';') && !bytes.ContainsRune(header, ',') {
		r.Comma = ';'
	}
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	var (
		list  []Wall
		began []int // the line of each wall's first side
		at    = make(map[string]int)
		sides = make(map[string]int) // wall and folded side → its line
		wall  = -1                   // the column of the name; the other one is the group's
	)
	for {
		row, err := r.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			if wall < 0 {
				return nil, wrong(1, "the first line must be wall,group")
			}
			for i, w := range list {
				if len(w.Groups) < 2 {
					return nil, wrong(began[i], "wall %s: a wall needs two groups at least", w.Name)
				}
			}
			return list, nil
		case errors.As(err, &bad):
			return nil, wrong(bad.StartLine, "%s", bad.Err)
		case err != nil:
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if wall < 0 {
			if wall = header(row); wall < 0 {
				return nil, wrong(line, "the first line must be wall,group, and here stands %q", strings.Join(row, ","))
			}
			continue
		}
		if len(row) != 2 {
			return nil, wrong(line, "here stand %d values, and a wall and a group are wanted", len(row))
		}
		called, group := strings.TrimSpace(row[wall]), strings.TrimSpace(row[1-wall])
		if called == "" {
			return nil, wrong(line, "the wall has no name")
		}
		if err := wallPattern(group); err != nil {
			return nil, wrong(line, "wall %s: %s", called, err)
		}
		key := called + "\x00" + fold(group)
		if first, twice := sides[key]; twice {
			return nil, wrong(line, "wall %s: %s stands in line %d already", called, group, first)
		}
		sides[key] = line
		i, ok := at[called]
		if !ok {
			i = len(list)
			at[called], list, began = i, append(list, Wall{Name: called}), append(began, line)
		}
		list[i].Groups = append(list[i].Groups, group)
	}
}

// header finds the column of the wall's name in the first line, -1 where the line is not wall and group.
func header(row []string) int {
	if len(row) != 2 {
		return -1
	}
	switch {
	case fold(row[0]) == "wall" && fold(row[1]) == "group":
		return 0
	case fold(row[0]) == "group" && fold(row[1]) == "wall":
		return 1
	default:
		return -1
	}
}
