-- schema.sql - the catalogue: lessons, what happened in them, and what the library holds.
-- Times are milliseconds since 1970 in UTC; lesson clocks are milliseconds, NULL before the start.

CREATE TABLE lesson (
  id          TEXT PRIMARY KEY,
  meta        TEXT NOT NULL,              -- JSON, docs/http-api.md section 4
  state       INTEGER NOT NULL,           -- enum lesson_state
  mode        INTEGER NOT NULL,           -- enum room_mode
  floor       INTEGER,                    -- number of a site
  last_event  INTEGER NOT NULL,
  starts_at   INTEGER NOT NULL,
  started_at  INTEGER NOT NULL,           -- 0: not yet
  ended_at    INTEGER NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX lesson_by_start ON lesson (state, starts_at);

-- The lead site is number 0, the points follow in their order.
CREATE TABLE site (
  lesson        TEXT NOT NULL REFERENCES lesson ON DELETE CASCADE,
  number        INTEGER NOT NULL,
  id            TEXT NOT NULL,
  hand_ms       INTEGER,                  -- NULL: the hand is down
  hand_by       TEXT,                     -- JSON
  floor_count   INTEGER NOT NULL,
  last_floor_ms INTEGER,
  PRIMARY KEY (lesson, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX site_by_id ON site (id, lesson);

-- Kept events; never changed, never deleted but with their lesson.
CREATE TABLE event (
  lesson   TEXT NOT NULL REFERENCES lesson ON DELETE CASCADE,
  id       INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  clock_ms INTEGER,
  kind     TEXT NOT NULL,
  who      TEXT,                          -- JSON
  data     TEXT NOT NULL,                 -- JSON
  PRIMARY KEY (lesson, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_by_kind ON event (lesson, kind, id);

CREATE TABLE vote (
  lesson TEXT NOT NULL,
  poll   INTEGER NOT NULL,                -- id of the event that asked
  voter  TEXT NOT NULL,                   -- a site's id, or "sub:" and who
  site   TEXT,                            -- NULL: a pupil at home
  counts TEXT NOT NULL,                   -- JSON list, one number an option
  PRIMARY KEY (lesson, poll, voter),
  FOREIGN KEY (lesson, poll) REFERENCES event ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE resource (
  id          TEXT PRIMARY KEY,
  lesson      TEXT NOT NULL REFERENCES lesson,
  state       INTEGER NOT NULL,           -- enum resource_state
  detail      TEXT NOT NULL,
  recorded_at INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,
  poster      TEXT NOT NULL,              -- file, '' = none
  tries       INTEGER NOT NULL            -- runs of the packager that failed
) STRICT;
CREATE INDEX resource_by_time ON resource (recorded_at);
CREATE UNIQUE INDEX resource_by_lesson ON resource (lesson);

-- Chinese is indexed character by character; words are asked for as phrases (search.h).
CREATE VIRTUAL TABLE resource_text USING fts5 (
  id UNINDEXED, title, people, marks, tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE position (
  sub         TEXT NOT NULL,
  resource    TEXT NOT NULL REFERENCES resource ON DELETE CASCADE,
  position_ms INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (sub, resource)
) STRICT, WITHOUT ROWID;
