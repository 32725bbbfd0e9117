package hub

import (
	"context"
	"sync"

	"lienthong/internal/body"
	"lienthong/internal/disclose/replay"
	"lienthong/internal/dossier"
	"lienthong/internal/grade"
	"lienthong/internal/kind/checkup"
	"lienthong/internal/kind/emr"
	"lienthong/internal/kind/prescription"
	"lienthong/internal/kind/slip"
	"lienthong/internal/quality"
	"lienthong/internal/rehearsal"
	"lienthong/internal/rulebook"
	"lienthong/internal/schema"
	webadmin "lienthong/internal/web/admin"
)

// RuleCompiler compiles what people write into rules, over the tables of this
// release's kinds and beside the pack that is built in.
func RuleCompiler() *rulebook.Compiler { return ruleCompiler() }

var ruleCompiler = sync.OnceValue(func() *rulebook.Compiler {
	family := rulebook.TablesOf(schema.Versions()...)
	return rulebook.NewCompiler(map[string]rulebook.Tables{
		quality.KindDossier: family, quality.KindCheckIn: {"XML0": family["XML0"]}, slip.Name: {"XML13": family["XML13"], "XML14": family["XML14"]},
		prescription.Name: rulebook.TablesOf(prescription.Spec()), emr.Name: rulebook.TablesOf(emr.Spec()), checkup.Name: rulebook.TablesOf(checkup.Spec()),
	}, func(code string) bool { _, taken := Rules().Rule(code); return taken })
})

// openRules joins the pack that is built in with the books in force.
func (h *Hub) openRules(ctx context.Context) {
	h.live = rehearsal.NewLive(Rules(), RuleCompiler(), h.Slices.House.Rules, h.cfg.Logger)
	h.Rules = h.live.Pack
	if err := h.live.Refresh(ctx); err != nil { // judged by the built-in pack until they can be read
		h.cfg.Logger.Error("books of rules not read", "error", err)
	}
}

// openRehearsal wires the replay of records through rules in the making.
func (h *Hub) openRehearsal(codec *body.Codec) {
	h.Rulebook = rehearsal.NewDesk(h.Slices.House.Rules, RuleCompiler(), h.cfg.Clock)
	h.stage = &rehearsal.Stage{Desk: h.Rulebook, Live: h.live, Store: h.Slices.House.Rules, Records: h.Slices.Records, Logs: h.Slices.Ledger, Logger: h.cfg.Logger,
		Holder: h.LogKey.Verifier(), // whoever holds the log is one process
		Open:   replayed{&replay.Opener{Files: h.Slices.Records, Log: h.Slices.Disclosures, Vault: h.Vault, Codec: codec, Kinds: h.Kinds, Clock: h.cfg.Clock}}.open}
}

// replayed is package replay as the rehearsal asks for it.
type replayed struct{ *replay.Opener }

func (o replayed) open(ctx context.Context, what string, log int, items []rehearsal.Item) (rehearsal.Read, error) {
	list := make([]replay.Item, len(items))
	for i, x := range items {
		list[i] = replay.Item(x)
	}
	page, err := o.Page(ctx, what, log, list)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, i int) (dossier.Fields, error) {
		read, err := page.Read(ctx, i)
		return read.Content, err
	}, nil
}

// again reads the sample of a night again, with a basis of its own.
func (h *Hub) again(codec *body.Codec) grade.Again {
	opener := replay.Opener{Files: h.Slices.Records, Log: h.Slices.Disclosures, Vault: h.Vault, Codec: codec, Kinds: h.Kinds, Clock: h.cfg.Clock, For: replay.Recheck}
	return grade.Again{Records: h.Slices.Records, Size: h.cfg.Rejudged, Open: func(ctx context.Context, what string, log int, page []grade.Item) (func(context.Context, int) (dossier.Fields, error), error) {
		items := make([]rehearsal.Item, len(page))
		for i, x := range page {
			items[i] = rehearsal.Item(x)
		}
		return replayed{&opener}.open(ctx, what, log, items)
	}}
}

// Rules takes a step about rules that people write.
func (a *Acts) Rules(ctx context.Context, actor string, q webadmin.RuleRequest) (*webadmin.RuleAnswer, error) {
	return webadmin.DoRules(ctx, a.hub.Rulebook, actor, q)
}
