package admin

import (
	"time"

	"lienthong/internal/exchange"
	"lienthong/internal/fault"
)

// Way is how the way to a destination stands.
type Way struct {
	Destination string                `json:"destination"`
	Adapter     string                `json:"adapter"`
	Name        fault.Text            `json:"name"`
	Paused      *time.Time            `json:"paused,omitempty"`
	Ended       *time.Time            `json:"ended,omitempty"`
	Breaker     exchange.BreakerState `json:"breaker"`
	Since       *time.Time            `json:"since,omitempty"` // of the breaker's state
	Until       *time.Time            `json:"until,omitempty"` // of an open breaker
	PerSecond   float64               `json:"per_second"`
	Parallel    int                   `json:"parallel"`
	Running     int                   `json:"running"`
	Waiting     int                   `json:"waiting"`
	Carried     int                   `json:"carried"`
	Held        int                   `json:"held"`
	Parked      int                   `json:"parked"`
	Sent24h     int                   `json:"sent_24h"`
	Oldest      *time.Time            `json:"oldest,omitempty"` // created of the oldest leg that waits or is carried
	Code        string                `json:"code"`             // of the last attempt that failed, or why nothing is carried
	CodeAt      *time.Time            `json:"code_at,omitempty"`
	Answered    *time.Time            `json:"answered,omitempty"` // when it last answered, whatever it said
}
