package audit

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/provisioning/names"
)

// StandardControls are the controls that evidence of access is asked for: the common criteria CC6.1 to CC6.3 of SOC 2 (AICPA, trust services
// criteria 2017 with the points of focus of 2022) and A.5.15 to A.5.18 of ISO/IEC 27001:2022.
func StandardControls() []EvidenceControl {
	return []EvidenceControl{
		{
			"SOC 2 CC6.1", "logical access to protected information is restricted",
			"The snapshots and reviews show who had access to which library, group and role of the document system when they were taken; they do not show how other systems, networks or the documents' encryption are protected.",
		},
		{
			"SOC 2 CC6.2", "access is registered and authorised before it is given, and taken away when it is no longer due",
			"The record and the approvals show who asked for each change that rollcall made and who let it go, and the certificates show when each access of a leaver was asked off and seen off; a change that somebody made past rollcall shows only where a later read saw it.",
		},
		{
			"SOC 2 CC6.3", "access is given, changed and removed by role, with least privilege and separation of duties",
			"The policy says who should have what, the reviews show that people decided on each access in their scope, and the approvals name requester and approver apart; whether the policy itself is right for the firm is for the auditor to judge.",
		},
		{
			"ISO 27001:2022 A.5.15", "rules for access are set and followed",
			"The policy is the rules as they stood, and the record shows when another one was accepted and by whom; rules that are written nowhere in it are not shown.",
		},
		{
			"ISO 27001:2022 A.5.16", "the whole life of an identity is managed",
			"The snapshots show how people and accounts were matched, and the record shows accounts made, changed and closed by rollcall; the identity provider's own records must show how a person came to be there.",
		},
		{
			"ISO 27001:2022 A.5.17", "passwords and other means of sign-in are managed",
			"This bundle shows little on it: it holds no secret, and how passwords and keys are given out is for the identity provider's records to show.",
		},
		{
			"ISO 27001:2022 A.5.18", "access rights are given, reviewed, changed and removed by the rules",
			"The reviews show what was decided, by whom, and how the access before and after differs; the certificates show removals that were seen to have happened. Access outside a review's scope was not reviewed by it.",
		},
	}
}

const evidenceDay = "2 January 2006"

func day(at time.Time) string { return at.UTC().Format(evidenceDay) }

// word is a foreign string as it may be shown, in one line. It is cleaned piece by piece: a sentence may be longer than a name.
func word(raw string) string {
	var clean []string
	for piece := range strings.FieldsSeq(raw) {
		clean = append(clean, names.Clean(piece).Bare())
	}
	return strings.Join(clean, " ")
}

// wrapped breaks a text into lines; the first begins with indent, the others as far in.
func wrapped(b *strings.Builder, indent, text string) {
	const width = 88
	line, begun := indent, false
	for piece := range strings.FieldsSeq(text) {
		if begun && len(line)+1+len(piece) > width {
			fmt.Fprintf(b, "%s\n", line)
			line, begun = strings.Repeat(" ", len(indent)), false
		}
		if begun {
			line += " "
		}
		line, begun = line+piece, true
	}
	fmt.Fprintf(b, "%s\n", line)
}

// readme is what a bundle says of itself, for whoever opens it.
func readme(head *EvidenceHead, parts []EvidencePart, key ed25519.PublicKey) string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s\n\n", strings.TrimSuffix("EVIDENCE OF ACCESS, "+word(head.Firm), ", "))
	wrapped(b, "", fmt.Sprintf("From %s to %s. Made by %s with rollcall %s on %s.", day(head.From), day(head.To), word(head.By), word(head.Program), moment(head.Made)))
	fmt.Fprintf(b, "\nWHAT IT IS\n\n")
	wrapped(b, "", "This file holds what rollcall, the firm's console for who has access to its document system, kept of that time. manifest.json lists every part with its SHA-256; "+
		"manifest.sig is the signature of the firm's rollcall over that list. CONTROLS.txt says which part bears on which control.")
	fmt.Fprintf(b, "\nHOW TO VERIFY IT\n\n")
	wrapped(b, "", "Keep the file as it was given to you: unpacked and packed again, it is another file. On any machine, with no network and nothing set up:")
	fmt.Fprintf(b, "\n    rollcall audit verify --key KEY FILE\n\n")
	wrapped(b, "", "KEY is the firm's public key. Ask the firm for it by another way than the one by which this file came (\"rollcall audit key\" prints it). The key that signed this file has the fingerprint")
	fmt.Fprintf(b, "\n    %s\n\n", Fingerprint(key))
	wrapped(b, "", "by its own word. With ordinary tools, unpack it and run \"sha256sum -c SHA256SUMS\": that finds a damaged part, but not one that was forged together with its sum.")
	fmt.Fprintf(b, "\nWHAT IT PROVES\n\n")
	for _, line := range []string{
		"Where it verifies with the firm's key, every byte of every part is as it was when the firm's rollcall sealed it, and none was added, left out, exchanged or moved since.",
		"The rows of the record follow one another without a gap, and those that its checkpoints cover are as they were when each was signed.",
		"Certificates and reviews carry signatures of their own, and each closing of a review is of the opening that is in the bundle.",
	} {
		wrapped(b, "- ", line)
	}
	fmt.Fprintf(b, "\nWHAT IT DOES NOT PROVE\n\n")
	for _, line := range append([]string{"That the key is the firm's: that is for you to ask."}, standingLimits()...) {
		wrapped(b, "- ", line)
	}
	if len(head.Notes) > 0 {
		fmt.Fprintf(b, "\nNOTES\n\n")
		for _, note := range head.Notes {
			wrapped(b, "- ", word(note))
		}
	}
	fmt.Fprintf(b, "\nWHAT IS IN IT\n\n")
	for i := range parts {
		fmt.Fprintf(b, "  %-40s  %s\n", parts[i].Name, parts[i].Kind)
	}
	return b.String()
}

// standingLimits are what no bundle proves.
func standingLimits() []string {
	return []string{
		"That the firm had not rewritten its record before this was sealed: whoever held its keys could have. Anchors that were kept elsewhere, and --anchor, show that it was not.",
		"That the firm put into it all that there is: it holds what the firm chose, for the time that it names.",
		"That the clock of the machine was right: the times in it are that machine's.",
		"That nothing was changed past rollcall in the document system: such a change shows only where a later read saw it.",
		"That sessions which were open when an access was taken away were ended.",
		"That those who decided were right, or that the controls work: it shows what was done.",
	}
}

// controlsText maps the parts to the controls.
func controlsText(head *EvidenceHead, parts []EvidencePart) string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "WHICH PART BEARS ON WHICH CONTROL\n\n")
	wrapped(b, "", "A mapping is a guide to the parts. Whether a control is met is for the auditor to judge. The same mapping is in manifest.json.")
	for _, c := range head.Controls {
		fmt.Fprintf(b, "\n%s: %s\n", word(c.ID), word(c.Title))
		wrapped(b, "  ", word(c.Says))
		none := true
		for i := range parts {
			if slices.Contains(parts[i].Controls, c.ID) {
				none = false
				fmt.Fprintf(b, "    %s (%s)\n", parts[i].Name, parts[i].Kind)
			}
		}
		if none {
			fmt.Fprintf(b, "    no part of this bundle\n")
		}
	}
	return b.String()
}
