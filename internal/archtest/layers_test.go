package archtest_test

import (
	"slices"
	"testing"
)

// place is where a package stands: its layer, and the packages of its own
// layer that it may import ("x/..." with all below). Lower layers are open,
// except that L1 sees only L0 and its peers.
type place struct {
	layer int
	peers []string
}

// layers is DESIGN §4 with ADR 0002 and 0005. "x/..." stands for x and below.
var layers = map[string]place{
	// L0: words.
	"care":    {0, []string{"clock", "fault"}},
	"clock":   {0, nil},
	"fault":   {0, nil},
	"jsondoc": {0, []string{"fault"}},
	"xmltok":  {0, []string{"fault"}},

	"policies": {0, nil}, // Cedar, embedded

	// L1: rules, without input or output.
	"admission":    {1, nil},
	"calendar":     {1, nil},
	"catalog":      {1, nil},
	"cells":        {1, nil},
	"compartment":  {1, []string{"dossier"}},
	"consent":      {1, nil},
	"dossier":      {1, nil},
	"duty":         {1, nil},
	"exchange":     {1, nil},
	"expression":   {1, []string{"catalog", "dossier"}},
	"facility":     {1, nil},
	"finding":      {1, []string{"dossier", "quality"}},
	"identity":     {1, nil},
	"insight":      {1, []string{"dossier", "facility"}},
	"law":          {1, nil},
	"ledger":       {1, []string{"ledger/jcs"}},
	"ledger/audit": {1, []string{"ledger"}},
	"ledger/jcs":   {1, nil},
	"manifest":     {1, nil},
	"matter":       {1, []string{"law"}},
	"policy":       {1, []string{"consent", "law", "role"}},
	"quality":      {1, []string{"catalog", "dossier", "schema"}},
	"quality/...":  {1, []string{"dossier", "quality", "schema"}},
	"retention":    {1, []string{"dossier"}},
	"role":         {1, nil},
	"rulebook":     {1, []string{"dossier", "expression", "schema"}},
	"rulepack":     {1, nil},
	"schema":       {1, []string{"dossier"}},
	"score":        {1, []string{"dossier", "registry", "schema", "score/tally", "score/told"}},
	"score/tally":  {1, nil},
	"score/told":   {1, nil},
	"seal":         {1, nil},
	"slip":         {1, nil},
	"staff":        {1, nil},
	"stamp":        {1, nil},
	"vault":        {1, nil},

	// L2: bytes and contracts.
	"body":         {2, nil},
	"chart":        {2, []string{"chart/readable", "kind"}},
	"chart/...":    {2, nil},
	"kind":         {2, []string{"body"}},
	"kind/...":     {2, []string{"body", "kind", "kind/table"}},
	"kind/checkup": {2, []string{"body", "kind", "kind/qd4750", "kind/table"}},
	"night":        {3, nil},
	"registry":     {1, nil},

	"registry/declaration": {1, []string{"catalog", "dossier", "expression", "law", "registry", "role", "schema"}},
	"registry/shipped":     {1, []string{"registry", "registry/declaration"}},
	"registry/table":       {2, nil},

	"store":            {2, []string{"store/base", "store/house"}},
	"store/base":       {2, nil},
	"store/house":      {2, []string{"store/base"}},
	"store/scoring":    {2, []string{"store/base", "store/house"}},
	"store/form":       {2, []string{"store"}},
	"store/form/entry": {2, []string{"store", "store/house"}},

	// L3: what the hub does.
	"disclose/replay":   {3, []string{"evidence"}},
	"rehearsal":         {3, nil},
	"admin":             {3, []string{"enrol", "keep"}},
	"alarm":             {3, nil},
	"enrol":             {3, nil},
	"errand":            {3, []string{"night", "shelf"}},
	"cleaning":          {3, []string{"night"}},
	"figure":            {3, []string{"night"}},
	"keep":              {3, nil},
	"brake":             {3, nil},
	"bundle":            {3, []string{"disclose", "evidence"}},
	"assist":            {3, nil},
	"casework":          {3, nil},
	"own":               {3, nil},
	"traits":            {3, nil},
	"share":             {3, []string{"disclose"}},
	"choice":            {3, nil},
	"shelf":             {3, nil},
	"standing":          {3, []string{"grade", "shelf"}},
	"steward":           {3, nil},
	"disclose/register": {3, []string{"evidence", "steward"}},
	"courier":           {3, []string{"disclose", "evidence"}},
	"roster":            {3, nil},
	"masked":            {3, nil},
	"disclose":          {3, []string{"evidence", "masked"}},
	"evidence":          {3, nil},
	"forward":           {3, nil},
	"inflow":            {3, []string{"intake"}},
	"grade":             {3, []string{"night"}},
	"intake":            {3, []string{"forward", "evidence", "intake/group", "trust"}},
	"intake/group":      {3, nil},
	"reading":           {3, nil},
	"review":            {3, []string{"brake", "casework"}},
	"trust":             {3, nil},
	"notary":            {3, nil},
	"urgent":            {3, []string{"disclose"}},
	"verification":      {3, nil},
	"witness":           {3, nil},
	"reverify":          {3, []string{"dictionary", "evidence", "keep", "rekey", "reverify/..."}},

	"rekey": {3, []string{"evidence"}},

	"steward/bring":   {3, []string{"steward"}},
	"steward/remark":  {3, []string{"night", "steward"}},
	"steward/feeding": {3, []string{"steward"}},

	"reverify/...": {3, []string{"reverify/doors", "enrol", "steward"}},

	"dictionary": {3, []string{"evidence"}},

	// L4: edges.
	"store/sqlite/...":   {4, []string{"store/sqlite/..."}},
	"store/postgres/...": {4, []string{"store/postgres/..."}},
	"store/importspool":  {4, nil},
	"store/lookspool":    {4, nil},
	"store/storetest":    {4, nil},
	"backup":             {4, nil},
	"chaos/...":          {4, nil},
	"synth/...":          {4, []string{"synth/..."}},
	"agent":              {4, nil},
	"agent/...":          {4, []string{"agent/...", "web/inbound", "web/problem"}},
	"agent/door":         {4, []string{"agent/...", "web/gateway"}},
	"agent/page":         {4, []string{"agent/...", "web/portal/...", "web/problem"}},
	"bridge/...":         {4, []string{"bridge/..."}},
	"bridge/parent":      {4, []string{"agent", "bridge/..."}}, // it speaks as an agent does
	"web/problem":        {4, nil},
	"web/admin":          {4, []string{"web/problem"}},
	"web/api":            {4, []string{"web/trace", "web/bucket", "web/squeeze", "web/delivery", "web/page", "web/edge", "web/inbound", "web/incoming", "web/problem"}},
	"web/databases":      {4, []string{"web/problem"}},
	"web/browsertest":    {4, nil},
	"web/bucket":         {4, nil},
	"web/edge":           {4, []string{"web/squeeze"}},
	"web/shlink":         {4, []string{"web/problem"}},
	"web/squeeze":        {4, nil},
	"web/fhir":           {4, []string{"web/problem"}},
	"web/gateway":        {4, []string{"web/bucket", "web/inbound", "web/trace"}},
	"web/his":            {4, []string{"web/problem"}},
	"web/inbound":        {4, nil},
	"web/incoming":       {4, []string{"web/page"}},
	"web/delivery":       {4, []string{"web/page"}},
	"web/pace":           {4, nil},
	"web/page":           {4, nil},
	"web/oidc":           {4, nil},
	"web/portal/...":     {4, []string{"web/portal/...", "web/trace", "web/problem", "web/session"}},
	"web/session":        {4, []string{"web/problem"}},
	"web/tlog":           {4, []string{"web/problem"}},
	"web/trace":          {4, []string{"web/problem"}},
	"web/token":          {4, nil},

	// L5: the wiring, and what runs a whole hub.
	"hub":         {5, []string{"hub/caller", "hub/house", "hub/meter", "hub/rooms"}},
	"hub/caller":  {5, nil},
	"hub/house":   {5, nil},
	"hub/keyring": {3, nil},
	"hub/meter":   {5, nil},
	"hub/rooms":   {5, nil},
	"bench":       {5, []string{"hub"}},

	"bench/boards":     {5, []string{"bench", "hub"}},
	"bench/congestion": {5, []string{"bench"}},
	"bench/looks":      {5, []string{"bench"}},
	"bench/ministry":   {5, []string{"bench"}},
	"bench/sender":     {5, []string{"bench"}},
	"demo":             {5, []string{"hub", "demo/ministry"}},
	"demo/ministry":    {5, nil},

	"command":             {6, nil},
	"command/...":         {6, []string{"command"}},
	"cmd/lienthong":       {6, []string{"command/..."}},
	"cmd/lienthong-token": {6, nil}, // PKCS#11, with cgo
	"archtest":            {0, nil},
}

