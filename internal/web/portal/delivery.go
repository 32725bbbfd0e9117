package portal

import (
	"context"
	"net/http"

	"github.com/a-h/templ"

	"lienthong/internal/dossier"
	"lienthong/internal/role"
	"lienthong/internal/web/portal/delivery"
	"lienthong/internal/web/portal/view"
)

// frame lends the portal to the rooms of package delivery.
type frame struct{ p *Portal }

var _ delivery.Frame = frame{}

// Page returns what every page needs.
func (f frame) Page(r *http.Request, nav, titleKey string, args ...any) view.Page {
	return f.p.page(r, nav, titleKey, args...)
}

// Show answers with a page.
func (f frame) Show(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	f.p.show(w, r, status, c)
}

// Fail answers with a fault.
func (f frame) Fail(w http.ResponseWriter, r *http.Request, err error) { f.p.fail(w, r, err) }

// CSV answers with a download.
func (f frame) CSV(w http.ResponseWriter, r *http.Request, name string, rows [][]string) {
	f.p.csv(w, r, name, rows)
}

// Record returns what may be known of a record.
func (f frame) Record(ctx context.Context, who role.Role, id dossier.ID) (view.Record, error) {
	return f.p.deps.Messages.Record(ctx, who, id)
}

// deliveryRoutes are the routes of package delivery; a portal without it
// answers absent.
func deliveryRoutes() []route {
	var out []route
	for _, d := range delivery.Routes() {
		out = append(out, route{Route{Method: d.Method, Pattern: d.Pattern, Rooms: d.Rooms}, func(p *Portal, w http.ResponseWriter, r *http.Request) {
			if p.delivery == nil {
				p.absent(w, r)
				return
			}
			d.Serve(p.delivery, w, r)
		}})
	}
	return out
}

// besides adds what package delivery knows of a record.
func (p *Portal) besides(ctx context.Context, page view.Page, doc *view.RecordDoc) error {
	if err := p.others(ctx, page, doc); err != nil {
		return err
	}
	if p.delivery == nil {
		return nil
	}
	card, err := p.delivery.Beside(ctx, page, doc.Record.ID)
	if err == nil && card != nil {
		doc.Beside = append(doc.Beside, card)
	}
	return err
}
