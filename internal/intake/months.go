package intake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lienthong/internal/clock"
	"lienthong/internal/retention"
	"lienthong/internal/store"
	"lienthong/internal/vault"
)

// months sees to it that the vault has the key of a class and month before
// anything is sealed under it: made once in the nation's store, whoever was first.
type months struct {
	keys  Months
	vault *vault.Vault
	mu    sync.Mutex
}

// MonthOf returns yyyymm of t in Hanoi.
func MonthOf(t time.Time) int { return clock.Day(t) / 100 }

// PrepareMonths sees to it that this month's keys and the next one's are there
// long before they are needed: every hub on the store has loaded them by the
// time another seals the first record of a month under one.
func (in *Intake) PrepareMonths(ctx context.Context) error {
	now := in.Clock.Now().In(clock.Hanoi)
	next := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, clock.Hanoi)
	for _, c := range retention.Classes() {
		if err := errors.Join(in.months.ensure(ctx, c.Name, MonthOf(now)), in.months.ensure(ctx, c.Name, MonthOf(next))); err != nil {
			return err
		}
	}
	return nil
}

func (m *months) ensure(ctx context.Context, class string, month int) error {
	if m.vault.Have(class, month) {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.vault.Have(class, month) {
		return nil
	}
	fresh, err := m.vault.NewMonthKey(class, month)
	if err != nil {
		return fmt.Errorf("intake: month key: %w", err)
	}
	kept, err := m.keys.PutMonth(ctx, fresh)
	if err != nil {
		return fmt.Errorf("intake: month key: %w", err)
	}
	return m.vault.Load([]store.MonthKey{kept})
}
