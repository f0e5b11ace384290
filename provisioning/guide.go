package provisioning

// SignIn is what the finding about a sign-in is called: it is the one that new secrets mend.
const SignIn = "sign-in"

// FindingState says how one right, or one condition, of a connection stands.
type FindingState string

// The states of a finding.
const (
	FindingGood    FindingState = "ok"
	FindingWarning FindingState = "warning" // it works, and something is missing or will end
	FindingBad     FindingState = "missing" // it does not work, and what rests on it cannot be believed
)

// Finding is what examining a connection found about one right or condition. It holds no secret and nobody's name, so that it may
// be pasted into a ticket.
type Finding struct {
	What   string       `json:"what"` // "list users", "clock"
	State  FindingState `json:"state"`
	Detail string       `json:"detail"`         // what was seen, a sentence without a full stop
	Mend   string       `json:"mend,omitempty"` // what to do at the vendor, where it does not stand well
}

// Guide tells how a system is connected: what to create at the vendor, with which least rights, and what to type here. It is what
// the wizard of connect shows and asks.
type Guide struct {
	System string // okta, entra, google, onelogin, imanage
	Title  string // "Okta"
	Ways   []Way  // how to sign in, the recommended one first
}

// Way is one way of signing in.
type Way struct {
	Name   string   // as it stands in config.toml's sign_in: "token", "certificate"
	Title  string   // "API token"
	Steps  []string // what to create at the vendor, in order; short sentences
	Scopes []string // the least rights, as the vendor spells them
	Fields []GuideField
}

// GuideField is one thing to type.
type GuideField struct {
	Key      string // of the connection in config.toml: url, tenant, client_id, token …
	Title    string
	Hint     string // an example, or where to find it
	Secret   bool   // goes to the keyring, and is never shown
	Multi    bool   // may hold several lines: a key file's text
	Optional bool
	Default  string
}
