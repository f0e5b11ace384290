package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"rollcall/provisioning"
)

// warnSkew is how far two clocks may be apart before it is said (threats D3).
const warnSkew = time.Minute

// warnCertificate is how long before its end a server's certificate is told.
const warnCertificate = 14 * 24 * time.Hour

// Reached says how the system was reached by its last call, which ended with err: the way there, its protection, the clocks. ok is
// false where there is no use in examining further.
func (c *Client) Reached(err error, tell func(provisioning.Finding)) (ok bool) {
	host := c.base.Host
	if StatusOf(err) == 0 && err != nil && provisioning.CodeOf(err) != provisioning.Denied {
		f := provisioning.Finding{What: "reached", State: provisioning.FindingBad, Detail: "no answer from " + host}
		f.Detail, f.Mend = unreached(err, host)
		tell(f)
		return false
	}
	tell(provisioning.Finding{What: "reached", State: provisioning.FindingGood, Detail: host + " answers"})
	if version, until, secure := c.TLS(); secure {
		f := provisioning.Finding{What: "protected", State: provisioning.FindingGood, Detail: fmt.Sprintf("%s, certificate until %s", version, until.Format("2006-01-02"))}
		if left := until.Sub(c.opts.Clock.Now()); left < warnCertificate {
			f.State, f.Mend = provisioning.FindingWarning, "the server's certificate ends soon: whoever runs it must renew it"
		}
		tell(f)
	} else {
		tell(provisioning.Finding{What: "protected", State: provisioning.FindingWarning, Detail: "not over TLS: a simulator on this machine", Mend: "a real system must be reached by https://"})
	}
	skew, known := c.Skew()
	f := provisioning.Finding{What: "clock", State: provisioning.FindingGood, Detail: "agrees with the server's"}
	switch {
	case !known:
		f.State, f.Detail = provisioning.FindingWarning, "the server does not tell its time"
	case skew.Abs() > c.opts.MaxSkew:
		f.State = provisioning.FindingBad
		f.Detail, f.Mend = fmt.Sprintf("this machine's clock is %s off the server's: nothing that it says is believed", skew.Abs().Round(time.Second)), "set this machine's clock right (NTP)"
	case skew.Abs() > warnSkew:
		f.State = provisioning.FindingWarning
		f.Detail, f.Mend = fmt.Sprintf("this machine's clock is %s off the server's", skew.Abs().Round(time.Second)), "set this machine's clock right (NTP): beyond 5 minutes nothing is believed"
	}
	tell(f)
	return f.State != provisioning.FindingBad
}

// unreached says why there is no way to a host.
func unreached(err error, host string) (detail, mend string) {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns):
		return "there is no such host: " + host, "check the address, and that this machine's network knows it"
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid):
		return "the certificate of " + host + " is not believed: " + cause(err), "check the address; a firm's own authority is named by ca_file"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return host + " does not speak TLS", "check the address and the port"
	default:
		return "no answer from " + host + ": " + cause(err), "check the address, the proxy (HTTPS_PROXY) and the firewall"
	}
}

// Rated tells what is known of the rate budget.
func (c *Client) Rated(tell func(provisioning.Finding)) {
	r := c.Rate()
	f := provisioning.Finding{What: "rate", State: provisioning.FindingGood, Detail: "no limit is published"}
	if r.Allowed > 0 {
		f.Detail = fmt.Sprintf("%.4g requests a second allowed, a reserve is kept free", r.Allowed)
	}
	if wait := r.PausedUntil.Sub(c.opts.Clock.Now()); wait > time.Second {
		f.State, f.Detail, f.Mend = provisioning.FindingWarning, fmt.Sprintf("used up: the next %s nothing is asked", wait.Round(time.Second)), "somebody else uses the same limit; wait"
	}
	tell(f)
}

// Right tells one right by how its probe ended. Where the error itself says what to do, that is the mend.
func Right(what, use string, err error, mend string) provisioning.Finding {
	if err == nil {
		return provisioning.Finding{What: what, State: provisioning.FindingGood, Detail: use}
	}
	var e *provisioning.Error
	if errors.As(err, &e) && e.Hint != "" {
		mend = e.Hint
	}
	return provisioning.Finding{What: what, State: provisioning.FindingBad, Detail: err.Error(), Mend: mend}
}
