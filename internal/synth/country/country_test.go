package country_test

import (
	"crypto/x509"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"lienthong/internal/synth/country"
)

func small(t *testing.T, seed uint64) *country.Country {
	t.Helper()
	to := time.Date(2026, 11, 20, 18, 0, 0, 0, country.Hanoi())
	c, err := country.New(country.Config{Seed: seed, Profile: country.Small, People: 400, From: to.AddDate(0, 0, -30), To: to})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Everybody follows from the seed alone, whoever was asked about before.
func TestTheSameSeedIsTheSamePeople(t *testing.T) {
	t.Parallel()
	a, b, other := small(t, 5), small(t, 5), small(t, 6)
	differ := 0
	for i := range 400 {
		p, q := a.Person(399-i), b.Person(399-i)
		p.Chronic, q.Chronic = nil, nil // pointers into two worlds
		if !reflect.DeepEqual(p, q) {
			t.Fatalf("%+v is not %+v", p, q)
		}
		if other.Person(399-i).Name != p.Name {
			differ++
		}
	}
	if differ < 300 {
		t.Errorf("only %d differ with another seed", differ)
	}
	if string(a.Root()) != string(b.Root()) || string(a.Root()) == string(other.Root()) {
		t.Error("the root does not follow from the seed")
	}
}

// Nobody has the number, the telephone or the code of anybody real.
func TestNobodyExists(t *testing.T) {
	t.Parallel()
	c := small(t, 5)
	children := 0
	for i := range 400 {
		p := c.Person(i)
		for _, number := range []string{p.Citizen, p.Guardian} {
			if number != "" && (len(number) != 12 || number[3] < '8') {
				t.Errorf("person %d has the number of somebody", i)
			}
		}
		if p.Phone != "" && p.Phone[:4] != "0000" || p.Social[:2] != "99" {
			t.Errorf("person %d: %q %q", i, p.Phone, p.Social)
		}
		if p.Guardian != "" {
			children++
		}
	}
	if children == 0 {
		t.Error("no child has a guardian")
	}
	for _, f := range c.Facilities() {
		if f.Code[2] != 'S' || f.TaxCode[:2] != "99" {
			t.Errorf("%+v", f.Registration())
		}
	}
}

func TestPeopleGoWhereTheyLive(t *testing.T) {
	t.Parallel()
	c := small(t, 5)
	r := rand.New(rand.NewPCG(1, 2))
	near, at := 0, 0
	for range 300 {
		f := c.Sender(r)
		p := c.Person(c.Somebody(r, f))
		home := c.Registered(p)
		if home.Level != "commune" && home.Level != "regional" || home.Province != p.Province {
			t.Fatalf("registered at %s of %s, living in %s", home.Level, home.Province, p.Province)
		}
		if f.Province == p.Province {
			near++
		}
		if home == f {
			at++
		}
		if n := c.Nearest(r, "provincial", p.Province); n.Level != "provincial" || n.Province != p.Province {
			t.Errorf("referred to %s of %s", n.Level, n.Province)
		}
	}
	if near < 200 || at < 50 {
		t.Errorf("%d in their province, %d where they are registered, of 300", near, at)
	}
}

func TestTheRootIssuesEveryCertificate(t *testing.T) {
	t.Parallel()
	c := small(t, 5)
	root, _ := c.Authority()
	for _, f := range c.Facilities() {
		doctor, err := c.Doctor(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, leaf := range []*x509.Certificate{f.Certificate, doctor.Certificate} {
			if err := leaf.CheckSignatureFrom(root); err != nil {
				t.Errorf("%s: %v", leaf.Subject, err)
			}
		}
	}
}
