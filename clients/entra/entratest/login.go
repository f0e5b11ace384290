package entratest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func itoa(n int) string { return strconv.Itoa(n) }

// seconds rounds a wait up to whole seconds.
func seconds(d time.Duration) string { return itoa(int((d + time.Second - 1) / time.Second)) }

// serveLogin is login.microsoftonline.com: the token endpoint, the device endpoint, and the description that Microsoft's own client
// reads first.
func (s *Server) serveLogin(w http.ResponseWriter, r *http.Request) {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if tenant != s.config.Tenant {
		s.refuse(w, http.StatusBadRequest, "invalid_request", "90002", "Tenant '"+tenant+"' not found.")
		return
	}
	base := s.URL() + "/" + tenant
	switch rest {
	case "v2.0/.well-known/openid-configuration":
		answer(w, http.StatusOK, map[string]any{
			"token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "issuer": base + "/v2.0",
			"device_authorization_endpoint": base + "/oauth2/v2.0/devicecode",
		})
	case "oauth2/v2.0/token":
		s.serveToken(w, r, base)
	case "oauth2/v2.0/devicecode":
		code := random()
		s.device[code] = false
		answer(w, http.StatusOK, map[string]any{
			"device_code": code, "user_code": "H7TQ2KXPR", "verification_uri": s.URL() + "/common/oauth2/deviceauth", "expires_in": 900, "interval": 1,
			"message": "To sign in, use a web browser to open the page and enter the code.",
		})
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request, base string) {
	if err := r.ParseForm(); err != nil {
		s.refuse(w, http.StatusBadRequest, "invalid_request", "900144", "The request body is malformed.")
		return
	}
	form := r.PostForm
	id := form.Get("client_id")
	if form.Get("client_assertion") != "" && id == "" {
		id = s.config.ClientID
	}
	if id != s.config.ClientID {
		s.refuse(w, http.StatusBadRequest, "unauthorized_client", "700016", "Application with identifier '"+id+"' was not found in the directory.")
		return
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		if !slices.ContainsFunc(strings.Fields(form.Get("scope")), func(s string) bool { return strings.HasSuffix(s, "/.default") }) {
			s.refuse(w, http.StatusBadRequest, "invalid_scope", "1002012", "The provided value for scope is not valid.")
			return
		}
		if form.Get("client_assertion") != "" {
			if number, words := s.checkAssertion(form.Get("client_assertion"), base); number != "" {
				s.refuse(w, http.StatusUnauthorized, "invalid_client", number, words)
				return
			}
		} else if s.config.Secret == "" || form.Get("client_secret") != s.config.Secret {
			s.refuse(w, http.StatusUnauthorized, "invalid_client", "7000215", "Invalid client secret provided.")
			return
		}
		s.give(w, "")
	case "refresh_token":
		if !s.refresh[form.Get("refresh_token")] {
			s.refuse(w, http.StatusBadRequest, "invalid_grant", "700082", "The refresh token has expired due to inactivity.")
			return
		}
		delete(s.refresh, form.Get("refresh_token"))
		s.giveRefresh(w)
	case "urn:ietf:params:oauth:grant-type:device_code":
		approved, known := s.device[form.Get("device_code")]
		switch {
		case !known:
			s.refuse(w, http.StatusBadRequest, "bad_verification_code", "70019", "Verification code expired.")
		case !approved:
			s.refuse(w, http.StatusBadRequest, "authorization_pending", "70016", "Pending end-user authorization.")
		default:
			delete(s.device, form.Get("device_code"))
			s.giveRefresh(w)
		}
	default:
		s.refuse(w, http.StatusBadRequest, "unsupported_grant_type", "70003", "The app requested an unsupported grant type.")
	}
}

func (s *Server) giveRefresh(w http.ResponseWriter) {
	refresh := random()
	s.refresh[refresh] = true
	s.give(w, refresh)
}

func (s *Server) give(w http.ResponseWriter, refresh string) {
	token := random()
	s.minted++
	s.tokens[token] = s.config.Now().Add(s.config.TokenLife)
	life := int(s.config.TokenLife / time.Second)
	body := map[string]any{"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token}
	if refresh != "" {
		body["refresh_token"] = refresh
	}
	answer(w, http.StatusOK, body)
}

// urlSafe spells a thumbprint as RFC 7515 4.1.8 says: Microsoft's own library sends it in the standard alphabet, padded, and Entra
// takes both.
func urlSafe(thumbprint string) string {
	return strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(thumbprint), "=")
}

// checkAssertion is what Entra checks of a certificate's assertion.
func (s *Server) checkAssertion(assertion, base string) (number, words string) {
	token, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.PS256, jose.RS256})
	if err != nil {
		return "50027", "JWT token is invalid or malformed."
	}
	thumbprint, _ := token.Headers[0].ExtraHeaders["x5t#S256"].(string)
	key := s.config.Keys[urlSafe(thumbprint)]
	var claims struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
		ID      string `json:"jti"`
		Expires int64  `json:"exp"`
		Begins  int64  `json:"nbf"`
		To      any    `json:"aud"`
	}
	if key == nil || token.Claims(key, &claims) != nil {
		return "700027", "The certificate with identifier used to sign the client assertion is not registered on application."
	}
	now := s.config.Now().Unix()
	const leeway = 300
	switch audience := fmt.Sprint(claims.To); {
	case claims.Issuer != s.config.ClientID || claims.Subject != s.config.ClientID:
		return "50027", "iss and sub must be the client."
	case !strings.Contains(audience, base):
		return "700023", "Client assertion audience claim does not match Realm issuer."
	case claims.Expires < now-leeway || claims.Begins > now+leeway:
		return "700024", "Client assertion is not within its valid time range."
	case claims.ID == "" || s.used[claims.ID]:
		return "50027", "The assertion was used before."
	}
	s.used[claims.ID] = true
	return "", ""
}

func (s *Server) refuse(w http.ResponseWriter, status int, code, number, words string) {
	n, _ := strconv.Atoi(number)
	answer(w, status, map[string]any{
		"error": code, "error_description": "AADSTS" + number + ": " + words + " Trace ID: " + random(), "error_codes": []int{n},
		"timestamp": s.config.Now().UTC().Format("2006-01-02 15:04:05Z"), "trace_id": random(), "correlation_id": random(),
	})
}

func (s *Server) fail(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]any{
		"code": code, "message": message, "innerError": map[string]any{"date": s.config.Now().UTC().Format("2006-01-02T15:04:05"), "request-id": random(), "client-request-id": random()},
	}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
