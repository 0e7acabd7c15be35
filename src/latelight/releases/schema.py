"""The tables of the catalog's file, those of jobs apart."""

COLLECTIONS = """
CREATE TABLE collection (
    namespace TEXT NOT NULL, name TEXT NOT NULL, created_at REAL NOT NULL,
    PRIMARY KEY (namespace, name)
);
CREATE TABLE generation (
    namespace TEXT NOT NULL, collection TEXT NOT NULL, digest TEXT NOT NULL,
    spec TEXT NOT NULL, lock TEXT NOT NULL, created_at REAL NOT NULL,
    PRIMARY KEY (namespace, collection, digest),
    FOREIGN KEY (namespace, collection) REFERENCES collection (namespace, name)
);
CREATE TABLE alias (
    namespace TEXT NOT NULL, collection TEXT NOT NULL, name TEXT NOT NULL,
    digest TEXT NOT NULL, moved_at REAL NOT NULL,
    PRIMARY KEY (namespace, collection, name),
    FOREIGN KEY (namespace, collection, digest)
        REFERENCES generation (namespace, collection, digest)
);
"""

GENERATIONS = """
CREATE TABLE IF NOT EXISTS unfinished (
    namespace TEXT NOT NULL, collection TEXT NOT NULL, store TEXT NOT NULL,
    PRIMARY KEY (namespace, collection, store)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS debt (
    namespace TEXT NOT NULL, collection TEXT NOT NULL, store TEXT NOT NULL, doc_id TEXT NOT NULL,
    source TEXT NOT NULL, token TEXT NOT NULL,
    PRIMARY KEY (namespace, collection, store, doc_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS left_out (
    namespace TEXT NOT NULL, collection TEXT NOT NULL, store TEXT NOT NULL, doc_id TEXT NOT NULL,
    sha256 TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (namespace, collection, store, doc_id)
) WITHOUT ROWID;
"""

RELEASES = """
CREATE TABLE IF NOT EXISTS release (
    namespace TEXT NOT NULL, collection TEXT NOT NULL, release_id TEXT NOT NULL PRIMARY KEY,
    live TEXT NOT NULL, candidate TEXT NOT NULL, plan TEXT NOT NULL, state TEXT NOT NULL,
    ramp_step INTEGER NOT NULL, version INTEGER NOT NULL, changed_at REAL NOT NULL,
    note TEXT NOT NULL, began_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS release_of ON release (namespace, collection, began_at);
CREATE TABLE IF NOT EXISTS release_log (
    release_id TEXT NOT NULL REFERENCES release (release_id) ON DELETE CASCADE, at REAL NOT NULL,
    process INTEGER NOT NULL, what TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL,
    note TEXT NOT NULL, details TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS release_log_of ON release_log (release_id);
CREATE TABLE IF NOT EXISTS traffic (
    release_id TEXT NOT NULL REFERENCES release (release_id) ON DELETE CASCADE,
    stage TEXT NOT NULL, step INTEGER NOT NULL, arm TEXT NOT NULL, n_queries INTEGER NOT NULL,
    n_errors INTEGER NOT NULL, n_zero_hits INTEGER NOT NULL, n_clicked INTEGER NOT NULL,
    overlap REAL NOT NULL, n_overlap INTEGER NOT NULL, latency TEXT NOT NULL,
    PRIMARY KEY (release_id, stage, step, arm)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shown (
    search_id TEXT NOT NULL PRIMARY KEY,
    release_id TEXT NOT NULL REFERENCES release (release_id) ON DELETE CASCADE,
    stage TEXT NOT NULL, step INTEGER NOT NULL, arm TEXT NOT NULL, key_hash TEXT NOT NULL,
    at REAL NOT NULL, mixed TEXT NOT NULL, clicked TEXT NOT NULL, winner TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shown_at ON shown (release_id, at);
CREATE TABLE IF NOT EXISTS shown_away (
    release_id TEXT NOT NULL REFERENCES release (release_id) ON DELETE CASCADE,
    winner TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (release_id, winner)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shown_of ON shown (release_id, stage, winner);
"""

JUDGEMENTS = """
CREATE TABLE IF NOT EXISTS judgements (
    namespace TEXT NOT NULL, collection TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
    n_topics INTEGER NOT NULL, n_judged INTEGER NOT NULL, n_places INTEGER NOT NULL,
    source TEXT NOT NULL, saved_at REAL NOT NULL, whole TEXT NOT NULL,
    PRIMARY KEY (namespace, collection, name)
);
"""

EXPERIMENTS = """
CREATE TABLE IF NOT EXISTS experiment (
    namespace TEXT NOT NULL, collection TEXT NOT NULL, experiment_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL, a TEXT NOT NULL, b TEXT NOT NULL, plan TEXT NOT NULL, state TEXT NOT NULL,
    began_at REAL NOT NULL, stopped_at REAL NOT NULL, note TEXT NOT NULL, result TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS experiment_of ON experiment (namespace, collection, name);
"""

INTERACTIONS = """
CREATE TABLE IF NOT EXISTS interaction_log (
    namespace TEXT NOT NULL, collection TEXT NOT NULL, days REAL NOT NULL, began_at REAL NOT NULL,
    is_on INTEGER NOT NULL, PRIMARY KEY (namespace, collection)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS exposure (
    search_id TEXT NOT NULL PRIMARY KEY, namespace TEXT NOT NULL, collection TEXT NOT NULL,
    at REAL NOT NULL, version TEXT NOT NULL, query TEXT NOT NULL, shown TEXT NOT NULL,
    experiment TEXT NOT NULL, arm TEXT NOT NULL, key_hash TEXT NOT NULL, failed INTEGER NOT NULL,
    milliseconds REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS exposure_of ON exposure (namespace, collection, at);
CREATE INDEX IF NOT EXISTS exposure_in ON exposure (experiment, arm, key_hash);
CREATE TABLE IF NOT EXISTS interaction (
    search_id TEXT NOT NULL REFERENCES exposure (search_id) ON DELETE CASCADE,
    doc_id TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (search_id, doc_id)
) WITHOUT ROWID;
"""

ADDED = GENERATIONS + RELEASES + JUDGEMENTS + EXPERIMENTS + INTERACTIONS
"""Since version 1, whose readers need not know them while there is no second generation."""
