-- The whole schema as it is today, to be read; a test compares it with what the migrations build.
-- Databases are made by setup(), which runs the migrations and never this file.

CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA persistmem;

-- What this database has been through.
CREATE TABLE persistmem.migrations (
    name       text NOT NULL PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL
);

-- Whose memories. The row is also the lock of its namespace: every write takes it first.
CREATE TABLE persistmem.namespaces (
    namespace   text COLLATE "C" NOT NULL PRIMARY KEY CHECK (octet_length(namespace) BETWEEN 1 AND 512),
    -- A new one after each erasure of the namespace: work begun before an erase finds another and stops.
    generation uuid NOT NULL,
    -- How many memories can be found by terms, and the sum of these: BM25 needs both.
    documents   bigint NOT NULL DEFAULT 0,
    terms       bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    -- The latest transactions that were committed here, newest first: what became of one whose answer was lost.
    recent_writes uuid[] NOT NULL DEFAULT '{}',
    -- Memories up to this id have been looked through for habits.
    habits_through uuid,
    -- What the person allows: everything, keeping without learning, or nothing at all.
    consent     text NOT NULL DEFAULT 'allowed' CHECK (consent IN ('allowed', 'no_extract', 'paused')),
    -- The end of the audit's chain: how many entries there are, and the digest of the last.
    audit_length bigint NOT NULL DEFAULT 0,
    audit_head  bytea,
    -- The partial HNSW index of a large namespace, and how many memories it had when it last took or changed it.
    hnsw_index  smallint,
    hnsw_documents bigint NOT NULL DEFAULT 0,
    -- The form of everything that is derived here. 1 and 2 are those of before, see rewrites: 2 has identities, links and turns,
    -- 3 folded terms as well.
    form        smallint NOT NULL DEFAULT 3
) WITH (fillfactor = 70);

-- Embedding models; their number stands beside every vector, so that two are never compared.
CREATE TABLE persistmem.embedding_models (
    model      smallint NOT NULL PRIMARY KEY,
    name       text COLLATE "C" NOT NULL UNIQUE,
    dimensions integer NOT NULL CHECK (dimensions BETWEEN 1 AND 16000),
    -- Cosines of unrelated sentences under this model: what "no relation" looks like.
    background_mean      double precision NOT NULL,
    background_deviation double precision NOT NULL CHECK (background_deviation > 0),
    recorded_at timestamptz NOT NULL
);

CREATE TABLE persistmem.memories (
    namespace     text COLLATE "C" NOT NULL REFERENCES persistmem.namespaces ON DELETE CASCADE,
    id            uuid NOT NULL,
    key           text COLLATE "C" NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 1024),
    kind          text NOT NULL CHECK (kind IN ('semantic', 'episodic', 'procedural', 'profile')),
    status        text NOT NULL DEFAULT 'active'
                  CHECK (status IN ('active', 'superseded', 'archived', 'quarantined', 'withheld')),
    -- What it is recalled by; NULL for a store item that was put with index=False.
    text          text,
    -- json, not jsonb: what was put comes back to the letter (1e16, -0.0, the order of keys).
    value         json NOT NULL,
    -- Hash of what makes two memories the same one; NULL for items put through the store.
    identity      bytea,
    importance    real NOT NULL CHECK (importance BETWEEN 0 AND 1),
    confidence    real NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    confirmations integer NOT NULL DEFAULT 0,
    speaker       text,
    source        text NOT NULL
                  CHECK (source IN ('user', 'assistant', 'tool', 'document', 'import', 'operator', 'store')),
    provenance    jsonb NOT NULL,
    thread_id     text COLLATE "C",
    position      bigint,
    valid_from    timestamptz NOT NULL,
    valid_until   timestamptz,
    recorded_at   timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    superseded_by uuid,
    expires_at    timestamptz,
    time_to_live  interval,
    -- Why a quarantined memory waits, in the program's words; and the memory that it would replace.
    review        text,
    review_of     uuid,
    -- What a person wants kept as it is: no rule archives it, and no model replaces it unseen.
    pinned        boolean NOT NULL DEFAULT false,
    -- A turn of a conversation, whose id follows from it; and whether lists show it beside statements and items.
    is_turn       boolean NOT NULL DEFAULT false,
    listed        boolean NOT NULL DEFAULT true,
    -- Preference, goal, fact, decision, or an application's own word.
    category      text CHECK (octet_length(category) BETWEEN 1 AND 64),
    -- When it was said; the sender's minutes from UTC then; what valid_from is.
    told_at       timestamptz,
    utc_offset    smallint CHECK (utc_offset BETWEEN -1439 AND 1439),
    date_precision text CHECK (date_precision IN ('told', 'time', 'day', 'month', 'season', 'year', 'about')),
    PRIMARY KEY (namespace, id),
    -- Only a turn is withheld: it follows the statements that rest on it. And only a turn is not listed.
    CONSTRAINT memories_withheld_check CHECK (is_turn OR status <> 'withheld'),
    CONSTRAINT memories_listed_check CHECK (is_turn OR listed)
);
-- One current memory per key, and one per statement, whoever writes at the same time.
CREATE UNIQUE INDEX memories_current_key ON persistmem.memories (namespace, key) WHERE status = 'active';
CREATE UNIQUE INDEX memories_current_identity ON persistmem.memories (namespace, identity)
    WHERE status = 'active' AND identity IS NOT NULL;
