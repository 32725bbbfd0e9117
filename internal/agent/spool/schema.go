package spool

// migrations bring a spool from version i to i+1; one that was given out is
// never changed.
//
// Triggers keep the counts, so that no statement can forget them: queue holds
// how many items are in each state and lane, tally how many answers of each
// outcome came on each day.
var migrations = []string{`
CREATE TABLE fact (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE item (
	id       INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of taking
	key      BLOB    NOT NULL UNIQUE,           -- SHA-256 of what was taken
	sha      BLOB    NOT NULL,                  -- SHA-256 of the file as sent
	name     BLOB    NOT NULL,                  -- sealed: names of files name patients
	source   TEXT    NOT NULL,
	facility TEXT    NOT NULL,
	lane     INTEGER NOT NULL,
	state    INTEGER NOT NULL,
	size     INTEGER NOT NULL,
	dossiers INTEGER NOT NULL DEFAULT 0,
	attempts INTEGER NOT NULL DEFAULT 0,
	code     TEXT    NOT NULL DEFAULT '',
	said     TEXT    NOT NULL DEFAULT '',       -- JSON {"vi","en"} of the code
	taken    INTEGER NOT NULL,
	changed  INTEGER NOT NULL,
	due      INTEGER NOT NULL DEFAULT 0,
	forced   INTEGER NOT NULL DEFAULT 0         -- a person said to send it as it is
) STRICT;
CREATE INDEX item_open ON item (state, lane, id) WHERE state < 7;
CREATE INDEX item_decided ON item (changed) WHERE state >= 7;
CREATE INDEX item_sha ON item (sha);

CREATE TABLE payload (item INTEGER PRIMARY KEY REFERENCES item(id) ON DELETE CASCADE, body BLOB NOT NULL) STRICT;

-- episodes of items that are not decided: none overtakes another in its lane
CREATE TABLE episode (
	key  BLOB    NOT NULL, -- keyed hash of lane and episode
	item INTEGER NOT NULL REFERENCES item(id) ON DELETE CASCADE,
	PRIMARY KEY (key, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX episode_item ON episode (item);

CREATE TABLE answer (
	item    INTEGER NOT NULL REFERENCES item(id) ON DELETE CASCADE,
	n       INTEGER NOT NULL, -- position of the dossier in its file
	record  TEXT    NOT NULL,
	outcome INTEGER NOT NULL, -- 1 accepted, 2 accepted with warnings, 3 rejected, 4 refused
	day     INTEGER NOT NULL, -- yyyymmdd in Hanoi, of the receipt, else of the answer
	at      INTEGER NOT NULL,
	kind    TEXT    NOT NULL,
	episode BLOB    NOT NULL, -- keyed hash
	own     INTEGER NOT NULL, -- 1: the receipt names this very file, 0: an earlier one with the same dossier
	now     TEXT    NOT NULL, -- what the feed said since: superseded, withdrawn
	line    BLOB    NOT NULL, -- sealed: the answer as the hub gave it
	PRIMARY KEY (item, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_record ON answer (record);
CREATE INDEX answer_day ON answer (day, kind);
CREATE INDEX answer_episode ON answer (episode) WHERE outcome >= 3;

-- why dossiers are not accepted, as long as no later one of the episode is
CREATE TABLE cause (
	code TEXT    NOT NULL,
	item INTEGER NOT NULL REFERENCES item(id) ON DELETE CASCADE,
	n    INTEGER NOT NULL,
	PRIMARY KEY (code, item, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX cause_item ON cause (item, n);
CREATE TABLE phrase (code TEXT NOT NULL PRIMARY KEY, said TEXT NOT NULL, hint TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE leg (
	record      TEXT    NOT NULL,
	destination TEXT    NOT NULL,
	state       TEXT    NOT NULL,
	at          INTEGER NOT NULL,
	line        TEXT    NOT NULL, -- the item of the feed
	PRIMARY KEY (record, destination)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue (state INTEGER NOT NULL, lane INTEGER NOT NULL, n INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (state, lane)) STRICT, WITHOUT ROWID;
CREATE TABLE tally (day INTEGER NOT NULL, outcome INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (day, outcome)) STRICT, WITHOUT ROWID;

CREATE TRIGGER item_in AFTER INSERT ON item BEGIN
	INSERT INTO queue VALUES (new.state, new.lane, 1, new.size) ON CONFLICT DO UPDATE SET n = n + 1, bytes = bytes + new.size;
END;
CREATE TRIGGER item_on AFTER UPDATE OF state, lane, size ON item BEGIN
	UPDATE queue SET n = n - 1, bytes = bytes - old.size WHERE state = old.state AND lane = old.lane;
	INSERT INTO queue VALUES (new.state, new.lane, 1, new.size) ON CONFLICT DO UPDATE SET n = n + 1, bytes = bytes + new.size;
END;
CREATE TRIGGER item_out AFTER DELETE ON item BEGIN
	UPDATE queue SET n = n - 1, bytes = bytes - old.size WHERE state = old.state AND lane = old.lane;
END;
CREATE TRIGGER answer_in AFTER INSERT ON answer BEGIN
	INSERT INTO tally VALUES (new.day, new.outcome, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER answer_on AFTER UPDATE OF day, outcome ON answer BEGIN
	UPDATE tally SET n = n - 1 WHERE day = old.day AND outcome = old.outcome;
	INSERT INTO tally VALUES (new.day, new.outcome, 1) ON CONFLICT DO UPDATE SET n = n + 1;
END;
`}
