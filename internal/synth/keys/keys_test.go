package keys_test

import (
	"testing"

	"lienthong/internal/synth/keys"
)

func TestKeysFollowFromTheSeed(t *testing.T) {
	t.Parallel()
	a, err1 := keys.EC(1, "24S00")
	b, err2 := keys.EC(1, "24S00")
	c, err3 := keys.EC(2, "24S00")
	d, err4 := keys.EC(1, "24S01")
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		t.Fatal(err1, err2, err3, err4)
	}
	if !a.Equal(b) || a.Equal(c) || a.Equal(d) {
		t.Error("P-256 keys")
	}
	r, err1 := keys.RSA(1, "24S00")
	again, err2 := keys.RSA(1, "24S00")
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if !r.Equal(again) || r.N.BitLen() != 2048 || r.Validate() != nil {
		t.Errorf("RSA key of %d bits", r.N.BitLen())
	}
	if s := keys.Serial(1, "24S00"); s.Sign() <= 0 || s.Cmp(keys.Serial(1, "24S00")) != 0 || s.Cmp(keys.Serial(1, "24S01")) == 0 || len(s.Bytes()) != 16 {
		t.Errorf("serial %x", s)
	}
}
