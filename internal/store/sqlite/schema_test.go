package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"lienthong/internal/store/sqlite"
	"lienthong/internal/store/storetest"
)

// ownKey are the tables that lie by a key of their own, not by facility
// (DESIGN §5 Distribution): reference, ledger, persons and claims, access. Sums of
// quality (score) lie by day in this engine, which is never distributed.
var ownKey = map[string]string{
	"anchor": "hash", "unit": "id", "client": "id", "head": "log", "leaf": "log", "tile": "log", "checkpoint": "log", "receipt_key": "kid",
	"month_key": "class", "fact": "name", "public_blob": "hash", "person": "id", "claim": "key", "counter": "facility_version", "counter_place": "measure", "target": "province", "minute": "facility_version",
	"login_link": "hash", "seal": "note", "session": "hash", "token": "client", "directory": "id",
	"gateway_account": "user", "gateway_session": "token", "gateway_failure": "who", "gateway_pair": "who",
	"invite": "hash", "applicant": "id", "enrolment": "id", "sender": "client",
	"service": "kind", "stamp": "log", "signer": "fingerprint", "revocation": "fingerprint", "revocation_answer": "hash", "watched_log": "origin", "log_alarm": "origin", "witness_peer": "key", "cosignature": "log",
	"destination": "id", "leg_sent": "destination", "alarm": "cause", "alarm_setting": "id", "vendor": "id",
	"consent": "person", "consent_version": "person", "delegation": "person", "opening": "person", "matter": "number", "matter_version": "number",
	"staff": "id", "temporary": "number", "feature": "hash", "share": "id", "verified": "person", "login_device": "owner", "eid_address": "person", "score": "scale", "score_sheet": "subject",
	"db_declaration": "database", "db_step": "database", "db_head": "database", "db_entry": "database", "db_entry_version": "database", "db_key": "database", "db_said": "database", "db_erased": "facility", "db_count": "database", "db_grant": "database", "db_import": "database", "db_place": "database", "db_turn": "what",
	"rulebook": "id", "rulebook_edition": "book", "rehearsal": "id",
	"duty_number": "year", "duty_task": "id", "duty_step": "task", "duty_debt": "debt", "duty_item": "sort",
	"night_run": "day", "proposal": "id", "proposal_entry": "database", "proposal_step": "proposal",
	"figure_statement": "subject", "counter_check": "day", "retrievable": "minute", "board_use": "day",
}

func TestUniqueKeysBeginWithTheirDistributionColumn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir, storetest.Options{})
	for _, name := range []string{sqlite.MainFile, sqlite.DisclosureFile} {
		db := raw(t, filepath.Join(dir, name))
		rows, err := db.Query(`SELECT m.name, m.sql, i.name, (SELECT x.name FROM pragma_index_info(i.name) x WHERE x.seqno = 0)
 FROM sqlite_schema m LEFT JOIN pragma_index_list(m.name) i ON i."unique" = 1 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%'`)
		if err != nil {
			t.Fatal(err)
		}
		tables := 0
		for rows.Next() {
			var table, sql string
			var index, first *string
			if err := rows.Scan(&table, &sql, &index, &first); err != nil {
				t.Fatal(err)
			}
			tables++
			if !strings.Contains(sql, "STRICT") {
				t.Errorf("%s is not STRICT", table)
			}
			want := "facility"
			if own, ok := ownKey[table]; ok {
				want = own
			}
			if index != nil && *first != want {
				t.Errorf("%s: unique %s begins with %s, not with %s", table, *index, *first, want)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if tables == 0 {
			t.Errorf("%s has no tables", name)
		}
	}
}
