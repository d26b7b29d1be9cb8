-- Consent, the register of threads, the audit and the log of erasures.

-- What a person allows: everything, keeping without learning, or nothing at all.
ALTER TABLE persistmem.namespaces
    ADD COLUMN consent text NOT NULL DEFAULT 'allowed' CHECK (consent IN ('allowed', 'no_extract', 'paused')),
    -- The end of the audit's chain: how many entries there are, and the digest of the last.
    ADD COLUMN audited    bigint NOT NULL DEFAULT 0,
    ADD COLUMN audit_head bytea,
    -- The latest transactions that were committed here, newest first: what became of one whose answer was lost.
    ADD COLUMN recent_writes uuid[] NOT NULL DEFAULT '{}';

-- Whose thread it is: LangGraph's checkpoints know a thread's id and no person.
CREATE TABLE persistmem.threads (
    namespace   text COLLATE "C" NOT NULL REFERENCES persistmem.namespaces ON DELETE CASCADE,
    thread_id   text COLLATE "C" NOT NULL CHECK (octet_length(thread_id) BETWEEN 1 AND 1024),
    -- Nothing of it is kept or learnt, whoever asks.
    off_record  boolean NOT NULL DEFAULT false,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (namespace, thread_id)
);
-- Threads that more than one person has: erasing one of them leaves the other's checkpoints alone.
CREATE INDEX threads_shared ON persistmem.threads (thread_id);
INSERT INTO persistmem.threads (namespace, thread_id, recorded_at)
SELECT namespace, thread_id, min(recorded_at) FROM persistmem.messages GROUP BY namespace, thread_id;

-- Who did what to which memories when; no content. Each entry carries the digest of the one before.
CREATE TABLE persistmem.audit (
    namespace   text COLLATE "C" NOT NULL REFERENCES persistmem.namespaces ON DELETE CASCADE,
    number      bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    memory_ids  uuid[] NOT NULL,
    -- Numbers and words of the program only.
    details     jsonb NOT NULL,
    digest      bytea NOT NULL,
    PRIMARY KEY (namespace, number)
);

-- What was erased, to be erased again after a backup was restored. It names nobody: an incarnation is a
-- random id that the erased namespace had, and that a restored one has again.
CREATE TABLE persistmem.erasures (
    id          uuid NOT NULL PRIMARY KEY,
    incarnation uuid NOT NULL,
    everything  boolean NOT NULL,
    memory_ids  uuid[] NOT NULL,
    -- SHA-256 of incarnation, thread and message id: turns that were erased with their memories.
    turns       bytea[] NOT NULL,
    counts      jsonb NOT NULL,
    -- NULL until the verification has found nothing left.
    completed_at timestamptz,
    erased_at   timestamptz NOT NULL
);
CREATE INDEX erasures_of_incarnation ON persistmem.erasures (incarnation);

-- What a person wants kept as it is: no rule archives it, and no model replaces it unseen.
ALTER TABLE persistmem.memories ADD COLUMN pinned boolean NOT NULL DEFAULT false;
ALTER TABLE persistmem.changes
    DROP CONSTRAINT changes_change_check,
    ADD CONSTRAINT changes_change_check CHECK (change IN
        ('reinforced', 'superseded', 'quarantined', 'approved', 'rejected', 'archived', 'restored', 'pinned', 'unpinned'));
-- Said while nothing was to be learnt: it stays unlearnt, and no model is shown it for learning.
ALTER TABLE persistmem.messages ADD COLUMN withheld boolean NOT NULL DEFAULT false;

-- Namespaces in which some memories have no vector of a model yet: it did not answer, or it is a new one.
CREATE TABLE persistmem.missing_vectors (
    namespace text COLLATE "C" NOT NULL REFERENCES persistmem.namespaces ON DELETE CASCADE,
    model     smallint NOT NULL REFERENCES persistmem.embedding_models ON DELETE CASCADE,
    due_at    timestamptz NOT NULL,
    attempts  integer NOT NULL DEFAULT 0,
    -- Class and status of the last failure, never its text.
    failure   text,
    PRIMARY KEY (namespace, model)
);
CREATE INDEX missing_vectors_due ON persistmem.missing_vectors (model, due_at);
