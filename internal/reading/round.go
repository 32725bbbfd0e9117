package reading

import (
	"context"
	"errors"
	"sync"
	"time"

	"lienthong/internal/consent"
	"lienthong/internal/policy"
	"lienthong/internal/store"
)

// roundMost is how many openings one round looks at: each may read dossiers.
const roundMost = 200

// round is where the next one goes on.
type round struct {
	mu     sync.Mutex
	before time.Time
}

// Round ends openings that nobody uses and whose basis is gone, some at each
// call: the next goes on where this one stopped, and begins anew after the last.
// One that cannot be judged now stays for the next time.
func (k *Desk) Round(ctx context.Context) error {
	k.round.mu.Lock()
	defer k.round.mu.Unlock()
	list, err := k.d.Openings.Openings(ctx, consent.OpeningFilter{LiveAt: k.d.Clock.Now(), Before: k.round.before, Limit: roundMost})
	if err != nil {
		return err
	}
	var failed error
	for i := range list {
		if _, err := k.stands(ctx, &list[i]); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	k.round.before = time.Time{}
	if len(list) == roundMost {
		k.round.before = list[len(list)-1].From
	}
	return failed
}

// Stands reports whether an opening stands now; one whose basis is gone ends with
// the question. Whoever reads under an opening asks first.
func (k *Desk) Stands(ctx context.Context, o *consent.Opening) (bool, error) {
	if !o.Live(k.d.Clock.Now()) {
		return false, nil
	}
	o, err := k.stands(ctx, o)
	return o != nil, err
}

// stands ends a presence or referral whose person left longer ago than AfterStay,
// one by a slip that is gone, and one by a consent that ended; nil where it ended now.
func (k *Desk) stands(ctx context.Context, o *consent.Opening) (*consent.Opening, error) {
	by, err := k.endedBy(ctx, o)
	if err != nil || by == "" {
		return o, err
	}
	err = k.d.Openings.EndOpening(ctx, o.ID, k.d.Clock.Now(), by, store.Act{})
	if errors.Is(err, store.ErrAbsent) { // ended meanwhile
		err = nil
	}
	return nil, err
}

// endedBy is what ended an opening's basis, "" while it holds. An emergency ends
// by its own time.
func (k *Desk) endedBy(ctx context.Context, o *consent.Opening) (string, error) {
	now := k.d.Clock.Now()
	switch policy.Basis(o.Basis) {
	case policy.Presence, policy.ByReferral:
		left, err := k.d.Facts.Left(ctx, o.Facility, store.PersonID(o.Person), o.From)
		if err != nil {
			return "", err
		}
		if !left.IsZero() && !left.Before(o.From) && !now.Before(left.Add(AfterStay)) {
			return "discharge", nil
		}
	case policy.ByConsent:
		return k.consentEnded(ctx, o)
	}
	if policy.Basis(o.Basis) != policy.ByReferral {
		return "", nil
	}
	r, err := k.referral(ctx, store.PersonID(o.Person), o.Facility, now)
	if err != nil || r != nil {
		return "", err
	}
	return "slip", nil
}

// consentEnded tells what ended the consent of an opening. What it is worth while
// it stands, disclose asks at each look.
func (k *Desk) consentEnded(ctx context.Context, o *consent.Opening) (string, error) {
	if k.d.Asker == nil {
		return "", nil
	}
	c, err := k.d.Asker.State(ctx, o.Consent)
	if errors.Is(err, store.ErrAbsent) {
		return "consent", nil
	}
	if err != nil {
		return "", err
	}
	switch c.State {
	case consent.Revoked, consent.Expired, consent.Refused, consent.TimedOut:
		return "consent", nil
	}
	return "", nil
}
