package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"lienthong/internal/rekey"
)

// checkKeys holds the keys against what the store was made with. A wrong pepper
// would find nothing that is there and take every file for new.
func (h *Hub) checkKeys(ctx context.Context) error {
	kept, err := h.Slices.Keys.PutFact(ctx, "master", []byte(h.Vault.MasterID()))
	if err != nil {
		return err
	}
	if string(kept) != h.Vault.MasterID() && !h.turnedTo(ctx) {
		return errors.New("hub: the keys are another hub's: the store was made with a different master key")
	}
	for _, mark := range h.Vault.HashAll("check", []byte("pepper")) {
		kept, err := h.Slices.Keys.PutFact(ctx, "pepper."+strconv.Itoa(int(mark[0])), mark[:])
		if err != nil {
			return err
		}
		if !bytes.Equal(kept, mark[:]) {
			return fmt.Errorf("hub: the keys are another hub's: the store was made with a different pepper %d", mark[0])
		}
	}
	return nil
}

// turnedTo reports whether the store was turned to the master key in use.
func (h *Hub) turnedTo(ctx context.Context) bool {
	first, err := h.Slices.Keys.Fact(ctx, "master")
	if err != nil {
		return false
	}
	turned, err := h.Slices.Keys.Fact(ctx, rekey.FactOf(h.Vault.MasterID()))
	return err == nil && bytes.Equal(first, turned)
}

func (h *Hub) loadMonths(ctx context.Context) error {
	months, err := h.Slices.Keys.Months(ctx)
	if err != nil {
		return err
	}
	return h.Vault.Load(months)
}
