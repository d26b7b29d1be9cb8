-- name: register_thread
-- Whose thread it is; the answer is the present generation of that namespace, which begins with this if there is none. A thread that is known costs no write.
WITH known AS (
    SELECT n.generation
    FROM persistmem.namespaces n
    JOIN persistmem.threads t ON t.namespace = %(namespace)s::text AND t.thread_id = %(thread_id)s::text
    WHERE n.namespace = %(namespace)s::text
), held AS (
    INSERT INTO persistmem.namespaces (namespace, generation, consent, created_at)
    SELECT %(namespace)s::text, %(generation)s::uuid, %(consent)s::text, %(now)s::timestamptz
    WHERE NOT EXISTS (SELECT 1 FROM known)
    ON CONFLICT (namespace) DO UPDATE SET created_at = persistmem.namespaces.created_at
    RETURNING generation
), registered AS (
    INSERT INTO persistmem.threads (namespace, thread_id, recorded_at)
    SELECT %(namespace)s::text, %(thread_id)s::text, %(now)s::timestamptz FROM held
    ON CONFLICT (namespace, thread_id) DO NOTHING
)
SELECT generation FROM known UNION ALL SELECT generation FROM held

-- name: copy_registrations
-- A copy of a thread belongs to whom the thread belongs.
INSERT INTO persistmem.threads (namespace, thread_id, off_record, recorded_at)
SELECT namespace, %(target)s::text, off_record, %(now)s::timestamptz
FROM persistmem.threads WHERE thread_id = %(source)s::text
ON CONFLICT (namespace, thread_id) DO NOTHING

-- name: threads_of
-- The threads of a namespace, however it is known that they are: its checkpoints go with it.
SELECT thread_id FROM persistmem.threads WHERE namespace = (SELECT %(namespace)s::text)
UNION
SELECT thread_id FROM persistmem.messages WHERE namespace = (SELECT %(namespace)s::text)
UNION
SELECT thread_id FROM persistmem.memories WHERE namespace = (SELECT %(namespace)s::text) AND thread_id IS NOT NULL
ORDER BY thread_id

-- name: list_conversations
-- The threads of a namespace with the figures of their messages, the one of the latest message first.
SELECT t.thread_id, coalesce(c.messages, 0) AS messages, coalesce(c.started_at, t.recorded_at) AS started_at, c.last_message_at,
       coalesce(c.open, 0) AS open, coalesce(c.dead_letters, 0) AS dead_letters, t.off_record
FROM persistmem.threads t
LEFT JOIN (
    SELECT m.thread_id, count(*) AS messages, min(m.sent_at) AS started_at, max(m.sent_at) AS last_message_at,
           count(*) FILTER (WHERE m.extracted_at IS NULL AND m.given_up_at IS NULL) AS open,
           count(m.given_up_at) AS dead_letters
    FROM persistmem.messages m
    WHERE m.namespace = %(namespace)s::text
    GROUP BY m.thread_id
) c ON c.thread_id = t.thread_id
WHERE t.namespace = %(namespace)s::text
ORDER BY coalesce(c.last_message_at, t.recorded_at) DESC, t.thread_id
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint

-- name: threads_of_others
-- Which of these threads somebody else has too.
SELECT DISTINCT thread_id FROM persistmem.threads
WHERE thread_id = ANY (%(thread_ids)s::text[]) AND namespace <> ALL (%(namespaces)s::text[])
ORDER BY thread_id

-- name: next_checkpoint_threads
-- The threads with checkpoints after one, a page at a time: thread by thread, in the index. What a run stored that named a person is
-- left out by an index of its own, so that an erase costs the same however many threads there are.
WITH RECURSIVE walk AS (
    (SELECT c.thread_id, 1 AS number FROM checkpoints c WHERE c.thread_id > %(after)s::text AND {unowned} ORDER BY c.thread_id LIMIT 1)
  UNION ALL
    SELECT (SELECT c.thread_id FROM checkpoints c WHERE c.thread_id > walk.thread_id AND {unowned} ORDER BY c.thread_id LIMIT 1),
           walk.number + 1
    FROM walk WHERE walk.thread_id IS NOT NULL AND walk.number < %(limit)s::integer
)
SELECT thread_id FROM walk WHERE thread_id IS NOT NULL

-- name: threads_of_anybody
-- Which of these threads belong to anybody; every shard is asked, by design.
SELECT DISTINCT t.thread_id FROM persistmem.threads t WHERE t.thread_id = ANY (%(thread_ids)s::text[])
