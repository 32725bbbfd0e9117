package intake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lienthong/internal/clock"
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
