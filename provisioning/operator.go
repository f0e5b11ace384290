package provisioning

// Role says what an operator may do (DESIGN 5, threats H3).
type Role string

// The roles, each with what the one before it may do as well. An unmapped operator is a reader.
const (
	RoleReader        Role = "reader"
	RoleRequester     Role = "requester" // stages and commits what no policy asks a second person for
	RoleApprover      Role = "approver"
	RoleAdministrator Role = "administrator"
)

// MayChange reports whether the role may stage and commit.
func (r Role) MayChange() bool {
	return r == RoleRequester || r == RoleApprover || r == RoleAdministrator
}

// Operator is who sits at the desk: the operating system's user, mapped to a person, an account and a role.
type Operator struct {
	Name    string    // as shown and recorded
	Person  PersonKey // zero where the mapping names none
	Account string    // the operator's own iManage user id, upper-cased; "" where the mapping names none
	Role    Role
}

// Key names the person behind an operator, whatever account or spelling they came by: the same human has one key. It is "" where the
// configuration maps no person: nobody knows then who that is.
func (o Operator) Key() string {
	if o.Person.IsZero() {
		return ""
	}
	return o.Person.String()
}
