package agent_test

import (
	"testing"

	"lienthong/internal/agent"
)

func TestWhatWasErasedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	a, err := agent.ParseAnswer([]byte(`{"file":"a.xml","index":0,"record":"79901-1","state":"erased","erased_at":"2026-12-01T00:00:00Z","replay":true}`))
	if err != nil || a.Outcome != agent.Accepted || !a.Replay {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := agent.ParseAnswer([]byte(`{"file":"a.xml","index":0,"record":"79901-1","state":"lost"}`)); err == nil {
		t.Error("an unknown state is taken for an answer")
	}
}
