-- The state of milkrun. Times are RFC 3339, UTC, with milliseconds: '2026-03-01T01:30:00.000Z'; they sort as text.
-- A cursor is the text a source gave for "read up to here"; the empty one is the beginning.
-- No secrets; records are masked as the configuration says before they come here.
-- A released migration is never edited: what changes later goes into the next file.

-- Every job that a daemon or a run has seen.
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

-- One execution of a job.
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
) STRICT;                                   -- times being its own; 0 for a run that is one run
CREATE UNIQUE INDEX run_one_at_a_time ON run (job) WHERE state = 'running';
CREATE INDEX run_by_job ON run (job, id);

-- What is worth telling about a run: retry, drift, bisect, note.
CREATE TABLE run_event (
  id     INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  at     TEXT NOT NULL,
  kind   TEXT NOT NULL,
  text   TEXT NOT NULL
) STRICT;
CREATE INDEX run_event_by_run ON run_event (run_id, id);

-- How far a job has read: everything up to the cursor is delivered or in table letter.
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
CREATE INDEX checkpoint_by_run ON checkpoint (run_id);

-- Every change by an operator, and the outcome of every run that moved the checkpoint. NULL cursors: no checkpoint.
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
CREATE INDEX checkpoint_history_by_run ON checkpoint_history (run_id);

-- Places of records delivered lately, for sources that are read again a little behind the cursor.
CREATE TABLE recent (
  job   TEXT NOT NULL,
  place TEXT NOT NULL,
  PRIMARY KEY (job, place)
) STRICT, WITHOUT ROWID;

-- What became of every due slot; a row stands for all slots from "at" through "through". Rows of a job never overlap.
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
CREATE INDEX slot_by_time ON slot (at);
CREATE INDEX slot_by_run ON slot (run_id);

-- Dead letters: records that were refused. At most one open letter for a record.
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
-- A record is known by its place, or by its key when it has no place; with neither every letter is for itself.
CREATE UNIQUE INDEX letter_one_open
  ON letter (job, coalesce('place ' || nullif(place, ''), 'key ' || nullif("key", '')))
  WHERE state = 'open';
CREATE INDEX letter_by_job ON letter (job, state, id);
CREATE INDEX letter_by_state ON letter (state, id);
CREATE INDEX letter_by_run ON letter (run_id);

-- No further run of this job, or call on this connection, until an operator resumes it.
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
CREATE INDEX halt_by_run ON halt (run_id);

