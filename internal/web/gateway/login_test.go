package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lienthong/internal/store"
	"lienthong/internal/web/gateway"
)

func TestALoginInEveryForm(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	proof := md5Of(password)
	for name, c := range map[string]struct{ kind, body, want string }{
		"a form":                   {"application/x-www-form-urlencoded", "username=" + user + "&password=" + proof, "200"},
		"a form in small letters":  {"application/x-www-form-urlencoded; charset=UTF-8", "username=" + user + "&password=" + strings.ToLower(proof), "200"},
		"JSON":                     {"application/json", `{"username":"` + user + `","password":"` + proof + `"}`, "200"},
		"JSON with a mark":         {"application/json", "\xEF\xBB\xBF" + `{"username":"` + user + `","password":"` + proof + `"}`, "200"},
		"JSON, names in capitals":  {"text/json", `{"UserName":"` + user + `","PASSWORD":"` + proof + `","other":[1,{}]}`, "200"},
		"JSON said to be a form":   {"application/x-www-form-urlencoded", `{"username":"` + user + `","password":"` + proof + `"}`, "200"},
		"JSON without a type":      {"", `{"username":" ` + user + ` ","password":"` + proof + `"}`, "200"},
		"a wrong password":         {"application/json", `{"username":"` + user + `","password":"` + md5Of("x") + `"}`, "401 gateway.login"},
		"nobody":                   {"application/json", `{"username":"nobody","password":"` + proof + `"}`, "401 gateway.login"},
		"the password in clear":    {"application/json", `{"username":"` + user + `","password":"` + password + `"}`, "205 gateway.password_form"},
		"no password":              {"application/json", `{"username":"` + user + `"}`, "205 gateway.password_form"},
		"no user":                  {"application/json", `{"password":"` + proof + `"}`, "205 gateway.field"},
		"a long user":              {"application/json", `{"username":"` + strings.Repeat("u", 101) + `","password":"` + proof + `"}`, "205 gateway.field"},
		"a name twice":             {"application/json", `{"username":"a","Username":"b","password":"` + proof + `"}`, "205 gateway.body"},
		"a name twice in a form":   {"application/x-www-form-urlencoded", "username=a&username=b&password=" + proof, "205 gateway.body"},
		"a broken escape":          {"application/x-www-form-urlencoded", "username=%zz&password=" + proof, "205 gateway.body"},
		"NUL":                      {"application/x-www-form-urlencoded", "username=a%00&password=" + proof, "205 gateway.body"},
		"no UTF-8":                 {"application/x-www-form-urlencoded", "username=%ff&password=" + proof, "205 gateway.body"},
		"another encoding":         {"application/json; charset=windows-1258", `{}`, "205 gateway.body"},
		"an array":                 {"application/json", `[]`, "205 gateway.body"},
		"nothing":                  {"application/json", ``, "205 gateway.body"},
		"two objects":              {"application/json", `{}{}`, "205 gateway.body"},
		"more than a login can be": {"application/json", `{"username":"` + strings.Repeat(" ", 70<<10) + `"}`, "205 file.limits"},
	} {
		a := d.post("/api/token/take", c.kind, c.body)
		if got := strings.TrimSpace(a.Code + " " + a.Fault); got != c.want || (a.Key != nil) != (c.want == "200") {
			t.Errorf("%s: %s, want %s: %s", name, got, c.want, a.raw)
		}
		if c.want != "200" && !strings.HasPrefix(a.raw, `{"maKetQua":"`+a.Code+`","APIKey":null,"thongDiep":"`) {
			t.Errorf("%s: the form of a refusal: %s", name, a.raw)
		}
	}
	a := d.take()
	if want := `{"maKetQua":"200","APIKey":{"access_token":"` + a.Key.Access + `","id_token":"` + a.Key.ID +
		`","token_type":"Bearer","username":"` + user + `","expires_in":"2026-11-21T03:10:00.0000000Z"}}`; a.raw != want {
		t.Errorf("programs that cut the answer apart by hand would not find their way:\n%s\n%s", a.raw, want)
	}
}