// placeOf finds a package's place: by its own name, else by the nearest "x/...".
func placeOf(path string) (place, bool) {
	if p, ok := layers[path]; ok {
		return p, true
	}
	best, found := "", false
	for name := range layers {
		if under(path, name) && len(name) > len(best) {
			best, found = name, true
		}
	}
	return layers[best], found
}

func TestPackagesImportOnlyWhatTheirLayerMay(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		at, ok := placeOf(p.path)
		if !ok {
			t.Errorf("%s is not in the table of layers: say where it stands", p.path)
			continue
		}
		for imported := range p.Imports {
			if !ours(imported) {
				continue
			}
			if why := mayImport(p.path, at, short(imported)); why != "" {
				t.Errorf("%s imports %s: %s", p.path, short(imported), why)
			}
		}
	}
}

// mayImport returns why a package may not import another, "" when it may.
func mayImport(path string, at place, imported string) string {
	to, ok := placeOf(imported)
	switch {
	case !ok:
		return "it is not in the table"
	case to.layer > at.layer:
		return "that is upward"
	case under(imported, at.peers...):
		return ""
	case to.layer == at.layer:
		return "it is of the same layer and not named as a peer"
	}
	return ""
}

// The rule itself must be able to fail.
func TestTheLayerRuleRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"care", "fault", true},
		{"fault", "care", false},
		{"dossier", "store", false},
		{"ledger", "seal", false},
		{"intake", "store/sqlite", false},
		{"intake", "disclose", false},
		{"web/api", "web/portal", false},
		{"web/api", "intake", true},
		{"store/sqlite/intake", "store/sqlite/file", true},
		{"store/sqlite/intake", "store/postgres/handle", false},
		{"hub", "web/api", true},
	} {
		at, _ := placeOf(c.from)
		if why := mayImport(c.from, at, c.to); (why == "") != c.ok {
			t.Errorf("%s -> %s: %q, want allowed %v", c.from, c.to, why, c.ok)
		}
	}
}

