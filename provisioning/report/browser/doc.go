// Package browser holds the tests of the pages that rollcall writes, in a real headless Chromium: that a reviewer's page decides and signs
// by keyboard alone, that nothing foreign runs in any page, that they can be used with a screen reader and print on A4. It is a module of
// its own: the program carries nothing of what drives a browser.
package browser
