package file

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	sqlite "modernc.org/sqlite"
)

// connector opens reading connections, with other files attached.
type connector struct {
	dsn    string
	attach map[string]string
}

func (c *connector) Driver() driver.Driver { return &sqlite.Driver{} }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	for schema, path := range c.attach {
		exec, ok := conn.(driver.ExecerContext)
		if !ok {
			return nil, errors.Join(errors.New("the driver executes nothing"), conn.Close())
		}
		// Schema names are constants of the engine; the path is bound.
		_, err := exec.ExecContext(ctx, fmt.Sprintf("ATTACH DATABASE ? AS %s", schema), []driver.NamedValue{{Ordinal: 1, Value: dsn(path, nil)}})
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}
