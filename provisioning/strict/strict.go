// Package strict reads the files that an operator writes: TOML, in which an unknown key and a wrong type are errors that say the line,
// the column and the key that was likely meant. It knows no key itself, and reads no file.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/pelletier/go-toml/v2"

	"rollcall/provisioning"
)

// mostEdits is how far a key may be from the one that was meant, in letters.
const mostEdits = 3

// Decode reads a text into a struct, by its toml tags. name is the file's, for the errors, none of which repeats a value: it may be a
// secret that was written where a reference belongs.
func Decode(name string, data []byte, into any) error {
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(into)
	if err == nil {
		return nil
	}
	return &provisioning.Error{Code: provisioning.Invalid, Message: where(name, err, reflect.TypeOf(into)), Hint: "mend the file; the README lists every key"}
}

func where(name string, err error, table reflect.Type) string {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		row, column := unknown.Errors[0].Position()
		key := unknown.Errors[0].Key()
		text := fmt.Sprintf("%s:%d:%d: no such key: %s", name, row, column, strings.Join(key, "."))
		if meant := nearest(key, table); meant != "" {
			text += " (did you mean " + meant + "?)"
		}
		return text
	}
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		row, column := wrong.Position()
		text := fmt.Sprintf("%s:%d:%d: ", name, row, column)
		if key := strings.Join(wrong.Key(), "."); key != "" {
			text += key + ": "
		}
		return text + plain(strings.TrimPrefix(wrong.Error(), "toml: "))
	}
	return name + ": " + err.Error()
}

// plain says a wrong type in the file's own words, where the library names a field of the program's.
func plain(message string) string {
	found, rest, ok := strings.Cut(strings.TrimPrefix(message, "cannot decode TOML "), " into struct field ")
	_, kind, typed := strings.Cut(rest, " of type ")
	if !ok || !typed {
		return message
	}
	wanted := map[string]string{"string": "a text", "bool": "true or false", "int": "a whole number", "float64": "a number", "[]string": "a list of texts"}[kind]
	if wanted == "" {
		wanted = "something else"
	}
	return "here stands a TOML " + found + ", and " + wanted + " is wanted"
}

// nearest finds the known key of a table that was most likely meant, by the least edits; "" where none is near.
func nearest(key []string, table reflect.Type) string {
	for _, part := range key[:len(key)-1] {
		if table = within(table, part); table == nil {
			return ""
		}
	}
	wrong, best, least := key[len(key)-1], "", mostEdits+1
	for name := range keys(table) {
		d := levenshtein.ComputeDistance(wrong, name)
		if d < least || (d == least && name < best) {
			best, least = name, d
		}
	}
	return best
}

// within is the type of what stands under a key of a table, nil where nothing does.
func within(table reflect.Type, key string) reflect.Type {
	table = bare(table)
	if table.Kind() == reflect.Map {
		return table.Elem()
	}
	if at, ok := keys(table)[key]; ok {
		return at
	}
	return nil
}

// bare takes pointers and lists off a type.
func bare(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

// keys are a table's, with what stands under each.
func keys(table reflect.Type) map[string]reflect.Type {
	table = bare(table)
	known := make(map[string]reflect.Type)
	if table.Kind() != reflect.Struct {
		return known
	}
	for i := range table.NumField() {
		name, _, _ := strings.Cut(table.Field(i).Tag.Get("toml"), ",")
		if name != "" && name != "-" {
			known[name] = table.Field(i).Type
		}
	}
	return known
}
