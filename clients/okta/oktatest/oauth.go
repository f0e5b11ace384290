package oktatest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// grant is a token that a service app was given.
type grant struct {
	until  time.Time
	scopes []string
}

// serveToken is the org's own authorization server: private_key_jwt is the only method (contracts/idps.md 2.1).
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code, words string) {
		answer(w, status, map[string]any{"error": code, "error_description": words})
	}
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "client_credentials" {
		refuse(http.StatusBadRequest, "unsupported_grant_type", "The authorization grant type is not supported.")
		return
	}
	if s.config.DPoP {
		w.Header().Set("Dpop-Nonce", "n")
		refuse(http.StatusBadRequest, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.")
		return
	}
	token, err := jwt.ParseSigned(r.PostForm.Get("client_assertion"), []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		refuse(http.StatusUnauthorized, "invalid_client", "The client_assertion is invalid.")
		return
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
		ID      string `json:"jti"`
		To      any    `json:"aud"`
		Expires int64  `json:"exp"`
	}
	key := s.config.Keys[token.Headers[0].KeyID]
	now := s.config.Now().Unix()
	const hour = 3600
	switch {
	case key == nil || token.Claims(key, &claims) != nil:
		refuse(http.StatusUnauthorized, "invalid_client", "The client_assertion signature is invalid.")
	case claims.Issuer != s.config.ClientID || claims.Subject != s.config.ClientID:
		refuse(http.StatusUnauthorized, "invalid_client", "Invalid value for 'client_id' parameter.")
	case fmt.Sprint(claims.To) != s.URL()+"/oauth2/v1/token":
		refuse(http.StatusUnauthorized, "invalid_client", "The audience claim for client_assertion must be the endpoint invoked for the request.")
	case claims.Expires <= now || claims.Expires > now+hour:
		refuse(http.StatusUnauthorized, "invalid_client", "The client_assertion token is expired or lives too long.")
	case claims.ID != "" && s.used[claims.ID]:
		refuse(http.StatusUnauthorized, "invalid_client", "The client_assertion token has a JTI that was used before.")
	case slices.ContainsFunc(strings.Fields(r.PostForm.Get("scope")), func(scope string) bool { return !slices.Contains(s.config.Scopes, scope) }):
		refuse(http.StatusBadRequest, "invalid_scope", "One or more scopes are not configured for the authorization server resource.")
	default:
		s.used[claims.ID] = true
		var b [16]byte
		_, _ = rand.Read(b[:])
		value := hex.EncodeToString(b[:])
		s.minted++
		s.grants[value] = grant{s.config.Now().Add(s.config.TokenLife), strings.Fields(r.PostForm.Get("scope"))}
		answer(w, http.StatusOK, map[string]any{
			"token_type": "Bearer", "expires_in": int(s.config.TokenLife / time.Second), "access_token": value, "scope": r.PostForm.Get("scope"),
		})
	}
}

// allowed checks a call's credential: an API token, or a service app's token and its scope.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request) bool {
	credential := r.Header.Get("Authorization")
	if s.config.Token != "" && credential == "SSWS "+s.config.Token {
		if s.config.Forbidden != "" && strings.HasPrefix(r.URL.Path, s.config.Forbidden) {
			fail(w, http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action")
			return false
		}
		return true
	}
	g, ok := s.grants[strings.TrimPrefix(credential, "Bearer ")]
	if !ok || s.config.Now().After(g.until) {
		fail(w, http.StatusUnauthorized, "E0000011", "Invalid token provided")
		return false
	}
	scope := "okta.users.read"
	if strings.HasPrefix(r.URL.Path, "/api/v1/groups") || strings.HasSuffix(r.URL.Path, "/groups") {
		scope = "okta.groups.read"
	}
	if !slices.Contains(g.scopes, scope) {
		fail(w, http.StatusForbidden, "E0000006", "The access token provided does not contain the required scopes.")
		return false
	}
	return true
}

// ExpireTokens makes every access token that was given so far invalid.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.grants)
}

// Minted is how many access tokens were given.
func (s *Server) Minted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.minted
}
