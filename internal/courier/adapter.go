// Package courier carries legs: it leases them, opens what a destination is to
// have, hands it to the destination's adapter, and settles what came of it by
// the law of package exchange. A dead destination is late and visible and stops
// nobody else. It knows no protocol (the bridges do) and no SQL (store does).
package courier

import (
	"context"

	"lienthong/internal/disclose"
	"lienthong/internal/evidence"
	"lienthong/internal/exchange"
	"lienthong/internal/facility"
	"lienthong/internal/store"
)

// Wants is what an adapter's parcels hold.
type Wants struct {
	Original bool // the file's exact bytes: legs of one file come in one parcel
	Content  bool // the record opened, without what is closed to the destination
	// Apart: legs of one file end each by itself (exchange.Answer.Each), and what
	// the hub says of each record is in Parcel.Own. A file is sent again for one.
	Apart bool
	// History: the destination keeps every version, so that superseded and
	// withdrawn records go too, in their order.
	History bool
}

// Parcel is one delivery: of a record, or of a file with several.
type Parcel struct {
	Destination exchange.Destination
	Facility    facility.Version // whose it is, as of today
	Legs        []store.Leg      // at least one; several only of one file
	Repeated    bool             // an earlier attempt may have arrived
	Sent        *evidence.Sent   // Wants.Original
	Opened      *disclose.Opened // Wants.Content; of Legs[0]
	Withdraws   *store.Leg       // of a withdrawal: the leg it takes back, as it stands
	Reason      string           // of a withdrawal
	Receipt     []byte           // the hub's receipt document of Legs[0]
	Own         []disclose.Own   // Wants.Apart: what the hub says of the record of each of Legs
	Secret      []byte           // the credential as it was put, nil without one; not to be kept longer than a session
}

// Adapter speaks to destinations of one sort. It is used by many goroutines at once.
type Adapter interface {
	Wants() Wants
	// Check says what is wrong with a destination's options, nil when nothing is.
	Check(d exchange.Destination) error
	// Deliver makes one attempt. It returns when the destination answered, or
	// when ctx ends; an attempt whose end is unknown is exchange.Again with Sent.
	Deliver(ctx context.Context, p *Parcel) exchange.Answer
}

// Follower is an Adapter whose destination gives its verdict later. Follow asks
// for it; p holds no content.
type Follower interface {
	Follow(ctx context.Context, p *Parcel) exchange.Answer
}