-- The same statement is put up for review once.
CREATE UNIQUE INDEX memories_quarantined_identity ON persistmem.memories (namespace, identity)
    WHERE status = 'quarantined' AND identity IS NOT NULL;
-- History: every version under a key, and what a memory replaced or a summary stands for.
CREATE INDEX memories_versions ON persistmem.memories (namespace, key) WHERE status <> 'active';
CREATE INDEX memories_predecessors ON persistmem.memories (namespace, superseded_by) WHERE superseded_by IS NOT NULL;
-- Listing, newest first.
CREATE INDEX memories_newest ON persistmem.memories (namespace, updated_at DESC) WHERE status = 'active' AND listed;
-- What stands before a model whatever is asked: the statements of most importance.
CREATE INDEX memories_statements ON persistmem.memories (namespace, importance DESC, id DESC)
    WHERE status = 'active' AND NOT is_turn AND text IS NOT NULL AND kind IN ('semantic', 'episodic')
          AND source NOT IN ('store', 'document');
-- Instructions enter every context.
CREATE INDEX memories_instructions ON persistmem.memories (namespace, importance DESC)
    WHERE kind = 'procedural' AND status = 'active';
-- The sweep of what has expired.
CREATE INDEX memories_expiry ON persistmem.memories (expires_at) WHERE expires_at IS NOT NULL;

-- How often a memory entered a context. Its own table: reads never write, and counters
-- would unsettle the vectors' visibility map. This and all others that name a memory have no foreign key to it (decision 37):
-- whoever writes them looks the memories up, and whoever deletes memories deletes them too.
CREATE TABLE persistmem.uses (
    namespace    text COLLATE "C" NOT NULL,
    memory_id    uuid NOT NULL,
    times        bigint NOT NULL,
    last_used_at timestamptz NOT NULL,
    -- The last use on an earlier day than the last one: what is known as of the beginning of a thread.
    prior_used_at timestamptz,
    PRIMARY KEY (namespace, memory_id)
) WITH (fillfactor = 70);

