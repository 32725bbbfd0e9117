package simulate

import (
	"context"

	"lienthong/internal/bridge/eid/simulator"
	"lienthong/internal/bridge/faulty"
	"lienthong/internal/command"
)

// identity are the flags of a simulated OpenID provider.
type identity struct {
	Issuer       string `help:"Under which the provider is known; default the address it is asked at."`
	People       string `help:"JSON file of people: [{\"name\",\"number\",\"birthdate\",\"level\"}] or [{\"name\",\"licence\",\"facility\",\"roles\"}]; default a few synthetic ones." type:"path"`
	LoginClients string `name:"login-clients" help:"JSON file of programs people log in to: [{\"client_id\",\"client_secret\",\"redirect_uris\"}]. Without it any, at addresses of this machine." type:"path"`
	LoginFault   string `name:"login-fault" help:"Faults of the provider, as --fault: slow=5s:path=/token, invalid_grant:count=1, ..."`
}

// provider makes it, under the title its pages bear.
func (i *identity) provider(title string, seed uint64, people []simulator.Person) (*simulator.Provider, error) {
	config := simulator.Config{Title: title, Issuer: i.Issuer, People: people, Faults: faulty.Config{Spec: i.LoginFault, Seed: seed}}
	if i.People != "" {
		config.People = nil
	}
	if err := readJSON(i.People, &config.People); err != nil {
		return nil, err
	}
	if err := readJSON(i.LoginClients, &config.Clients); err != nil {
		return nil, err
	}
	return simulator.New(config)
}

// citizens are synthetic: their fourth digit, 8 or 9, names a century in which
// nobody is born yet.
func citizens() []simulator.Person {
	return []simulator.Person{
		{Name: "Nguyễn Thị Lan", Birth: "1985-03-12", Number: "079985000011"},
		{Name: "Trần Văn Bình", Birth: "1972-11-02", Number: "001872000025"},
		{Name: "Lê Minh Châu", Birth: "1999-07-30", Number: "048999000037", Level: 1},
	}
}

type staffCmd struct {
	common
	identity
}

// Run answers as the provider of staff until it is told to stop.
func (c *staffCmd) Run(ctx context.Context, s *command.Streams) error {
	p, err := c.provider("Danh tính nhân viên (giả lập) · Staff identities (simulated)", c.Seed, []simulator.Person{
		{Name: "Phạm Thu Hà", Licence: "0012345/HCM-CCHN", Facility: "79901", Roles: []string{"clinician"}},
		{Name: "Đỗ Quang Huy", Licence: "0023456/HNO-CCHN", Facility: "01901", Roles: []string{"clinician", "privacy"}},
	})
	if err != nil {
		return err
	}
	return c.serve(ctx, s, "staff", p)
}