func TestASessionIsWhatItWasGivenAs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.take()
	proof := md5Of(password)
	other := d.id
	d.take()
	for name, h := range map[string][]string{
		"nothing":         {},
		"no id":           {"accessToken", d.access, "passwordHash", proof},
		"another's id":    {"accessToken", d.access, "tokenId", other, "passwordHash", proof},
		"no password":     {"accessToken", d.access, "tokenId", d.id},
		"wrong password":  {"accessToken", d.access, "tokenId", d.id, "passwordHash", md5Of("x")},
		"tokens swapped":  {"accessToken", d.id, "tokenId", d.access, "passwordHash", proof},
		"a long token":    {"accessToken", strings.Repeat("a", 300), "tokenId", d.id, "passwordHash", proof},
		"a bearer header": {"Authorization", "Bearer " + d.access},
	} {
		if a := d.post(submitPath, "application/json", "{}", h...); a.Code != "401" || a.Fault != "gateway.session" || !strings.Contains(a.Text, "/api/token/take") {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	for name, h := range map[string][]string{
		"capitals":      {"ACCESSTOKEN", d.access, "TOKENID", d.id, "PASSWORDHASH", proof},
		"small letters": {"accesstoken", d.access, "tokenid", d.id, "passwordhash", strings.ToLower(proof)},
	} {
		if a := d.post(submitPath, "application/json", bodyOf("130", facility, "YQ=="), h...); a.Code != "200" {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	d.address = "203.0.113.8:5000"
	if a := d.send("x"); a.Code != "401" || a.Fault != "gateway.address" {
		t.Errorf("from another address: %s", a.raw)
	}
	d.address = "203.0.113.7:6000"
	if a := d.send("x"); a.Code != "200" {
		t.Errorf("from another port: %s", a.raw)
	}
	d.clock.Advance(10*time.Minute - time.Microsecond)
	if a := d.send("x"); a.Code != "200" {
		t.Errorf("just before its end: %s", a.raw)
	}
	d.clock.Advance(time.Microsecond)
	if a := d.send("x"); a.Code != "401" || a.Fault != "gateway.session" {
		t.Errorf("at its end: %s", a.raw)
	}
}

func TestAnAccountForAnyAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(_ *gateway.Config, _ *gateway.Deps, a *store.GatewayAccount) { a.Roaming = true })
	d.take()
	d.address = "198.51.100.1:1"
	if a := d.send("x"); a.Code != "200" {
		t.Errorf("%s", a.raw)
	}
}

// A found token opens nothing without the password's MD5, and cannot be used to
// try many.
func TestATokenIsNoOracleForPasswords(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(_ *gateway.Config, _ *gateway.Deps, a *store.GatewayAccount) { a.Roaming = true })
	d.take()
	for i := range 10 {
		d.post(submitPath, "application/json", "{}", "accessToken", d.access, "tokenId", d.id, "passwordHash", md5Of(fmt.Sprint(i)))
	}
	if a := d.send("x"); a.Code != "401" {
		t.Errorf("after many tries the right one is told: %s", a.raw)
	}
	d.clock.Advance(2 * time.Second)
	if a := d.send("x"); a.Code != "200" {
		t.Errorf("its owner comes back: %s", a.raw)
	}
}

