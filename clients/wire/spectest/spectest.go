// Package spectest holds every request of a client, and every answer of a simulator, against the vendor's own description of its
// interface (contracts/idps.md 3 and 4.1). It is for tests alone: the program does not carry it.
package spectest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Checker is a transport that checks what passes through it.
type Checker struct {
	t       testing.TB
	router  routers.Router
	base    string // the path under which the description's paths stand
	besides []string
	allow   func(string) bool
	spoil   func([]byte) []byte

	mu      sync.Mutex
	checked map[string]int
	faults  []string
}

// Options say how a description is read.
type Options struct {
	Base    string   // the path under which the description's paths stand: /v1.0
	Besides []string // paths that the description does not hold, by prefix: token endpoints
	// Allow lets a fault through that the description is known to be wrong about (contracts/idps.md 3, weaknesses).
	Allow func(fault string) bool
	// Spoil changes answers on their way, and makes the checker count faults in place of failing the test.
	Spoil func([]byte) []byte
}

// OpenAPI reads an OpenAPI description.
func OpenAPI(t testing.TB, file string, o Options) *Checker {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return newChecker(t, doc, o)
}

// Discovery reads one of Google's discovery documents: its schemas become JSON Schemas, and an object has no properties but those
// that the document names.
func Discovery(t testing.TB, file string, o Options) *Checker {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	converted, err := convert(data)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(converted)
	if err != nil {
		t.Fatal(err)
	}
	return newChecker(t, doc, o)
}

func newChecker(t testing.TB, doc *openapi3.T, o Options) *Checker {
	t.Helper()
	doc.Servers = nil // the simulator stands on another host
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &Checker{t: t, router: router, base: o.Base, besides: o.Besides, allow: o.Allow, spoil: o.Spoil, checked: make(map[string]int)}
}

// RoundTrip sends a request, and checks it and its answer.
func (c *Checker) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return nil, err
	}
	if c.spoil != nil {
		body = c.spoil(body)
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Del("Content-Length")
	if !slices.ContainsFunc(c.besides, func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) }) {
		c.check(r, sent, answer, body)
	}
	return answer, nil
}

func (c *Checker) check(r *http.Request, sent []byte, answer *http.Response, body []byte) {
	plain := r.Clone(r.Context())
	plain.Body = io.NopCloser(bytes.NewReader(sent))
	plain.URL.Scheme, plain.URL.Host, plain.Host = "", "", ""
	plain.URL.Path = strings.TrimPrefix(plain.URL.Path, c.base)
	plain.URL.RawPath = strings.TrimPrefix(plain.URL.RawPath, c.base)
	route, params, err := c.router.FindRoute(plain)
	if err != nil {
		c.fault("%s %s is in no description: %v", r.Method, plain.URL.Path, err)
		return
	}
	options := &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: true, IncludeResponseStatus: true}
	in := &openapi3filter.RequestValidationInput{Request: plain, PathParams: params, Route: route, Options: options}
	c.judge("request "+r.Method+" "+plain.URL.Path, openapi3filter.ValidateRequest(r.Context(), in))
	header := answer.Header.Clone()
	if kind, _, found := strings.Cut(header.Get("Content-Type"), ";"); found {
		header.Set("Content-Type", kind)
	}
	c.judge("answer "+plain.URL.Path, openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: answer.StatusCode, Header: header, Body: io.NopCloser(bytes.NewReader(body)), Options: options,
	}))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked[r.Method+" "+route.Path]++
}

// judge takes several errors apart, so that what is allowed does not hide what is not.
func (c *Checker) judge(what string, err error) {
	if err == nil {
		return
	}
	var many openapi3.MultiError
	if errors.As(err, &many) {
		for _, e := range many {
			c.judge(what, e)
		}
		return
	}
	if text := err.Error(); c.allow == nil || !c.allow(text) {
		c.fault("%s: %s", what, text[:min(len(text), 600)])
	}
}

func (c *Checker) fault(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
	if c.spoil == nil {
		c.t.Errorf(format, args...)
	}
}

// Faults are what was found where the answers were spoilt on purpose.
func (c *Checker) Faults() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.faults)
}

