package hub

import (
	"net/http"
	"time"
)

// Pace is the pace of the doors with short times, for the tests beside it.
func Pace(next http.Handler, own string, silence, rest time.Duration) http.Handler {
	return pace{next: next, own: own, silence: silence, rest: rest, grace: 10 * time.Millisecond, speed: 1 << 30}.withDefaults()
}
