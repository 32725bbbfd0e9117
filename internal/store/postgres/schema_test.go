package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lienthong/internal/store/postgres"
	"lienthong/internal/store/postgres/pgtest"
)

// distribution names the column each table is distributed by (DESIGN §5,
// "Distribution"): every unique key must begin with it.
var distribution = map[string]string{
	"file": "facility", "place": "facility", "episode": "facility", "content": "facility", "record": "facility", "body": "facility",
	"entry": "facility", "tag": "facility", "transition": "facility", "refusal": "facility", "subject": "facility", "bar": "facility",
	"counter": "facility", "counter_place": "measure", "target": "province", "minute": "facility", "delta": "facility", "last_seen": "facility",
	"person": "person", "link": "person", "disclosure": "person",
	"claim": "hash", "blob": "hash", "login_link": "hash", "session": "hash", "token": "client",
	"log": "log", "lease": "log", "leaf": "log", "tile": "log", "checkpoint": "log", "receipt_key": "log",
	"stamp": "log", "signer": "fingerprint", "revocation": "fingerprint", "revocation_answer": "hash", "annotation": "facility", "tombstone": "facility",
	"body_archive": "facility", "skeleton_archive": "facility",
	"gateway_account": "name", "gateway_session": "token", "gateway_failure": "who", "gateway_pair": "who",
	"invite": "hash", "sender": "client", "manifest": "facility", "inflow": "facility", "mirror": "facility", "sending": "facility",
	"watched_log": "origin", "log_alarm": "origin", "cosignature": "log",
	"leg": "facility", "leg_receipt": "facility", "leg_seq": "facility", "secret": "facility", "leg_sent": "destination",
	"consent": "person", "consent_version": "person", "delegation": "person", "opening": "person", "notice": "person",
	"matter": "number", "matter_version": "number", "temporary": "number", "feature": "hash", "share": "id", "verified": "person", "login_device": "owner", "eid_address": "person", "score": "member", "score_sheet": "subject", "score_recount": "day", "score_delta": "facility_version",
	"db_declaration": "database", "db_step": "database", "db_head": "database", "db_entry": "database", "db_entry_version": "database", "db_key": "database", "db_said": "database", "db_erased": "facility", "db_count": "database", "db_grant": "database", "db_import": "database", "db_place": "database", "db_turn": "what",
	"duty_task": "id", "duty_step": "task", "duty_debt": "debt",
	"night_run": "day", "proposal": "id", "proposal_entry": "database", "proposal_step": "proposal",
	"figure_statement": "subject", "counter_check": "day", "retrievable": "minute", "board_use": "day",
}

// reference are the tables that every node has whole.
var reference = map[string]bool{
	"fact": true, "month_key": true, "directory": true, "anchor": true, "unit": true, "facility_version": true,
	"certificate": true, "carrier": true, "client": true, "act": true, "service": true, "witness_peer": true, "exchange": true, "destination": true, "route": true, "applicant": true, "enrolment": true, "alarm": true, "alarm_setting": true, "vendor": true, "rulebook": true, "rulebook_edition": true, "rehearsal": true, "matter_number": true, "duty_number": true, "duty_item": true, "staff": true, "goose_db_version": true,
}

func schema(t *testing.T) *pgx.Conn {
	t.Helper()
	url := pgtest.Database(t)
	open(t, url, postgres.Config{})
	return connect(t, url)
}

func TestEveryUniqueKeyBeginsWithItsDistributionColumn(t *testing.T) {
	t.Parallel()
	conn := schema(t)
	if bad := misplaced(t, conn); len(bad) > 0 {
		t.Errorf("unique keys that do not begin with the distribution column: %s", strings.Join(bad, "; "))
	}
	// the control: a key that would make the database impossible to distribute
	if _, err := conn.Exec(context.Background(), `CREATE UNIQUE INDEX wrong ON record (serial)`); err != nil {
		t.Fatal(err)
	}
	if bad := misplaced(t, conn); len(bad) != 1 || bad[0] != "record (serial)" {
		t.Errorf("a wrong key is not found: %v", bad)
	}
}

func misplaced(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(context.Background(), `SELECT c.relname, a.attname
		FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE i.indisunique ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	var bad []string
	var table, first string
	if _, err := pgx.ForEachRow(rows, []any{&table, &first}, func() error {
		if !reference[table] && distribution[table] != first {
			bad = append(bad, table+" ("+first+")")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return bad
}

func TestEveryTableHasItsPlaceAndEveryColumnItsForm(t *testing.T) {
	t.Parallel()
	conn := schema(t)
	rows, err := conn.Query(context.Background(), `SELECT c.relname, a.attname, t.typname, a.attnotnull, coalesce(l.collname, '')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation
		WHERE c.relkind = 'r' ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{"text": true, "_text": true, "int8": true, "int4": true, "int2": true, "bytea": true, "uuid": true, "bool": true}
	columns := 0
	var table, column, kind, collation string
	var required bool
	if _, err := pgx.ForEachRow(rows, []any{&table, &column, &kind, &required, &collation}, func() error {
		columns++
		switch {
		case table == "goose_db_version":
		case !reference[table] && distribution[table] == "":
			t.Errorf("table %s: say in this test what it is distributed by", table)
		case !allowed[kind]:
			t.Errorf("%s.%s is %s: times are bigint microseconds, numbers integers, texts text", table, column, kind)
		case !required:
			t.Errorf("%s.%s may be NULL: absence has a value of its own here", table, column)
		case strings.HasSuffix(kind, "text") && collation != "C":
			t.Errorf("%s.%s sorts by %q, not by code point", table, column, collation)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if columns < 100 {
		t.Errorf("only %d columns seen", columns)
	}
}
