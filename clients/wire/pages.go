package wire

import (
	"errors"
	"fmt"
)

// Pages guards one listing against a server that never ends it (threats C4).
type Pages struct {
	limits  Limits
	pages   int
	objects int
	empty   int
	seen    map[string]bool
}

// Pages starts a guard with the client's limits.
func (c *Client) Pages() *Pages { return &Pages{limits: c.opts.Limits, seen: make(map[string]bool)} }

// mostEmpty is how many pages in a row may bring nothing new.
const mostEmpty = 3

// Page counts a page: how many new objects it brought, and the link or cursor of the next one ("" at the end).
func (p *Pages) Page(fresh int, next string) error {
	p.pages++
	p.objects += fresh
	if fresh == 0 {
		p.empty++
	} else {
		p.empty = 0
	}
	switch {
	case next != "" && p.seen[next]:
		return errors.New("the server gave the same next page twice")
	case p.pages >= p.limits.Pages && next != "":
		return fmt.Errorf("the server's list has no end: %d pages", p.pages)
	case p.objects > p.limits.Objects:
		return fmt.Errorf("the server's list is larger than any firm: %d", p.objects)
	case p.empty > mostEmpty && next != "":
		return fmt.Errorf("the server's list brings nothing new, %d pages in a row", p.empty)
	}
	if next != "" {
		p.seen[next] = true
	}
	return nil
}

// Count is how many pages there were.
func (p *Pages) Count() int { return p.pages }