-- Jobs an operator has paused.
CREATE TABLE pause (
  job TEXT PRIMARY KEY,
  at  TEXT NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Connections an operator has paused: no call on them by any job.
CREATE TABLE connection_pause (
  connection TEXT PRIMARY KEY,
  at  TEXT NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Batches for targets where sending twice is harm: written before the first byte leaves.
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
CREATE INDEX intent_unsettled ON intent (job, seq) WHERE state <> 'settled';
CREATE INDEX intent_again ON intent (job) WHERE state = 'settled' AND payload IS NOT NULL;
CREATE INDEX intent_by_run ON intent (run_id);
CREATE INDEX intent_by_ref ON intent (connection, ref) WHERE ref <> '';

-- To whom the batches went. No number: a digest under a key that is not in this file, and a masked text.
CREATE TABLE message (
  intent TEXT NOT NULL REFERENCES intent (id) ON DELETE CASCADE,
  person TEXT NOT NULL,                -- keyed digest of the number
  shown  TEXT NOT NULL,                -- the number, masked
  copies INTEGER NOT NULL DEFAULT 1,   -- messages of the batch to this number
  PRIMARY KEY (intent, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_by_person ON message (person);

-- What partners reported about single messages. All that was said is kept; what was reported latest counts.
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
CREATE INDEX report_by_intent ON report (intent) WHERE intent <> '';
CREATE INDEX report_by_time ON report (received_at);

-- How much of a daily ration of a connection is used.
CREATE TABLE ration (
  connection TEXT NOT NULL,
  day        TEXT NOT NULL,            -- 2026-11-22, in the time zone of the job
  used       INTEGER NOT NULL,
  PRIMARY KEY (connection, day)
) STRICT, WITHOUT ROWID;

-- What operators did; rows are only ever added.
CREATE TABLE operation (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  at   TEXT NOT NULL,
  who  TEXT NOT NULL,
  what TEXT NOT NULL,
  job  TEXT NOT NULL,                  -- or the connection, for a resumed one
  why  TEXT NOT NULL
) STRICT;

-- Every exchange with a partner, in a chain: hash is SHA-256 over the hash before and this row (package audit says how). Rows are
-- only added; the oldest go once a row of kind 'pruned' stands for them: its records is the last number removed, its digest
-- that row's hash. No personal data, no secret.
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
CREATE INDEX exchange_by_time ON exchange (at);
CREATE INDEX exchange_pruned ON exchange (records) WHERE kind = 'pruned';
CREATE TRIGGER exchange_stays BEFORE UPDATE ON exchange
BEGIN SELECT raise(ABORT, 'rows of exchange are never changed'); END;
CREATE TRIGGER exchange_kept BEFORE DELETE ON exchange
WHEN old.seq > (SELECT coalesce(max(records), 0) FROM exchange WHERE kind = 'pruned')
BEGIN SELECT raise(ABORT, 'rows of exchange go only when they are pruned'); END;

-- What operators were told, one row a sort of trouble of one job or connection; see package alert. It goes when it is over
-- and its cool-down has passed.
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

-- What a partner gave us for good and wants back with every request: the licence of an enterprise (topic 'licence', its name
-- the unified social credit code). And how long a provider that announced a block is left alone (topic 'circuit', under the
-- name of its budget). No secret, nothing personal.
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

-- The daemon that runs on this file, or ran last.
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

-- A range that is read again, or for the first time, beside the forward lane. Its units are read one by one.
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

-- How timely the records of an interface were, by job and day; every run adds its figures at its end. A rejected record
-- counts on the day it was refused. Times of records are their own, as the catalogue of interfaces names the field.
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
CREATE INDEX timeliness_by_day ON timeliness (day);

-- Records that an operator had sent again; run_id is the run that did it.
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
CREATE INDEX repush_by_run ON repush (run_id);

-- The runs that delivered these records before, or refused them, as far as that is known.
CREATE TABLE repush_origin (
  repush_id  INTEGER NOT NULL REFERENCES repush (id) ON DELETE CASCADE,
  run_id     INTEGER NOT NULL,           -- 0: nobody knows
  records    INTEGER NOT NULL,
  PRIMARY KEY (repush_id, run_id)
) STRICT, WITHOUT ROWID;

-- What the partner gave as proof that a batch arrived.
CREATE TABLE receipt (
  id       INTEGER PRIMARY KEY,
  run_id   INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  at       TEXT NOT NULL,
  batch_id TEXT NOT NULL,                -- ours, as it was sent
  number   TEXT NOT NULL,                -- theirs; '' when they gave none
  records  INTEGER NOT NULL,
  rejected INTEGER NOT NULL              -- of them
) STRICT;
CREATE INDEX receipt_by_run ON receipt (run_id, id);

-- Times in which an exchange with a partner did not work, and whom of the partner's contacts was told. At most one that
-- is not over for a job.
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
CREATE UNIQUE INDEX incident_one_open ON incident (job) WHERE ended_at IS NULL;
CREATE INDEX incident_by_time ON incident (since);

-- One row a job: the answer to "is everything all right?". A job is halted by itself or by a connection of it. One whose
-- halt was ended is resumed until it runs again. A run beside the forward lane says nothing about that, once it has ended.
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
 ORDER BY s.job;

-- Runs, newest first.
CREATE VIEW v_runs AS
SELECT id, job, "trigger", mode, state, slot, started_at, finished_at,
       round((julianday(coalesce(finished_at, 'now')) - julianday(started_at)) * 86400, 3) AS seconds,
       read, delivered, rejected, skipped, total, pages, retries, bytes, code, error, remedy
  FROM run ORDER BY id DESC;

-- Open dead letters, oldest first.
CREATE VIEW v_letters AS
SELECT id, job, at, code, reason, place, "key", tries, tried_at, last_error, run_id, record
  FROM letter WHERE state = 'open' ORDER BY id;

-- Slots and what was decided about them, newest first.
CREATE VIEW v_slots AS
SELECT s.job, s.at, s.through, s.count, s.decision, s.run_id, r.state AS run_state, s.decided_at, s.note
  FROM slot s LEFT JOIN run r ON r.id = s.run_id ORDER BY s.at DESC, s.job;

-- Where every job stands, and since when.
CREATE VIEW v_checkpoints AS
SELECT job, lane, cursor, rows, version, started_at, updated_at, run_id, who, why FROM checkpoint ORDER BY job, lane;

-- Messages and what became of them: delivered or failed as reported last; else accepted (also when only a report on another
-- message of the batch says so), unclear (taken, but not every one of the batch), sending, unknown (in doubt) or unsent.
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

-- Batches in doubt, oldest first.
CREATE VIEW v_doubts AS
SELECT id, job, connection, records, at, updated_at, run_id, letter FROM intent WHERE state = 'doubt' ORDER BY at, id;
