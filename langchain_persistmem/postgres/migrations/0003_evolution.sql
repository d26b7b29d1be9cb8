-- Memories that change: why one waits for review, what changed and why, which work is open, what was spent.

-- Why a quarantined memory waits, in the program's words; and the memory that it would replace.
ALTER TABLE persistmem.memories ADD COLUMN review text;
ALTER TABLE persistmem.memories ADD COLUMN review_of uuid;
-- The same statement is put up for review once.
CREATE UNIQUE INDEX memories_quarantined_identity ON persistmem.memories (namespace, identity)
    WHERE status = 'quarantined' AND identity IS NOT NULL;
-- History: every version under a key, and what a memory replaced or a summary stands for.
CREATE INDEX memories_versions ON persistmem.memories (namespace, key) WHERE status <> 'active';
CREATE INDEX memories_predecessors ON persistmem.memories (namespace, superseded_by) WHERE superseded_by IS NOT NULL;

-- What changed and why, without content. What was added is its own record.
CREATE TABLE persistmem.changes (
    namespace  text COLLATE "C" NOT NULL,
    id         uuid NOT NULL,
    memory_id  uuid NOT NULL,
    change     text NOT NULL CHECK (change IN
               ('reinforced', 'superseded', 'quarantined', 'approved', 'rejected', 'archived', 'restored')),
    reason     text NOT NULL,
    -- The memory that brought it about: a successor, or a summary.
    by_memory  uuid,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (namespace, id),
    FOREIGN KEY (namespace, memory_id) REFERENCES persistmem.memories ON DELETE CASCADE
);
CREATE INDEX changes_of_memory ON persistmem.changes (namespace, memory_id, id);

-- A turn that no attempt could be learnt from: kept, listed with the class of the failure, and left out until it is retried.
ALTER TABLE persistmem.messages ADD COLUMN given_up_at timestamptz;
ALTER TABLE persistmem.messages ADD COLUMN failure text;
CREATE INDEX messages_given_up ON persistmem.messages (namespace, thread_id) WHERE given_up_at IS NOT NULL;

-- Threads that wait to be learnt from. One row for a thread, written with its messages: outbox and debounce in one.
CREATE TABLE persistmem.pending_work (
    namespace    text COLLATE "C" NOT NULL REFERENCES persistmem.namespaces ON DELETE CASCADE,
    thread_id    text COLLATE "C" NOT NULL CHECK (octet_length(thread_id) BETWEEN 1 AND 1024),
    -- Grows with every new message: a worker acknowledges what it saw, and newer messages keep the row.
    generation   bigint NOT NULL DEFAULT 1,
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

-- Memories up to this id have been looked through for habits, so that a chat model is asked about each once.
ALTER TABLE persistmem.namespaces ADD COLUMN enriched_to uuid;
