//go:build unix

package home_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lienthong/internal/agent/home"
)

// TestMain is, told so, another user who asks.
func TestMain(m *testing.M) {
	if dir := os.Getenv("HOME_TEST_OPEN"); dir != "" {
		_, err := home.Open(dir)
		_, _ = os.Stdout.WriteString(code(err))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAnotherUserIsToldToBeAdministrator(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, NOT TESTED: only root can ask as another user")
	}
	h := setup(t)
	if err := h.Save(config()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Skip("SKIPPED, NOT TESTED: no /proc to start this program again from")
	}
	dir, err := os.MkdirTemp("", "asks") // where the other user may go, unlike t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	program := filepath.Join(dir, "asks")
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(program)
	c.Dir = "/"
	c.Env = []string{"HOME_TEST_OPEN=" + h.Dir()}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := c.Output()
	if err != nil || strings.TrimSpace(string(out)) != "agent.denied" {
		t.Errorf("%q, %v", out, err)
	}
}
