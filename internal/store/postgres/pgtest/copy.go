package pgtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// first keeps the template of this test binary.
var first = struct {
	sync.Once
	database func(t testing.TB) string
}{}

// Copy makes a database with what migrate makes of an empty one, dropped when
// the test ends, and returns its URL. A test binary has one template: the first
// call's migrate makes it (postgres.Migrate, for a hub's tables). Tests of
// migration take Database, which is empty. It skips as Database does.
func Copy(t testing.TB, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	first.Do(func() { first.database = Template(migrate) })
	return first.database(t)
}

// Template makes a database once a test binary, lets migrate fill it, and
// returns what gives each test a copy of it: Database without the time that
// migrate takes.
//
// Nothing runs before the first copy is asked for. migrate gets the URL of the
// empty database and must have closed its connections when it returns; nobody
// can open one afterwards, so that the template stays as it is. Its error fails
// every test that asks for a copy.
func Template(migrate func(ctx context.Context, url string) error) (database func(t testing.TB) string) {
	template := sync.OnceValues(func() (string, error) {
		c, err := shared()
		if err != nil {
			return "", err
		}
		return c.template(migrate)
	})
	return func(t testing.TB) string {
		t.Helper()
		c := running(t)
		name, err := template()
		if err != nil {
			t.Fatalf("pgtest: the template: %v", err)
		}
		return c.database(t, " TEMPLATE "+name+" STRATEGY "+strategy)
	}
}

// strategy of the copy: through the log. The other, FILE_COPY, makes two
// checkpoints of the whole cluster a copy, for which every test would wait.
const strategy = "WAL_LOG"

func (c *cluster) template(migrate func(ctx context.Context, url string) error) (string, error) {
	name := "template_" + random()
	if err := c.do("CREATE DATABASE " + name); err != nil {
		return "", err
	}
	if err := migrate(context.Background(), c.url(name)); err != nil {
		return "", fmt.Errorf("migrating it: %w", err)
	}
	return name, c.do("ALTER DATABASE " + name + " WITH ALLOW_CONNECTIONS false")
}
