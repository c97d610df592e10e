-- A state file of layout 1, as sqlite3's .dump writes it.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE job (
  name      TEXT PRIMARY KEY,
  plan      TEXT NOT NULL DEFAULT '',  -- when it is due, as the configuration last had it; '' is never
  since     TEXT,                      -- since when a daemon knows that plan: slots before this are never due
  last_full TEXT,                      -- when the last complete pass ended
  source    TEXT,                      -- its connections, as the configuration last had them; NULL when it has
  sink      TEXT,                      -- no such job
  asks      TEXT NOT NULL DEFAULT '[]', -- JSON: the connections that its source takes values from, likewise
  route     TEXT NOT NULL DEFAULT ''   -- from what to what it moves records, likewise; kept when it has no such job
) STRICT, WITHOUT ROWID;
INSERT INTO job VALUES('grades','30 1 * * * Asia/Shanghai','2026-02-01T00:00:00.000Z','2026-03-01T01:41:00.000Z','credit','business','[]','');
CREATE TABLE run (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  job         TEXT NOT NULL,
  slot        TEXT,                    -- the slot that caused it; NULL when it was started by hand
  "trigger"   TEXT NOT NULL CHECK ("trigger" IN ('schedule','catch-up','resume','manual','backfill','change','repush')),
  mode        TEXT NOT NULL CHECK (mode IN ('incremental','full')),
  state       TEXT NOT NULL CHECK (state IN ('running','done','part','failed','halted','interrupted','cancelled')),
  started_at  TEXT NOT NULL,
  finished_at TEXT,                    -- NULL while it runs
  pages       INTEGER NOT NULL DEFAULT 0,
  read        INTEGER NOT NULL DEFAULT 0,   -- records
  delivered   INTEGER NOT NULL DEFAULT 0,   -- records
  rejected    INTEGER NOT NULL DEFAULT 0,   -- records, now dead letters
  skipped     INTEGER NOT NULL DEFAULT 0,   -- records delivered by an earlier run already
  retries     INTEGER NOT NULL DEFAULT 0,   -- calls
  bytes       INTEGER NOT NULL DEFAULT 0,   -- on the wire
  total       INTEGER NOT NULL DEFAULT -1,  -- records expected, -1 unknown
  cursor_from TEXT NOT NULL DEFAULT '',
  cursor_to   TEXT NOT NULL DEFAULT '',
  code        TEXT NOT NULL DEFAULT '',     -- of the error, the partner's own where it gave one
  error       TEXT NOT NULL DEFAULT '',
  remedy      TEXT NOT NULL DEFAULT '',
  summary     TEXT NOT NULL DEFAULT '',     -- JSON: what a swap changed, drift found and repaired
  waiting     INTEGER NOT NULL DEFAULT -1,  -- records that it was to move and did not, when it failed or was halted; -1 unknown
  polls       INTEGER NOT NULL DEFAULT 0    -- how many looks in a row that found nothing this row stands for, the last one's
) STRICT;
INSERT INTO run VALUES(1,'grades','2026-03-01T01:30:00.000Z','schedule','full','part','2026-03-01T01:30:00.000Z','2026-03-01T01:41:00.000Z',3,3000,2999,1,0,0,0,3000,'','{"page":3}','','','','',-1,0);
CREATE TABLE run_event (
  id     INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  at     TEXT NOT NULL,
  kind   TEXT NOT NULL,
  text   TEXT NOT NULL
) STRICT;
INSERT INTO run_event VALUES(1,1,'2026-03-01T01:31:00.000Z','retry','page 2: HTTP 503');
CREATE TABLE checkpoint (
  job        TEXT NOT NULL,
  lane       TEXT NOT NULL CHECK (lane IN ('forward','full')),  -- full: a complete pass that is under way
  version    INTEGER NOT NULL,         -- of its newest row in checkpoint_history, 0 when there is none
  cursor     TEXT NOT NULL,
  rows       INTEGER NOT NULL,         -- delivered since the lane began
  detail     TEXT NOT NULL DEFAULT '', -- JSON, the engine's own
  run_id     INTEGER REFERENCES run (id) ON DELETE SET NULL,    -- the run that moved it; NULL: an operator did
  started_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  who        TEXT NOT NULL DEFAULT '', -- the operator, when one did
  why        TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (job, lane)
) STRICT, WITHOUT ROWID;
INSERT INTO checkpoint VALUES('grades','forward',1,'{"page":3}',2999,'',1,'2026-03-01T01:30:00.000Z','2026-03-01T01:41:00.000Z','','');
CREATE TABLE checkpoint_history (
  job         TEXT NOT NULL,
  lane        TEXT NOT NULL,
  version     INTEGER NOT NULL,
  op          TEXT NOT NULL CHECK (op IN ('run','set','reset','undo','import','end')),  -- end: a complete pass is over
  cursor_from TEXT,
  rows_from   INTEGER NOT NULL DEFAULT 0,
  detail_from TEXT NOT NULL DEFAULT '',
  cursor_to   TEXT,
  rows_to     INTEGER NOT NULL DEFAULT 0,
  run_id      INTEGER REFERENCES run (id) ON DELETE SET NULL,
  at          TEXT NOT NULL,
  who         TEXT NOT NULL DEFAULT '',
  why         TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (job, lane, version)
) STRICT, WITHOUT ROWID;
INSERT INTO checkpoint_history VALUES('grades','forward',1,'run',NULL,0,'','{"page":3}',2999,1,'2026-03-01T01:41:00.000Z','','');
CREATE TABLE recent (
  job   TEXT NOT NULL,
  place TEXT NOT NULL,
  PRIMARY KEY (job, place)
) STRICT, WITHOUT ROWID;
INSERT INTO recent VALUES('grades','["2026-03-01",7]');
CREATE TABLE slot (
  job        TEXT NOT NULL,
  at         TEXT NOT NULL CHECK (at GLOB '[0-9][0-9][0-9][0-9]-??-??T??:??:??.???Z'),
  through    TEXT NOT NULL CHECK (through >= at AND through GLOB '[0-9][0-9][0-9][0-9]-??-??T??:??:??.???Z'),
  count      INTEGER NOT NULL CHECK (count > 0),
  decision   TEXT NOT NULL CHECK (decision IN ('ran','skipped','coalesced','caught up','paused','halted','missed')),
  run_id     INTEGER REFERENCES run (id) ON DELETE SET NULL,
  decided_at TEXT NOT NULL,
  note       TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (job, at)
) STRICT, WITHOUT ROWID;
INSERT INTO slot VALUES('grades','2026-03-01T01:30:00.000Z','2026-03-01T01:30:00.000Z',1,'ran',1,'2026-03-01T01:30:00.000Z','');
CREATE TABLE letter (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  job        TEXT NOT NULL,
  run_id     INTEGER REFERENCES run (id) ON DELETE SET NULL,  -- the run that met it last
  at         TEXT NOT NULL,            -- first refused
  code       TEXT NOT NULL,
  reason     TEXT NOT NULL,            -- of the last refusal
  place      TEXT NOT NULL,            -- where the source finds it again, '' when it cannot
  "key"      TEXT NOT NULL,
  record     TEXT NOT NULL,            -- JSON object, masked
  state      TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open','delivered','dropped')),
  tries      INTEGER NOT NULL DEFAULT 1,
  tried_at   TEXT NOT NULL,
  last_error TEXT NOT NULL DEFAULT '', -- of the last attempt to deliver the letter
  settled_at TEXT,
  who        TEXT NOT NULL DEFAULT '',
  why        TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO letter VALUES(1,'grades',1,'2026-03-01T01:35:00.000Z','uscc','check digit','','91350211M000100Y46','{"grade":"A"}','open',1,'2026-03-01T01:35:00.000Z','',NULL,'','');
CREATE TABLE halt (
  scope  TEXT NOT NULL CHECK (scope IN ('job','connection')),
  name   TEXT NOT NULL,
  at     TEXT NOT NULL,
  code   TEXT NOT NULL,
  reason TEXT NOT NULL,
  remedy TEXT NOT NULL,
  run_id INTEGER REFERENCES run (id) ON DELETE SET NULL,
  PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
INSERT INTO halt VALUES('connection','credit','2026-03-01T01:41:00.000Z','302','credentials refused','check them',1);
CREATE TABLE pause (
  job TEXT PRIMARY KEY,
  at  TEXT NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO pause VALUES('affairs','2026-03-01T02:00:00.000Z','operator','the partner rebuilds');
CREATE TABLE connection_pause (
  connection TEXT PRIMARY KEY,
  at  TEXT NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE intent (
  id         TEXT PRIMARY KEY,
  job        TEXT NOT NULL,
  run_id     INTEGER REFERENCES run (id) ON DELETE SET NULL,
  seq        INTEGER NOT NULL,         -- of the batch in its run
  "after"    TEXT NOT NULL,            -- the cursor the batch begins behind
  digest     TEXT NOT NULL,
  records    INTEGER NOT NULL,
  payload    BLOB,                     -- where its records stand, a JSON list, or NULL; once settled only while they are
                                       -- still to be sent again
  connection TEXT NOT NULL DEFAULT '', -- of the target
  letter     INTEGER,                  -- the dead letter that was tried again with it; NULL for a batch of a run
  state      TEXT NOT NULL CHECK (state IN ('recorded','sent','doubt','settled')),
  outcome    TEXT NOT NULL DEFAULT '' CHECK (outcome IN ('','sent','unsent','resend')),  -- once settled; resend: an operator
  ref        TEXT NOT NULL DEFAULT '', -- the partner's own id of it                         lets it be sent again
  note       TEXT NOT NULL DEFAULT '', -- what is not clear about it although it was taken
  at         TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  who        TEXT NOT NULL DEFAULT '',
  why        TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
INSERT INTO intent VALUES('A1','sms',1,1,'7','d',2,X'00','',NULL,'doubt','','','','2026-03-01T02:00:00.000Z','2026-03-01T02:00:00.000Z','','');
CREATE TABLE message (
  intent TEXT NOT NULL REFERENCES intent (id) ON DELETE CASCADE,
  person TEXT NOT NULL,                -- keyed digest of the number
  shown  TEXT NOT NULL,                -- the number, masked
  copies INTEGER NOT NULL DEFAULT 1,   -- messages of the batch to this number
  PRIMARY KEY (intent, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE report (
  connection  TEXT NOT NULL,
  ref         TEXT NOT NULL,           -- the partner's id of the batch
  person      TEXT NOT NULL,
  status      TEXT NOT NULL,           -- SUCCESS, FAIL
  code        TEXT NOT NULL,           -- DELIVRD …
  reported_at TEXT NOT NULL,           -- as the partner has it
  intent      TEXT NOT NULL,           -- our id of the batch as the report has it, '' without; need not exist
  shown       TEXT NOT NULL,
  received_at TEXT NOT NULL,
  PRIMARY KEY (connection, ref, intent, person, status, code, reported_at)
) STRICT, WITHOUT ROWID;
CREATE TABLE ration (
  connection TEXT NOT NULL,
  day        TEXT NOT NULL,            -- 2026-11-22, in the time zone of the job
  used       INTEGER NOT NULL,
  PRIMARY KEY (connection, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE operation (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  at   TEXT NOT NULL,
  who  TEXT NOT NULL,
  what TEXT NOT NULL,
  job  TEXT NOT NULL,                  -- or the connection, for a resumed one
  why  TEXT NOT NULL
) STRICT;
INSERT INTO operation VALUES(1,'2026-03-01T02:00:00.000Z','operator','pause','affairs','the partner rebuilds');
CREATE TABLE exchange (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,  -- without gaps; sqlite_sequence remembers the newest
  kind       TEXT NOT NULL CHECK (kind IN ('call','received','batch','pruned','restored')),
  at         TEXT NOT NULL,            -- when it began
  took       INTEGER NOT NULL,         -- milliseconds
  job        TEXT NOT NULL,
  run_id     INTEGER NOT NULL,         -- 0 for none; the run itself may be gone before
  "trigger"  TEXT NOT NULL,
  operator   TEXT NOT NULL,            -- '' when a schedule did it
  connection TEXT NOT NULL,
  interface  TEXT NOT NULL,            -- resource or table
  purpose    TEXT NOT NULL,
  direction  TEXT NOT NULL CHECK (direction IN ('in','out','')),
  batch      TEXT NOT NULL,            -- its id, or where the page begins
  records    INTEGER NOT NULL,
  rejected   INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,         -- of the body
  digest     BLOB NOT NULL,            -- SHA-256 of the body
  "key"      TEXT NOT NULL,            -- fingerprint of the credential
  status     TEXT NOT NULL,            -- 'HTTP 200', 'timeout', …
  code       TEXT NOT NULL,            -- the partner's, when it was not accepted
  hash       BLOB NOT NULL
) STRICT;
CREATE TABLE alert (
  kind       TEXT NOT NULL CHECK (kind IN ('failed','halted','late','stale','fault','escalated')),
  scope      TEXT NOT NULL CHECK (scope IN ('job','connection','partner')),
  name       TEXT NOT NULL,
  open       INTEGER NOT NULL CHECK (open IN (0, 1)),  -- still wrong, or its end not said yet
  since      TEXT,                                     -- when the trouble began
  occurrence TEXT NOT NULL,                            -- the newest: "run 812", a deadline, a time
  count      INTEGER NOT NULL,                         -- occurrences since it began
  announced  TEXT NOT NULL,                            -- the occurrence that was said last, '' when none was since it began
  sent_at    TEXT,                                     -- when something was said last
  PRIMARY KEY (kind, scope, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE memory (
  connection TEXT NOT NULL,
  topic      TEXT NOT NULL,
  name       TEXT NOT NULL,
  value      TEXT NOT NULL,
  until      TEXT,                     -- when it ends; NULL: nobody said
  kept_at    TEXT NOT NULL,            -- since when it is here
  who        TEXT NOT NULL,
  why        TEXT NOT NULL,
  PRIMARY KEY (connection, topic, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE daemon (
  one          INTEGER PRIMARY KEY CHECK (one = 1),
  pid          INTEGER NOT NULL,
  version      TEXT NOT NULL,
  started_at   TEXT NOT NULL,
  seen_at      TEXT NOT NULL,            -- when its scheduler last turned and could write here
  config       TEXT NOT NULL,            -- the configuration's path
  digest       TEXT NOT NULL,            -- SHA-256 of its text
  loaded_at    TEXT NOT NULL,            -- when it was taken up
  refused_at   TEXT,                     -- when a newer text was refused; NULL when none was since
  refusal      TEXT NOT NULL DEFAULT '', -- why
  unopened     TEXT NOT NULL DEFAULT '[]' -- JSON: the addresses that it should open and cannot, and what to do
) STRICT;
CREATE TABLE backfill (
  id         INTEGER PRIMARY KEY,
  job        TEXT NOT NULL,
  "from"     TEXT NOT NULL,
  "to"       TEXT NOT NULL,
  who        TEXT NOT NULL,
  why        TEXT NOT NULL,
  created_at TEXT NOT NULL,
  ended_at   TEXT                        -- NULL while units are open
) STRICT;
CREATE TABLE backfill_unit (
  backfill_id INTEGER NOT NULL REFERENCES backfill (id) ON DELETE CASCADE,
  n           INTEGER NOT NULL,          -- from 1
  "from"      TEXT NOT NULL,
  "to"        TEXT NOT NULL,
  state       TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open','done','part')),  -- part: with dead letters
  run_id      INTEGER,                   -- the last run over it
  PRIMARY KEY (backfill_id, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE timeliness (
  interface  TEXT NOT NULL,
  version    INTEGER NOT NULL,           -- of the interface
  job        TEXT NOT NULL,
  day        TEXT NOT NULL CHECK (day GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),  -- in the job's time zone
  connection TEXT NOT NULL,              -- the partner's
  runs       INTEGER NOT NULL,           -- that came to their end, with dead letters or without
  records    INTEGER NOT NULL,           -- delivered
  rejected   INTEGER NOT NULL,           -- records, by a check, the source or the target
  late       INTEGER NOT NULL,           -- records that came later than the interface promises
  first_done TEXT,                       -- when the first of these runs ended; NULL without one
  last_done  TEXT,
  lag_count  INTEGER NOT NULL,           -- records whose own time is known
  lag_sum    INTEGER NOT NULL,           -- from a record's own time to its delivery, milliseconds
  lag_max    INTEGER NOT NULL,           -- milliseconds
  lags       TEXT NOT NULL,              -- JSON array: how many records by lag; see Lags in state/timeliness.go
  PRIMARY KEY (interface, version, job, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE repush (
  id         INTEGER PRIMARY KEY,
  job        TEXT NOT NULL,
  selection  TEXT NOT NULL,              -- which records, in words and without personal data
  digest     TEXT NOT NULL,              -- SHA-256 of the selection as it was given
  who        TEXT NOT NULL,
  why        TEXT NOT NULL,
  created_at TEXT NOT NULL,
  run_id     INTEGER REFERENCES run (id) ON DELETE SET NULL
) STRICT;
CREATE TABLE repush_origin (
  repush_id  INTEGER NOT NULL REFERENCES repush (id) ON DELETE CASCADE,
  run_id     INTEGER NOT NULL,           -- 0: nobody knows
  records    INTEGER NOT NULL,
  PRIMARY KEY (repush_id, run_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE receipt (
  id       INTEGER PRIMARY KEY,
  run_id   INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  at       TEXT NOT NULL,
  batch_id TEXT NOT NULL,                -- ours, as it was sent
  number   TEXT NOT NULL,                -- theirs; '' when they gave none
  records  INTEGER NOT NULL,
  rejected INTEGER NOT NULL              -- of them
) STRICT;
CREATE TABLE incident (
  id           INTEGER PRIMARY KEY,
  partner      TEXT NOT NULL,            -- '' for a job without one
  job          TEXT NOT NULL,
  interface    TEXT NOT NULL,            -- as the partner knows it
  kind         TEXT NOT NULL CHECK (kind IN ('failed','halted','late','stale')),
  code         TEXT NOT NULL,
  since        TEXT NOT NULL,
  ended_at     TEXT,                     -- NULL while it lasts
  impact       INTEGER NOT NULL,         -- the most records that waited, -1 unknown
  notified_at  TEXT,                     -- when the partner's contacts were told
  escalated_at TEXT,
  cleared_at   TEXT                      -- when they were told that it is over
) STRICT;
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('run',1);
INSERT INTO sqlite_sequence VALUES('letter',1);
INSERT INTO sqlite_sequence VALUES('operation',1);
CREATE UNIQUE INDEX run_one_at_a_time ON run (job) WHERE state = 'running';
CREATE INDEX run_by_job ON run (job, id);
CREATE INDEX run_event_by_run ON run_event (run_id, id);
CREATE INDEX checkpoint_by_run ON checkpoint (run_id);
CREATE INDEX checkpoint_history_by_run ON checkpoint_history (run_id);
CREATE INDEX slot_by_time ON slot (at);
CREATE INDEX slot_by_run ON slot (run_id);
CREATE UNIQUE INDEX letter_one_open
  ON letter (job, coalesce('place ' || nullif(place, ''), 'key ' || nullif("key", '')))
  WHERE state = 'open';
CREATE INDEX letter_by_job ON letter (job, state, id);
CREATE INDEX letter_by_state ON letter (state, id);
CREATE INDEX letter_by_run ON letter (run_id);
CREATE INDEX halt_by_run ON halt (run_id);
CREATE INDEX intent_unsettled ON intent (job, seq) WHERE state <> 'settled';
CREATE INDEX intent_again ON intent (job) WHERE state = 'settled' AND payload IS NOT NULL;
CREATE INDEX intent_by_run ON intent (run_id);
CREATE INDEX intent_by_ref ON intent (connection, ref) WHERE ref <> '';
CREATE INDEX message_by_person ON message (person);
CREATE INDEX report_by_intent ON report (intent) WHERE intent <> '';
CREATE INDEX report_by_time ON report (received_at);
CREATE INDEX exchange_by_time ON exchange (at);
CREATE INDEX exchange_pruned ON exchange (records) WHERE kind = 'pruned';
CREATE TRIGGER exchange_stays BEFORE UPDATE ON exchange
BEGIN SELECT raise(ABORT, 'rows of exchange are never changed'); END;
CREATE TRIGGER exchange_kept BEFORE DELETE ON exchange
WHEN old.seq > (SELECT coalesce(max(records), 0) FROM exchange WHERE kind = 'pruned')
BEGIN SELECT raise(ABORT, 'rows of exchange go only when they are pruned'); END;
CREATE INDEX timeliness_by_day ON timeliness (day);
CREATE INDEX repush_by_run ON repush (run_id);
CREATE INDEX receipt_by_run ON receipt (run_id, id);
CREATE UNIQUE INDEX incident_one_open ON incident (job) WHERE ended_at IS NULL;
CREATE INDEX incident_by_time ON incident (since);
CREATE VIEW v_status AS
WITH name (job) AS (SELECT name FROM job UNION SELECT job FROM checkpoint UNION SELECT job FROM pause UNION SELECT name FROM halt WHERE scope = 'job'),
stand AS (
  SELECT n.job, j.last_full, r.id AS last_run, h.reason AS halted,
         coalesce(p.why, (SELECT 'connection ' || connection || ': ' || why FROM connection_pause WHERE connection IN (SELECT j.source UNION ALL SELECT j.sink UNION ALL SELECT value FROM json_each(j.asks)) LIMIT 1)) AS paused,
         CASE WHEN r.state = 'running' THEN 'running'
              WHEN h.name IS NOT NULL THEN 'halted'
              WHEN p.job IS NOT NULL OR EXISTS (SELECT 1 FROM connection_pause WHERE connection IN (SELECT j.source UNION ALL SELECT j.sink UNION ALL SELECT value FROM json_each(j.asks))) THEN 'paused'
              WHEN r.state = 'halted' THEN 'resumed'
              ELSE coalesce(r.state, 'never ran') END AS state
    FROM name n
    LEFT JOIN job j ON j.name = n.job
    LEFT JOIN run r ON r.id = coalesce((SELECT max(id) FROM run WHERE job = n.job AND ("trigger" NOT IN ('backfill', 'repush') OR state = 'running')),
                                       (SELECT max(id) FROM run WHERE job = n.job))
    LEFT JOIN pause p ON p.job = n.job
    LEFT JOIN halt h ON (h.scope, h.name) = (
      SELECT scope, name FROM halt
       WHERE scope = 'job' AND name = n.job OR scope = 'connection' AND name IN (SELECT j.source UNION ALL SELECT j.sink UNION ALL SELECT value FROM json_each(j.asks))
       ORDER BY scope DESC LIMIT 1)    -- its own before that of a connection
)
SELECT s.job, s.state,
       CASE s.state WHEN 'halted' THEN s.halted WHEN 'paused' THEN s.paused WHEN 'resumed' THEN '' ELSE coalesce(r.error, '') END AS reason,
       s.last_run, r.state AS last_run_state, r.started_at, r.finished_at, r.delivered, r.total,
       (SELECT max(t.through) FROM slot t WHERE t.job = s.job) AS last_slot,
       c.cursor, c.updated_at AS cursor_at, f.rows AS full_pass_rows, s.last_full,
       (SELECT count(*) FROM letter l WHERE l.job = s.job AND l.state = 'open') AS open_letters,
       (SELECT count(*) FROM intent i WHERE i.job = s.job AND i.state = 'doubt') AS doubts
  FROM stand s
  LEFT JOIN run r ON r.id = s.last_run
  LEFT JOIN checkpoint c ON c.job = s.job AND c.lane = 'forward'
  LEFT JOIN checkpoint f ON f.job = s.job AND f.lane = 'full'
 ORDER BY s.job
;
CREATE VIEW v_runs AS
SELECT id, job, "trigger", mode, state, slot, started_at, finished_at,
       round((julianday(coalesce(finished_at, 'now')) - julianday(started_at)) * 86400, 3) AS seconds,
       read, delivered, rejected, skipped, total, pages, retries, bytes, code, error, remedy
  FROM run ORDER BY id DESC;
CREATE VIEW v_letters AS
SELECT id, job, at, code, reason, place, "key", tries, tried_at, last_error, run_id, record
  FROM letter WHERE state = 'open' ORDER BY id;
CREATE VIEW v_slots AS
SELECT s.job, s.at, s.through, s.count, s.decision, s.run_id, r.state AS run_state, s.decided_at, s.note
  FROM slot s LEFT JOIN run r ON r.id = s.run_id ORDER BY s.at DESC, s.job;
CREATE VIEW v_checkpoints AS
SELECT job, lane, cursor, rows, version, started_at, updated_at, run_id, who, why FROM checkpoint ORDER BY job, lane;
CREATE VIEW v_messages AS
SELECT i.job, i.connection, i.id AS batch, i.ref, m.shown, m.copies,
       CASE WHEN r.status = 'SUCCESS' THEN 'delivered' WHEN r.status IS NOT NULL THEN 'failed'
            WHEN i.state IN ('sent', 'recorded') THEN 'sending' WHEN i.state = 'doubt' THEN 'unknown'
            WHEN i.outcome <> 'sent' AND NOT EXISTS (SELECT 1 FROM report o WHERE o.connection = i.connection
              AND (o.intent = i.id OR i.ref <> '' AND o.ref = i.ref)) THEN 'unsent' WHEN i.note <> '' THEN 'unclear' ELSE 'accepted' END AS state,
       coalesce(r.code, '') AS code, r.reported_at, i.at, m.person
  FROM message m
  JOIN intent i ON i.id = m.intent
  LEFT JOIN report r ON (r.connection, r.ref, r.intent, r.person, r.status, r.code, r.reported_at) = (
    SELECT connection, ref, intent, person, status, code, reported_at FROM report l
     WHERE l.person = m.person AND l.connection = i.connection
       AND (i.ref <> '' AND l.ref = i.ref OR l.intent = i.id)
     ORDER BY l.reported_at DESC, l.status DESC LIMIT 1)
 ORDER BY i.at, i.id, m.person;
CREATE VIEW v_doubts AS
SELECT id, job, connection, records, at, updated_at, run_id, letter FROM intent WHERE state = 'doubt' ORDER BY at, id;
COMMIT;
PRAGMA application_id = 1835625579;
PRAGMA user_version = 1;
