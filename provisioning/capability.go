package provisioning

import "time"

// FirstUse says how an operation of the document system is first used on a tenant (DESIGN 4).
type FirstUse string

// The first uses.
const (
	// Plain: several unrelated sources confirm it; it is simply used.
	Plain FirstUse = "plain"
	// Canary: it can be read back and reversed; the first one on a tenant goes alone and is read back before the rest.
	Canary FirstUse = "canary"
	// Probe: it cannot be reversed, or its side effects are unknown: never sent before doctor confirmed it on a throw-away account.
	Probe FirstUse = "probe"
)

// Operation is one writing call of the document system's wire contract, with how sure it is (contracts/imanage.md 0).
type Operation struct {
	Name     string     `json:"name"` // "remove from library": stable, it is what a tenant's answers are kept under
	Kind     ChangeKind `json:"kind"`
	Call     string     `json:"call"` // "DELETE libraries/{lib}/users/{u}"
	Mark     string     `json:"mark"` // V, C2+, C1, I
	FirstUse FirstUse   `json:"first_use"`
	Does     string     `json:"does"` // in the operator's words, with what is not known about it
}

// UseState is what a tenant has shown of an operation.
type UseState string

// The states. An operation without a Use was never tried.
const (
	UseConfirmed UseState = "confirmed" // it was sent and its effect was read back
	UseRefused   UseState = "refused"   // the tenant does not know the call (404, 405, 501), or it had another effect
)

// Use is what one tenant has shown of one operation. The latest word counts.
type Use struct {
	Tenant    string    `json:"tenant"`
	Operation string    `json:"operation"`
	State     UseState  `json:"state"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`  // the operator
	How       string    `json:"how"` // "doctor on ZZ_SANDBOX: answer 200, read back absent", "batch 12: answer 405"
}

// MaySend says whether a change of this operation may go to a tenant that has shown this of it (nil: nothing yet); else why not,
// as a reason for a step by hand.
func (o Operation) MaySend(u *Use) (why string, ok bool) {
	switch {
	case u != nil && u.State == UseRefused:
		return "this tenant refused the call: " + u.How, false
	case o.FirstUse == Probe && (u == nil || u.State != UseConfirmed):
		return "not confirmed on this tenant: rollcall doctor imanage --sandbox-user tries it", false
	default:
		return "", true
	}
}