-- One row per vector; a long memory has several parts. Narrow, so that the rows of a namespace lie together.
CREATE TABLE persistmem.vectors (
    namespace  text COLLATE "C" NOT NULL,
    memory_id  uuid NOT NULL,
    model      smallint NOT NULL REFERENCES persistmem.embedding_models,
    part       smallint NOT NULL,
    -- Only current memories are scanned.
    active     boolean NOT NULL,
    expires_at timestamptz,
    -- Up to 1,024 dimensions a vector fits into the covering index below; a wider one lies in
    -- the row. Exactly one of the two is filled.
    embedding  halfvec,
    wide       halfvec,
    -- The vector lies here at length 1; this is the length that the model gave it.
    norm       real NOT NULL DEFAULT 1,
    -- The HNSW index that it is in, one of those below; NULL: it is new, or its namespace is small, and it is compared exactly.
    hnsw_index smallint,
    PRIMARY KEY (namespace, memory_id, model, part),
    CHECK (num_nonnulls(embedding, wide) = 1)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_vacuum_insert_threshold = 500, autovacuum_vacuum_threshold = 200);
ALTER TABLE persistmem.vectors ALTER embedding SET STORAGE PLAIN, ALTER wide SET STORAGE MAIN;
-- The exact search: one index-only scan of one namespace, or of what is in no HNSW index in it.
CREATE INDEX vectors_scan ON persistmem.vectors (namespace, model, hnsw_index)
    INCLUDE (memory_id, part, expires_at, embedding) WHERE active;
-- A fair sample of what is in an HNSW index, an eighth of it, by which recall knows what is usual there. The condition is wrapped so
-- that the planner takes no other index for as good.
CREATE INDEX vectors_sample ON persistmem.vectors (namespace, model, uuid_hash(memory_id))
    INCLUDE (memory_id, part, expires_at, embedding)
    WHERE nullif(active AND hnsw_index IS NOT NULL AND uuid_hash(memory_id) & 7 = 0, false) IS NOT NULL;
-- And 16 partial HNSW indexes for each embedding model, made when it is registered: vector_index/hnsw_indexes.sql.

-- How full each HNSW index is: all vectors of a large namespace are in one, the emptiest, so that it holds little else.
CREATE TABLE persistmem.hnsw_indexes (
    hnsw_index smallint NOT NULL PRIMARY KEY,
    documents  bigint NOT NULL DEFAULT 0 CHECK (documents >= 0)
);
INSERT INTO persistmem.hnsw_indexes (hnsw_index) SELECT generate_series(0, 15);

-- One row per full-text term of a current memory: a plain btree gives true BM25 statistics per namespace
-- and, unlike GIN, serves row-level security too. Small numbers, as these rows are the most.
CREATE TABLE persistmem.terms (
    namespace text COLLATE "C" NOT NULL,
    term      text COLLATE "C" NOT NULL,
    memory_id uuid NOT NULL,
    times     smallint NOT NULL,
    -- Terms in the memory.
    length    smallint NOT NULL,
    PRIMARY KEY (namespace, term, memory_id) INCLUDE (times, length)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02);
-- By the memory alone, so that the planner cannot take it for an index of a namespace's terms.
CREATE INDEX terms_of_memory ON persistmem.terms (memory_id);

-- Conversations as they were, whatever was learnt from them.
CREATE TABLE persistmem.messages (
    namespace    text COLLATE "C" NOT NULL REFERENCES persistmem.namespaces ON DELETE CASCADE,
    thread_id    text COLLATE "C" NOT NULL CHECK (octet_length(thread_id) BETWEEN 1 AND 1024),
    id           text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 1024),
    position     bigint NOT NULL,
    role         text NOT NULL CHECK (role IN ('user', 'assistant', 'system', 'tool')),
    speaker      text,
    text         text NOT NULL,
    content      json NOT NULL,
    sent_at      timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    -- NULL until memory has looked at it: what a crash leaves is found again.
    extracted_at timestamptz,
    -- A turn that no attempt could be learnt from: listed with the class of the failure, and left out until it is retried.
    given_up_at  timestamptz,
    failure      text,
    -- Said while nothing was to be learnt: it stays unlearnt, and no model is shown it for learning.
    withheld     boolean NOT NULL DEFAULT false,
    -- The current turn of this message; the version of its words; by what an edit is told from a repetition.
    turn_id      uuid,
    version      smallint NOT NULL DEFAULT 1 CHECK (version >= 1),
    digest       bytea,
    utc_offset   smallint CHECK (utc_offset BETWEEN -1439 AND 1439),
    -- What became of the turn, in the program's words; NULL until its row of memories is made, or it is known that it has none.
    outcome      text CHECK (octet_length(outcome) BETWEEN 1 AND 64),
    PRIMARY KEY (namespace, thread_id, id),
    UNIQUE (namespace, thread_id, position)
);
CREATE UNIQUE INDEX messages_turn ON persistmem.messages (namespace, turn_id) WHERE turn_id IS NOT NULL;
CREATE INDEX messages_without_outcome ON persistmem.messages (namespace, thread_id, position) WHERE outcome IS NULL;
CREATE INDEX messages_to_extract ON persistmem.messages (namespace, thread_id, position) WHERE extracted_at IS NULL;
CREATE INDEX messages_given_up ON persistmem.messages (namespace, thread_id) WHERE given_up_at IS NOT NULL;

