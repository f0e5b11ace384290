package provisioning

import "fmt"

// Minutes is a span of time to the minute: how long it took, for how long it has been so.
type Minutes int64

// String writes it as people read it, in the two greatest units: "4 d 3 h", "3 h 10 min", "9 min".
func (m Minutes) String() string {
	const hour, day = 60, 24 * 60
	switch {
	case m >= day:
		return fmt.Sprintf("%d d %d h", int64(m/day), int64(m%day/hour))
	case m >= hour:
		return fmt.Sprintf("%d h %d min", int64(m/hour), int64(m%hour))
	default:
		return fmt.Sprintf("%d min", int64(m))
	}
}
