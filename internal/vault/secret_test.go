package vault_test

import (
	"bytes"
	"errors"
	"testing"

	"lienthong/internal/vault"
)

func TestSecretsAreBoundToTheirNameAndKey(t *testing.T) {
	t.Parallel()
	open := func(master byte, retired ...byte) *vault.Vault {
		c := vault.Config{Master: bytes.Repeat([]byte{master}, 32), Peppers: map[int][]byte{1: bytes.Repeat([]byte{9}, 32)}, Current: 1}
		for _, r := range retired {
			c.Retired = append(c.Retired, bytes.Repeat([]byte{r}, 32))
		}
		v, err := vault.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v, secret := open(1), []byte("mật khẩu của cơ sở")
	sealed, err := v.SealSecret("bhxh/79901", secret)
	if err != nil || bytes.Contains(sealed, secret) {
		t.Fatalf("%v: %q", err, sealed)
	}
	if got, err := v.OpenSecret("bhxh/79901", sealed); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("opened %q, %v", got, err)
	}
	if got, err := open(2, 1).OpenSecret("bhxh/79901", sealed); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("after a change of the master key: %q, %v", got, err)
	}
	if _, err := v.OpenSecret("bhxh/79902", sealed); !errors.Is(err, vault.ErrOpenedWrong) {
		t.Errorf("another's name: %v", err)
	}
	if _, err := open(2).OpenSecret("bhxh/79901", sealed); !errors.Is(err, vault.ErrKeyMissing) {
		t.Errorf("another's key: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := v.OpenSecret("bhxh/79901", bad); err == nil {
			t.Errorf("byte %d changed, and it opens", i)
		}
	}
	for n := range sealed {
		if _, err := v.OpenSecret("bhxh/79901", sealed[:n]); err == nil {
			t.Errorf("cut to %d bytes it opens", n)
		}
	}
	again, err := v.SealSecret("bhxh/79901", secret)
	if err != nil || bytes.Equal(again, sealed) {
		t.Errorf("sealed twice alike, %v", err)
	}
	for name, s := range map[string][]byte{"none": nil, "an essay": make([]byte, vault.MaxSecret+1)} {
		if _, err := v.SealSecret("x", s); !errors.Is(err, vault.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