-- On which turns a statement rests, and the words of each that say so.
CREATE TABLE persistmem.memory_turns (
    namespace text COLLATE "C" NOT NULL,
    memory_id uuid NOT NULL,
    turn_id   uuid NOT NULL,
    quote     text,
    PRIMARY KEY (namespace, memory_id, turn_id)
);
CREATE INDEX memory_turns_of_turn ON persistmem.memory_turns (namespace, turn_id);

-- Statements that were found in a turn and dropped, and why. They go with the message.
CREATE TABLE persistmem.omissions (
    namespace   text COLLATE "C" NOT NULL,
    id          uuid NOT NULL,
    thread_id   text COLLATE "C" NOT NULL,
    message_id  text COLLATE "C" NOT NULL,
    version     smallint NOT NULL,
    text        text NOT NULL,
    reason      text NOT NULL CHECK (octet_length(reason) BETWEEN 1 AND 64),
    -- The known memory that it was to change.
    about       uuid,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (namespace, id),
    FOREIGN KEY (namespace, thread_id, message_id) REFERENCES persistmem.messages ON DELETE CASCADE
);
CREATE INDEX omissions_of_message ON persistmem.omissions (namespace, thread_id, message_id);

-- What changed and why, without content. What was added is its own record.
CREATE TABLE persistmem.changes (
    namespace  text COLLATE "C" NOT NULL,
    id         uuid NOT NULL,
    memory_id  uuid NOT NULL,
    change     text NOT NULL CHECK (change IN
               ('reinforced', 'superseded', 'quarantined', 'approved', 'rejected', 'archived', 'restored', 'pinned',
                'unpinned')),
    reason     text NOT NULL,
    -- The memory that brought it about: a successor, or a summary.
    by_memory  uuid,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (namespace, id)
);
CREATE INDEX changes_of_memory ON persistmem.changes (namespace, memory_id, id);

-- Threads that wait to be learnt from. One row for a thread, written with its messages: outbox and debounce in one.
CREATE TABLE persistmem.pending_work (
    namespace    text COLLATE "C" NOT NULL REFERENCES persistmem.namespaces ON DELETE CASCADE,
    thread_id    text COLLATE "C" NOT NULL CHECK (octet_length(thread_id) BETWEEN 1 AND 1024),
    -- Grows with every new message: a worker acknowledges what it saw, and newer messages keep the row.
    revision     bigint NOT NULL DEFAULT 1,
    due_at       timestamptz NOT NULL,
    -- Who works on it, and until when that is believed.
    lease        uuid,
    leased_until timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    -- Class and status of the last failure, never its text, which may quote a message.
    failure      text,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (namespace, thread_id)
) WITH (fillfactor = 70);
CREATE INDEX pending_work_due ON persistmem.pending_work (due_at);

-- Calls of the chat model by namespace and day (UTC), for the daily cap.
CREATE TABLE persistmem.model_calls (
    namespace text COLLATE "C" NOT NULL REFERENCES persistmem.namespaces ON DELETE CASCADE,
    day       date NOT NULL,
    calls     integer NOT NULL,
    PRIMARY KEY (namespace, day)
) WITH (fillfactor = 70);

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