// Checked tells how often each operation passed.
func (c *Checker) Checked() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := make(map[string]int, len(c.checked))
	for k, v := range c.checked {
		counts[k] = v
	}
	return counts
}

// discovery is the part of Google's format that is used.
type discovery struct {
	Schemas   map[string]map[string]any `json:"schemas"`
	Resources map[string]resource       `json:"resources"`
}

type resource struct {
	Methods   map[string]method   `json:"methods"`
	Resources map[string]resource `json:"resources"`
}

type method struct {
	HTTPMethod string                    `json:"httpMethod"`
	Path       string                    `json:"path"`
	Parameters map[string]map[string]any `json:"parameters"`
	Response   map[string]any            `json:"response"`
}

// convert makes an OpenAPI document of a discovery document.
func convert(data []byte) ([]byte, error) {
	var d discovery
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, err
	}
	schemas := make(map[string]any, len(d.Schemas))
	for name, s := range d.Schemas {
		schemas[name] = schema(s)
	}
	paths := make(map[string]map[string]any)
	var walk func(map[string]resource)
	walk = func(resources map[string]resource) {
		for _, r := range resources {
			for _, m := range r.Methods {
				path := "/" + strings.ReplaceAll(m.Path, "{+", "{")
				if strings.HasSuffix(path, "{orgUnitPath}") { // a path of its own inside a segment: no router knows it
					continue
				}
				if paths[path] == nil {
					paths[path] = make(map[string]any)
				}
				paths[path][strings.ToLower(m.HTTPMethod)] = operation(m)
			}
			walk(r.Resources)
		}
	}
	walk(d.Resources)
	return json.Marshal(map[string]any{
		"openapi": "3.0.3", "info": map[string]any{"title": "converted", "version": "1"}, "paths": paths, "components": map[string]any{"schemas": schemas},
	})
}

func operation(m method) map[string]any {
	parameters := []any{map[string]any{"name": "fields", "in": "query", "schema": map[string]any{"type": "string"}}}
	for name, p := range m.Parameters {
		in := p["location"]
		one := map[string]any{"name": name, "in": in, "schema": schema(p)}
		if in == "path" {
			one["required"] = true
		}
		parameters = append(parameters, one)
	}
	answer := map[string]any{"type": "object"}
	if m.Response != nil {
		answer = schema(m.Response)
	}
	content := func(s any) map[string]any {
		return map[string]any{"description": "an answer", "content": map[string]any{"application/json": map[string]any{"schema": s}}}
	}
	failure := map[string]any{"type": "object", "required": []string{"error"}, "properties": map[string]any{"error": map[string]any{
		"type": "object", "required": []string{"code", "message", "errors"},
	}}}
	return map[string]any{"parameters": parameters, "responses": map[string]any{"200": content(answer), "default": content(failure)}}
}

// schema makes a JSON Schema of a discovery schema: any has no type, an int64 is a string, and an object is closed.
func schema(s map[string]any) map[string]any {
	if ref, ok := s["$ref"].(string); ok {
		return map[string]any{"$ref": "#/components/schemas/" + ref}
	}
	out := make(map[string]any)
	kind, _ := s["type"].(string)
	if kind != "" && kind != "any" {
		out["type"] = kind
	}
	if kind == "string" && s["format"] == "date-time" {
		out["format"] = "date-time"
	}
	if enum, ok := s["enum"]; ok && kind == "string" {
		out["enum"] = enum
	}
	for _, bound := range []string{"minimum", "maximum"} {
		if v, ok := s[bound].(string); ok {
			var n json.Number
			if json.Unmarshal([]byte(v), &n) == nil {
				out[bound] = n
			}
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		out["items"] = schema(items)
	}
	if kind != "object" {
		return out
	}
	properties := make(map[string]any)
	given, _ := s["properties"].(map[string]any)
	for name, p := range given {
		if sub, ok := p.(map[string]any); ok {
			properties[name] = schema(sub)
		}
	}
	out["properties"] = properties
	out["additionalProperties"] = false
	if more, ok := s["additionalProperties"].(map[string]any); ok {
		out["additionalProperties"] = schema(more)
	}
	return out
}
