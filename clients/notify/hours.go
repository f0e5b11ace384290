package notify

import (
	"time"

	"rollcall/provisioning"
)

// Hours are the hours of every day in which only danger is told, by a local clock; the zero value is none.
type Hours struct {
	from, to int // minutes of the day
	in       *time.Location
}

const (
	minutesOfHour = 60
	hourOfDay     = "15:04"
)

// ParseHours reads the hours from one time of the day to another, such as 22:00 and 07:00; both "": none. in is the place whose clock
// counts; nil: this machine's. What is no time is Invalid.
func ParseHours(from, to string, in *time.Location) (Hours, error) {
	if from == "" && to == "" {
		return Hours{}, nil
	}
	begin, err1 := time.Parse(hourOfDay, from)
	end, err2 := time.Parse(hourOfDay, to)
	if err1 != nil || err2 != nil {
		return Hours{}, &provisioning.Error{Code: provisioning.Invalid, Message: "the quiet hours are no times", Hint: "write two times such as 22:00 and 07:00"}
	}
	if in == nil {
		in = time.Local
	}
	return Hours{minute(begin), minute(end), in}, nil
}

func minute(t time.Time) int { return t.Hour()*minutesOfHour + t.Minute() }

// Hold reports whether it is quiet at a moment: from the first time on, up to and without the second.
func (h Hours) Hold(at time.Time) bool {
	if h.in == nil || h.from == h.to {
		return false
	}
	m := minute(at.In(h.in))
	if h.from < h.to {
		return m >= h.from && m < h.to
	}
	return m >= h.from || m < h.to
}

// until is the end of the quiet, for a sentence.
func (h Hours) until() string {
	return time.Date(0, 1, 1, h.to/minutesOfHour, h.to%minutesOfHour, 0, 0, time.UTC).Format(hourOfDay)
}