-- What was erased, to be erased again after a backup was restored. It names nobody: an generation is a
-- random id that the erased namespace had, and that a restored one has again.
CREATE TABLE persistmem.erasures (
    id          uuid NOT NULL PRIMARY KEY,
    generation uuid NOT NULL,
    everything  boolean NOT NULL,
    memory_ids  uuid[] NOT NULL,
    -- SHA-256 of generation, thread and message id: turns that were erased with their memories.
    turns       bytea[] NOT NULL,
    counts      jsonb NOT NULL,
    -- NULL until the verification has found nothing left.
    completed_at timestamptz,
    erased_at   timestamptz NOT NULL
);
CREATE INDEX erasures_of_generation ON persistmem.erasures (generation);

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

-- Namespaces that are being brought to the present form, and how far that is.
CREATE TABLE persistmem.rewrites (
    namespace  text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES persistmem.namespaces ON DELETE CASCADE,
    generation uuid NOT NULL,
    step       text NOT NULL DEFAULT 'terms' CHECK (step IN ('terms', 'memories', 'turns')),
    -- The last memory that is done. Messages that are done have an outcome.
    memory_id  uuid,
    rows_done  bigint NOT NULL DEFAULT 0,
    -- Infinity: the rest waits for the person's consent.
    due_at     timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,
    -- Class and status of the last failure, never its text.
    failure    text,
    created_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX rewrites_due ON persistmem.rewrites (due_at);

-- Where the tables are distributed over several nodes: which namespaces have work, so that a worker that looks for it asks one
-- node and not all. A hint, and no foreign key: what is done is decided by the tables of the work itself.
CREATE TABLE persistmem.work_queue (
    namespace text COLLATE "C" NOT NULL,
    task      text NOT NULL CHECK (task IN ('learn', 'vectors', 'rewrite')),
    -- The embedding model whose vectors are missing; 0 for other tasks.
    model     smallint NOT NULL DEFAULT 0,
    -- When to look there.
    due_at    timestamptz NOT NULL,
    -- Grows each time: who found nothing removes the row only as it saw it.
    revision  bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (namespace, task, model)
) WITH (fillfactor = 70);
CREATE INDEX work_queue_due ON persistmem.work_queue (task, model, due_at);

-- Row-level security: what a transaction may see by what it says of itself. The policies mean nothing until row-level
-- security is enabled on the tables, which is a step of its own (`persistmem rls enable`).
--   persistmem.namespace    the namespace it is about
--   persistmem.namespaces   several of them, as text[]
--   persistmem.prefixes       prefixes, as text[], each ending with "/": read only
--   persistmem.all_namespaces   'on': background work, upkeep, the schema itself
-- Nothing said, nothing seen. The policy of the own namespace sorts last by name and is asked first (decision 27).
DO $policies$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'namespaces', 'memories', 'uses', 'vectors', 'terms', 'messages', 'changes', 'pending_work', 'model_calls',
        'threads', 'audit', 'missing_vectors', 'memory_turns', 'omissions', 'rewrites', 'work_queue'
    ] LOOP
        EXECUTE 'CREATE POLICY persistmem_all_namespaces ON persistmem.' || name || $policy$
            USING (current_setting('persistmem.all_namespaces', true) = 'on')
        $policy$;
        EXECUTE 'CREATE POLICY persistmem_by_prefix ON persistmem.' || name || $policy$
            FOR SELECT
            USING ((namespace || '/') ^@ ANY (nullif(current_setting('persistmem.prefixes', true), '')::text[]))
        $policy$;
        EXECUTE 'CREATE POLICY persistmem_own_namespace ON persistmem.' || name || $policy$
            USING (namespace = current_setting('persistmem.namespace', true)
                   OR namespace = ANY (nullif(current_setting('persistmem.namespaces', true), '')::text[]))
        $policy$;
    END LOOP;
END
$policies$;
