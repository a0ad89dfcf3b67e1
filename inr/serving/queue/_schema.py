"""The tables, and what keeps them quick with tens of thousands of jobs."""

VERSION = 1

MAIN = """
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    token_sha256 TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    weight REAL NOT NULL,
    quotas TEXT NOT NULL,
    used_seconds REAL NOT NULL DEFAULT 0,
    turn REAL NOT NULL DEFAULT 0,
    served REAL NOT NULL DEFAULT 0,
    mean REAL NOT NULL
);
CREATE TABLE sessions (
    token_sha256 TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    expires REAL NOT NULL
);
CREATE INDEX sessions_user ON sessions (user);
CREATE TABLE codes (
    code_sha256 TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    expires REAL NOT NULL
);
CREATE INDEX codes_user ON codes (user);
CREATE TABLE signals (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL,
    sha256 TEXT,
    array_sha256 TEXT,
    path TEXT,
    kind TEXT,
    description TEXT NOT NULL DEFAULT '{}',
    options TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    array_bytes INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    expires REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'reading',
    problem TEXT
);
CREATE INDEX signals_user ON signals (user, id, bytes, array_bytes);
CREATE INDEX signals_expires ON signals (expires);
CREATE INDEX signals_reading ON signals (id) WHERE state = 'reading' AND sha256 IS NOT NULL;
CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    length INTEGER NOT NULL,
    offset INTEGER NOT NULL DEFAULT 0,
    name TEXT NOT NULL,
    options TEXT NOT NULL,
    expires REAL NOT NULL
);
CREATE INDEX uploads_user ON uploads (user, length);
CREATE INDEX uploads_expires ON uploads (expires);
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    signal TEXT,
    field TEXT,
    options TEXT NOT NULL,
    alike TEXT,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    pausing INTEGER NOT NULL DEFAULT 0,
    stopping INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    threads INTEGER NOT NULL,
    engine TEXT,
    inr_version TEXT,
    owner TEXT,
    lease_token TEXT,
    lease_until REAL,
    beat REAL,
    begun REAL,
    not_before REAL NOT NULL DEFAULT 0,
    horizon INTEGER,
    checkpoint_step INTEGER,
    preview INTEGER NOT NULL DEFAULT 0,
    result_sha256 TEXT,
    result_bytes INTEGER,
    metrics TEXT,
    problem TEXT,
    batch TEXT,
    traceparent TEXT,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    seconds REAL NOT NULL DEFAULT 0
);
CREATE INDEX jobs_waiting ON jobs (user, priority DESC, id) WHERE state = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE lease_token IS NOT NULL;
CREATE INDEX jobs_owner ON jobs (owner) WHERE lease_token IS NOT NULL;
CREATE INDEX jobs_user ON jobs (user, id);
CREATE INDEX jobs_user_state ON jobs (user, state, id);
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_batch ON jobs (batch, id) WHERE batch IS NOT NULL;
CREATE INDEX jobs_signal ON jobs (signal, state) WHERE signal IS NOT NULL;
CREATE INDEX jobs_field ON jobs (field, state) WHERE field IS NOT NULL;
CREATE INDEX jobs_bytes ON jobs (user, result_bytes) WHERE result_bytes IS NOT NULL;
CREATE TABLE tally (
    state TEXT NOT NULL,
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    jobs INTEGER NOT NULL,
    PRIMARY KEY (state, user)
) WITHOUT ROWID;
CREATE INDEX tally_user ON tally (user);
CREATE TRIGGER job_comes AFTER INSERT ON jobs BEGIN
    INSERT INTO tally VALUES (new.state, new.user, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER job_moves AFTER UPDATE OF state ON jobs WHEN old.state <> new.state BEGIN
    UPDATE tally SET jobs = jobs - 1 WHERE state = old.state AND user = old.user;
    INSERT INTO tally VALUES (new.state, new.user, 1) ON CONFLICT DO UPDATE SET jobs = jobs + 1;
END;
CREATE TRIGGER job_goes AFTER DELETE ON jobs BEGIN
    UPDATE tally SET jobs = jobs - 1 WHERE state = old.state AND user = old.user;
END;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
    user TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX events_job ON events (job, seq);
CREATE INDEX events_user ON events (user, seq);
CREATE INDEX events_at ON events (at);
CREATE TABLE idempotency (
    user TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    key TEXT NOT NULL,
    body_hash TEXT,
    jobs TEXT NOT NULL,
    expires REAL NOT NULL,
    PRIMARY KEY (user, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency (expires);
CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    beat REAL NOT NULL
);
CREATE TABLE shares (
    name TEXT PRIMARY KEY,
    field TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE
);
CREATE INDEX shares_field ON shares (field);
CREATE TABLE hold (
    until REAL NOT NULL,
    reason TEXT NOT NULL
);
"""

PROGRESS = """
CREATE TABLE progress (
    job TEXT PRIMARY KEY,
    data TEXT NOT NULL
) WITHOUT ROWID;
"""
