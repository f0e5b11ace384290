package ui

import "fmt"

// PlaceRule is a rule that says which lines of a page are shown, where that is not all of them.
func (s *Styles) PlaceRule(width, first, last, all int) string {
	if first <= 1 && last >= all {
		return s.Rule(width, "")
	}
	text := fmt.Sprintf(" %d to %d of %d ", first, last, all)
	if last < all {
		text += s.Glyphs.Down + " "
	}
	cells := len([]rune(text))
	return s.Rule(width-cells, "") + s.SGR(Muted, false) + text + Reset
}

// Block is a part of a Doc: whole lines, drawn already.
type Block struct {
	Lines []string
	// Under draws the block as it looks under the cursor, in as many lines; nil: the cursor does not stop here.
	Under func() []string
	// ID says what the block is about, to the screen alone: by it the cursor finds its block again when the doc is drawn anew.
	ID string
}

// Doc is a page of blocks that scrolls, with a cursor that stops at some of them. It is made of what a screen knows and kept until
// that, the width or the theme changes: a key that moves the cursor draws one block.
type Doc struct {
	blocks []Block
	starts []int // the first line of each block
	lines  []string
	at     int // the block under the cursor, -1
	under  []string
	of     int // the block that under shows
	top    int
	height int
}

// Set puts other blocks in place. The cursor stays on the block of its ID, as far below the top as it was; where that is gone it goes
// to the first stop of the page. A page that stood at the very top still does: what is new there is seen.
func (d *Doc) Set(blocks []Block) {
	id, offset, had := "", 0, d.at >= 0 && d.at < len(d.blocks)
	if had {
		id, offset = d.blocks[d.at].ID, d.starts[d.at]-d.top
	}
	d.blocks, d.lines, d.starts, d.under, d.at = blocks, d.lines[:0], d.starts[:0], nil, -1
	for i := range blocks {
		d.starts = append(d.starts, len(d.lines))
		d.lines = append(d.lines, blocks[i].Lines...)
		if had && d.at < 0 && blocks[i].Under != nil && blocks[i].ID == id {
			d.at = i
		}
	}
	if d.at >= 0 && d.top > 0 {
		d.top = max(0, d.starts[d.at]-offset)
	}
	d.fit()
}

// Draw adds exactly height lines to out; blank fills what the doc leaves.
func (d *Doc) Draw(out []string, height int, blank string) []string {
	if d.height != height {
		d.height = height
		d.fit()
	}
	if d.at >= 0 && (d.under == nil || d.of != d.at) {
		d.under, d.of = d.blocks[d.at].Under(), d.at
	}
	for i := d.top; i < d.top+height; i++ {
		switch {
		case i >= len(d.lines):
			out = append(out, blank)
		case d.at >= 0 && i >= d.starts[d.at] && i < d.end(d.at):
			out = append(out, d.under[i-d.starts[d.at]])
		default:
			out = append(out, d.lines[i])
		}
	}
	return out
}

// Current is the ID of the block under the cursor; ok is false where none is.
func (d *Doc) Current() (id string, ok bool) {
	if d.at < 0 {
		return "", false
	}
	return d.blocks[d.at].ID, true
}

// Place tells the lines that are shown, from 1, and how many there are.
func (d *Doc) Place() (first, last, all int) {
	return min(d.top+1, len(d.lines)), min(d.top+d.height, len(d.lines)), len(d.lines)
}

// Move moves the cursor to the next stop, or scrolls by a line where that is further than the page: so every line can be read.
func (d *Doc) Move(by int) {
	for ; by > 0; by-- {
		d.step(1)
	}
	for ; by < 0; by++ {
		d.step(-1)
	}
}

// Page goes so many pages on. At the end of the doc the cursor goes to the last stop that the page shows, at its beginning to the
// first.
func (d *Doc) Page(by int) {
	before := d.top
	d.scroll(d.top + by*max(1, d.height-1))
	if d.top != before {
		return
	}
	for i := range d.blocks {
		if d.blocks[i].Under != nil && d.on(i) {
			if d.at = i; by < 0 {
				return
			}
		}
	}
}

// Seek puts the cursor on the block of an ID, and the page where it shows.
func (d *Doc) Seek(id string) {
	for i := range d.blocks {
		if d.blocks[i].ID == id && d.blocks[i].Under != nil {
			d.at = i
			d.show(i)
		}
	}
}

// Top shows a block from its first line on.
func (d *Doc) Top(id string) {
	for i := range d.blocks {
		if d.blocks[i].ID == id {
			d.scroll(d.starts[i])
			return
		}
	}
}

func (d *Doc) end(block int) int { return d.starts[block] + len(d.blocks[block].Lines) }

// stop is the next block after from, in a direction, at which the cursor stops; -1 where there is none.
func (d *Doc) stop(from, dir int) int {
	for i := from + dir; i >= 0 && i < len(d.blocks); i += dir {
		if d.blocks[i].Under != nil {
			return i
		}
	}
	return -1
}

func (d *Doc) step(dir int) {
	from := d.at
	if from < 0 { // from the edge of the page: what is on it comes first
		from = len(d.blocks)
		for i := range d.blocks {
			if d.starts[i] >= d.top {
				from = i
				break
			}
		}
		if dir > 0 {
			from--
		}
	}
	next := d.stop(from, dir)
	if next < 0 || (dir > 0 && d.end(next) > d.top+d.height+d.reach()) || (dir < 0 && d.starts[next] < d.top-d.reach()) {
		d.scroll(d.top + dir)
		return
	}
	d.at = next
	d.show(next)
}

// reach is how far beyond the page a stop may be that a step goes to.
func (d *Doc) reach() int { return max(1, d.height/3) }

// show scrolls as little as it takes to have a block on the page.
func (d *Doc) show(block int) {
	d.top = max(min(d.top, d.starts[block]), d.end(block)-d.height)
	d.top = min(d.top, d.starts[block])
}

// scroll puts another line at the top; the cursor leaves what is no longer on the page, for the first or last stop that is.
func (d *Doc) scroll(top int) {
	down := top > d.top
	d.top = min(max(top, 0), max(0, len(d.lines)-d.height))
	if d.at >= 0 && d.on(d.at) {
		return
	}
	d.at = -1
	for i := range d.blocks {
		if d.blocks[i].Under != nil && d.on(i) {
			d.at = i
			if down {
				return
			}
		}
	}
}

// on reports whether a block begins on the page.
func (d *Doc) on(block int) bool {
	return d.starts[block] >= d.top && d.starts[block] < d.top+d.height
}

// fit keeps the page within the doc, and gives the cursor a stop where the page has one.
func (d *Doc) fit() {
	if d.height == 0 {
		return
	}
	d.top = min(max(d.top, 0), max(0, len(d.lines)-d.height))
	if d.at >= 0 {
		d.show(d.at)
		return
	}
	for i := range d.blocks {
		if d.blocks[i].Under != nil && d.on(i) {
			d.at = i
			return
		}
	}
}
