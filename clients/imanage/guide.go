package imanage

import "rollcall/provisioning"

// Guide tells how a tenant is connected.
func Guide() provisioning.Guide {
	return provisioning.Guide{System: "imanage", Title: "iManage Work", Ways: []provisioning.Way{{
		Name: "password", Title: "service account (password grant)", Scopes: []string{"NRTADMIN in each library, and a global role with user management", "scope admin"},
		Steps: []string{
			"In Control Center make a virtual user for rollcall: not from the directory, without a mailbox of a person.",
			"Make it a member of NRTADMIN in each library, and give it a global role with user management.",
			"Under Applications register rollcall, and note its client id and client secret.",
		},
		Fields: []provisioning.GuideField{
			{Key: "url", Title: "Address", Hint: "https://cloudimanage.com, or your own server"},
			{Key: "username", Title: "Service account", Hint: "its email in the cloud, its user id on premises"},
			{Key: "password", Title: "Password", Secret: true},
			{Key: "client_id", Title: "Client ID"},
			{Key: "client_secret", Title: "Client secret", Secret: true},
		},
	}}}
}