func TestFailedLoginsShutTheDoorLongerEachTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	fail := func() told { return d.login(user, md5Of("wrong")) }
	for i := range 5 {
		if a := fail(); a.Fault != "gateway.login" {
			t.Fatalf("try %d: %s", i, a.raw)
		}
	}
	waits := make([]int, 0, 14)
	for range 14 {
		a := d.login(user, md5Of(password)) // the right one does not open it either
		if a.Code != "401" || a.Fault != "gateway.locked" {
			t.Fatalf("after %v: %s", waits, a.raw)
		}
		wait, err := strconv.Atoi(a.retry)
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait)
		d.clock.Advance(time.Duration(wait) * time.Second)
		if a := fail(); a.Fault != "gateway.login" {
			t.Fatalf("after %v: %s", waits, a.raw)
		}
	}
	for i := 1; i < len(waits); i++ {
		if waits[i] < waits[i-1] || waits[i] > 15*60+1 {
			t.Errorf("waits %v", waits)
		}
	}
	if waits[0] > 2 || waits[len(waits)-1] < 15*60 {
		t.Errorf("waits %v", waits)
	}
	if a := d.login("nobody", md5Of(password)); a.Fault != "gateway.login" {
		t.Errorf("another name from there: %s", a.raw)
	}
	d.clock.Advance(16 * time.Minute)
	if a := d.login(user, md5Of(password)); a.Code != "200" {
		t.Errorf("when it is open again: %s", a.raw)
	}
	if a := fail(); a.Fault != "gateway.login" {
		t.Errorf("a success did not forget: %s", a.raw)
	}
}

// Nobody elsewhere can shut out a hospital that was let in from its address.
func TestAKnownAddressIsNotShutOutByOthers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.take()
	home := d.address
	for i := range 40 {
		d.address = fmt.Sprintf("198.51.100.%d:1", i)
		d.login(user, md5Of("wrong"))
	}
	if a := d.login(user, md5Of(password)); a.Fault != "gateway.locked" {
		t.Errorf("from an unknown address: %s", a.raw)
	}
	d.address = home
	if a := d.login(user, md5Of(password)); a.Code != "200" {
		t.Errorf("from its own: %s", a.raw)
	}
	d.address = "198.51.100.200:1"
	for i := range 25 {
		d.login(fmt.Sprintf("user%d", i), md5Of("wrong"))
	}
	if a := d.login("another", md5Of("wrong")); a.Fault != "gateway.locked" {
		t.Errorf("one address that tries many names: %s", a.raw)
	}
}

func TestLoginsAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *gateway.Config, _ *gateway.Deps, _ *store.GatewayAccount) { c.Hashing, c.Waiting = 2, 500 })
	var wg sync.WaitGroup
	var mu sync.Mutex
	tokens := map[string]bool{}
	for range 100 {
		wg.Go(func() {
			a := d.login(user, md5Of(password))
			mu.Lock()
			defer mu.Unlock()
			if a.Key != nil {
				tokens[a.Key.Access] = true
			}
		})
	}
	wg.Wait()
	if len(tokens) != 100 {
		t.Errorf("%d of 100 logins got a token of their own", len(tokens))
	}
}

// slowAccounts hold a login at work until they are let go.
type slowAccounts struct {
	gateway.Accounts
	in, out chan struct{}
}

func (s slowAccounts) Account(ctx context.Context, user string) (store.GatewayAccount, error) {
	s.in <- struct{}{}
	<-s.out
	return s.Accounts.Account(ctx, user)
}

func TestAFloodOfLoginsIsTurnedAway(t *testing.T) {
	t.Parallel()
	slow := slowAccounts{in: make(chan struct{}, 10), out: make(chan struct{})}
	d := newDesk(t, func(c *gateway.Config, deps *gateway.Deps, a *store.GatewayAccount) {
		alone, err := gateway.NewAlone(*a)
		if err != nil {
			t.Fatal(err)
		}
		slow.Accounts = alone
		c.Hashing, c.Waiting, deps.Accounts = 1, 2, slow
	})
	answers := make(chan told, 10)
	var wg sync.WaitGroup
	wg.Go(func() { answers <- d.login(user, md5Of(password)) })
	<-slow.in // one at work
	for range 9 {
		wg.Go(func() { answers <- d.login(user, md5Of(password)) })
	}
	busy := 0
	for range 7 { // two wait, seven are told to come again
		if a := <-answers; a.Code == "500" && a.Fault == "hub.busy" && a.retry == "7" {
			busy++
		}
	}
	close(slow.out)
	wg.Wait()
	if busy != 7 {
		t.Errorf("%d of 7 were turned away", busy)
	}
	for range 3 {
		if a := <-answers; a.Code != "200" {
			t.Errorf("who waited: %s", a.raw)
		}
	}
}

func TestLoginsOfOneAddressAreBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(c *gateway.Config, _ *gateway.Deps, _ *store.GatewayAccount) { c.LoginBurst = 3 })
	for i := range 5 {
		a := d.login(user, md5Of(password))
		if (i < 3) != (a.Code == "200") || i >= 3 && (a.Code != "500" || a.Fault != "rate.exceeded" || a.retry == "") {
			t.Errorf("login %d: %s", i, a.raw)
		}
	}
	d.address = "203.0.113.9:1"
	if a := d.login(user, md5Of(password)); a.Code != "200" {
		t.Errorf("another address: %s", a.raw)
	}
}

// brokenAccounts cannot be read.
type brokenAccounts struct{ gateway.Accounts }

func (brokenAccounts) Let(context.Context, string, time.Time) (bool, error) {
	return false, errors.New("the disk is gone")
}

func TestABrokenStoreLetsNobodyIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, func(_ *gateway.Config, deps *gateway.Deps, _ *store.GatewayAccount) { deps.Accounts = brokenAccounts{} })
	if a := d.login(user, md5Of(password)); a.Code != "500" || a.Key != nil || strings.Contains(a.raw, "disk") || a.retry == "" {
		t.Errorf("%s", a.raw)
	}
	if !strings.Contains(d.log.String(), "the disk is gone") || !strings.Contains(d.log.String(), "token/take") {
		t.Errorf("the operator is not told: %s", d.log.String())
	}
}

func TestHashes(t *testing.T) {
	t.Parallel()
	a, err := gateway.Hash("x", cheap)
	if err != nil {
		t.Fatal(err)
	}
	b, err := gateway.Hash("x", cheap)
	if err != nil || a == b || !strings.HasPrefix(a, "$argon2id$v=19$m=8,t=1,p=1$") || gateway.CheckHash(a) != nil {
		t.Errorf("%s %s %v", a, b, err)
	}
	for _, c := range []gateway.Cost{{}, {Memory: 1 << 30, Time: 1, Lanes: 1}, {Memory: 8, Time: 100, Lanes: 1}, {Memory: 8, Time: 1}} {
		if _, err := gateway.Hash("x", c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	for _, h := range []string{"", "x", a + "x", a[:len(a)-1], strings.Replace(a, "m=8", "m=08", 1), strings.Replace(a, "m=8", "m=99999999", 1),
		strings.Replace(a, "argon2id", "argon2i", 1), strings.Replace(a, "v=19", "v=16", 1), strings.Replace(a, "t=1", "t=0", 1)} {
		if gateway.CheckHash(h) == nil {
			t.Errorf("%q is a hash", h)
		}
		if _, err := gateway.NewAlone(store.GatewayAccount{User: user, Hash: h}); err == nil {
			t.Errorf("an account with %q", h)
		}
	}
	for _, c := range []gateway.Cost{gateway.HubCost(), gateway.AgentCost()} {
		if _, err := gateway.Hash("x", c); err != nil {
			t.Error(err)
		}
	}
}

// The 2^64 addresses of one IPv6 network are one sender's.
func TestAnIPv6NetworkCountsAsOneAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for i := range 25 {
		d.address = fmt.Sprintf("[2001:db8:1:2::%x]:1", i+1)
		d.login(fmt.Sprintf("user%d", i), md5Of("wrong"))
	}
	d.address = "[2001:db8:1:2:ffff::1]:1"
	if a := d.login("another", md5Of("wrong")); a.Fault != "gateway.locked" {
		t.Errorf("many names from one network: %s", a.raw)
	}
	d.address = "[2001:db8:1:3::1]:1"
	if a := d.login(user, md5Of(password)); a.Code != "200" {
		t.Errorf("the network beside it: %s", a.raw)
	}
	d.address = "[::ffff:198.51.100.7]:1" // IPv4 all the same
	if a := d.login(user, md5Of(password)); a.Code != "200" {
		t.Errorf("IPv4: %s", a.raw)
	}
}