// deepest is the longest chain of imports inside the module (STYLE habit 12).
const deepest = 10

func TestImportsAreNotDeep(t *testing.T) {
	t.Parallel()
	of := map[string][]string{}
	for _, p := range tree(t) {
		for imported := range p.Imports {
			if ours(imported) {
				of[p.path] = append(of[p.path], short(imported))
			}
		}
	}
	chains := map[string][]string{}
	var chain func(string) []string
	chain = func(p string) []string {
		if c, ok := chains[p]; ok {
			return c
		}
		var longest []string
		for _, q := range of[p] {
			if c := chain(q); len(c) > len(longest) {
				longest = c
			}
		}
		chains[p] = append([]string{p}, longest...)
		return chains[p]
	}
	for _, p := range tree(t) {
		limit := deepest
		switch { // the command line has three floors of its own above all others
		case p.path == "command":
			limit++
		case under(p.path, "command/..."):
			limit += 2
		case p.path == "cmd/lienthong":
			limit += 3
		}
		if c := chain(p.path); len(c)-1 > limit {
			t.Errorf("%d imports deep, more than %d: %v", len(c)-1, limit, c)
		}
	}
}

// only lists imports that few packages may have, and which.
var only = []struct {
	imports []string
	may     []string
	why     string
}{
	{[]string{"encoding/xml"}, nil, "package xmltok is the one XML entry point"},
	{[]string{"database/sql/...", "github.com/jackc/pgx/v5/...", "github.com/pressly/goose/v3/...", "modernc.org/sqlite/..."},
		[]string{"store/sqlite/...", "store/postgres/...", "bench", "agent/spool", "chaos/byhand"}, "SQL is in the stores"}, // bench floor inserts its bytes with nothing around; ADR 0012; an auditor's own SQL
	{[]string{"net/http/...", "golang.org/x/net/..."},
		[]string{"web/...", "bridge/...", "agent/...", "bench", "bench/boards", "bench/looks", "bench/sender", "demo", "hub", "hub/caller", "hub/house", "hub/rooms", "command/...", "cmd/lienthong"}, "network is at the edges"},
	// store/postgres/handle tells a lost connection (net.Error) from a refused statement; it dials nothing itself.
	{[]string{"net"}, []string{"web/...", "bridge/...", "agent/...", "bench", "bench/sender", "demo", "hub", "command/...", "cmd/lienthong", "store/postgres/handle"}, "network is at the edges"},
	{[]string{"os", "os/signal", "path/filepath", "io/ioutil"},
		[]string{"store/sqlite/...", "store/postgres/...", "store/importspool", "store/lookspool", "web/browsertest", "agent/...", "backup", "bench", "bench/sender", "demo", "synth/...", "chaos/...", "command/...", "cmd/lienthong", "cmd/lienthong-token"}, "files are touched at the edges"},
	// bench measures a hub that runs as a process of its own; the agent starts its
	// token helper and speaks to the service manager and the store of trust.
	{[]string{"os/exec", "plugin", "unsafe", "C"}, append([]string{"command/...", "cmd/lienthong", "agent/signer/token", "agent/service", "agent/local", "agent/update"}, suites...), "nothing is run or linked in"},
	{[]string{"math/rand"}, nil, "use math/rand/v2, or what is handed in"},
	{[]string{"log"}, nil, "the logger is slog, handed in"},
	{[]string{"testing"}, suites, "tests are in test files"},
	{[]string{"github.com/russellhaering/goxmldsig/...", "github.com/beevik/etree/..."}, nil, "an oracle in tests only"},
}

func TestOnlyTheRightPackagesTouchTheWorld(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t) {
		for _, rule := range only {
			for imported := range p.Imports {
				if under(imported, rule.imports...) && !under(p.path, rule.may...) {
					t.Errorf("%s imports %s: %s", p.path, imported, rule.why)
				}
			}
		}
	}
}

// Every entry of the tables must still name something, so that they shrink too.
func TestTablesNameWhatIsThere(t *testing.T) {
	t.Parallel()
	planned := []string{"agent", "bridge/...", "demo", "bench"}
	for name := range layers {
		if slices.Contains(planned, name) || slices.ContainsFunc(tree(t), func(p pkg) bool { return under(p.path, name) }) {
			continue
		}
		t.Errorf("%s stands in the table of layers and is no package", name)
	}
}
