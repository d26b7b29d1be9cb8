-- name: hold_namespace
-- Take the namespace's lock until the transaction ends, creating its row; an upsert, so that it is one round trip.
-- The consent is that of the locked row, so that nobody can change it before the transaction ends.
-- The transaction signs, so that it can be asked after if the answer to its COMMIT is lost.
INSERT INTO persistmem.namespaces AS n (namespace, generation, consent, created_at, recent_writes)
VALUES (%(namespace)s::text, %(generation)s::uuid, %(consent)s::text, %(now)s::timestamptz, ARRAY[%(generation)s::uuid])
-- Wrapped: a slice at the top of a SET ends the server's process on Citus 14.0.1.
ON CONFLICT (namespace) DO UPDATE SET recent_writes = coalesce((excluded.recent_writes || n.recent_writes)[1:16], '{}')
RETURNING n.generation, n.consent, n.documents, n.form, n.recent_writes[2] AS before

-- name: was_committed
-- Whether a transaction was committed, asked when no answer to COMMIT came; an upsert, to be rolled back, because it
-- waits for the transaction if the server is still at it. NULL: so many have signed since that nobody knows.
INSERT INTO persistmem.namespaces AS n (namespace, generation, created_at)
VALUES (%(namespace)s::text, %(write)s::uuid, now())
ON CONFLICT (namespace) DO UPDATE SET created_at = n.created_at
RETURNING CASE WHEN %(write)s::uuid = ANY (n.recent_writes) THEN true
               WHEN %(before)s::uuid = ANY (n.recent_writes) OR cardinality(n.recent_writes) < 16 THEN false END AS committed

-- name: read_state
-- The present generation of a namespace, and what the person allows; no row once it was erased.
SELECT generation, consent, documents, recent_writes[1] AS last_write FROM persistmem.namespaces WHERE namespace = %(namespace)s::text

-- name: list_namespaces
-- The namespaces that hold at least one current item, within a prefix; every shard is asked, by design.
SELECT DISTINCT m.namespace
FROM persistmem.memories m
WHERE (m.namespace = %(exact)s::text OR (m.namespace >= %(from)s::text AND m.namespace < %(until)s::text))
  AND m.status = 'active' AND m.listed
  AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
ORDER BY m.namespace

-- name: count_rows
-- What a namespace holds, for the status command.
SELECT (SELECT count(*) FROM persistmem.memories WHERE namespace = %(namespace)s::text AND status = 'active' AND listed) AS memories,
       (SELECT count(*) FROM persistmem.messages WHERE namespace = %(namespace)s::text) AS messages,
       (SELECT count(DISTINCT thread_id) FROM persistmem.messages WHERE namespace = %(namespace)s::text) AS threads

-- name: count_everything
-- What the whole database holds, for the status command; no content, no namespace.
SELECT (SELECT count(*) FROM persistmem.namespaces) AS namespaces,
       (SELECT count(*) FROM persistmem.memories WHERE status = 'active' AND listed) AS memories,
       (SELECT count(*) FROM persistmem.messages) AS messages

-- name: list_people
-- A page of the namespaces of one shape, by its key.
SELECT n.namespace, n.consent
FROM persistmem.namespaces n
WHERE (n.namespace = %(exact)s::text OR (n.namespace >= %(from)s::text AND n.namespace < %(until)s::text))
  AND n.namespace > %(after)s::text AND n.namespace ~ %(shape)s::text
ORDER BY n.namespace
LIMIT %(limit)s::integer

-- name: count_people
-- The number of rows in each of some namespaces, and when it was last used; those without any row are left out.
SELECT n.namespace, sum(n.memories)::bigint AS memories, sum(n.review)::bigint AS review, sum(n.messages)::bigint AS messages,
       sum(n.threads)::bigint AS threads, max(n.used_at) AS used_at
FROM (
    SELECT m.namespace, count(*) AS memories, 0 AS review, 0 AS messages, 0 AS threads, max(m.updated_at) AS used_at
    FROM persistmem.memories m
    WHERE m.namespace = ANY (%(namespaces)s::text[]) AND m.status = 'active' AND m.listed
    GROUP BY m.namespace
    UNION ALL
    SELECT r.namespace, 0, count(*), 0, 0, NULL
    FROM persistmem.memories r
    WHERE r.namespace = ANY (%(namespaces)s::text[]) AND r.status = 'quarantined'
    GROUP BY r.namespace
    UNION ALL
    SELECT t.namespace, 0, 0, count(*), count(DISTINCT t.thread_id), max(t.recorded_at)
    FROM persistmem.messages t
    WHERE t.namespace = ANY (%(namespaces)s::text[])
    GROUP BY t.namespace
    UNION ALL
    SELECT u.namespace, 0, 0, 0, 0, max(u.last_used_at)
    FROM persistmem.uses u
    WHERE u.namespace = ANY (%(namespaces)s::text[])
    GROUP BY u.namespace
) n
GROUP BY n.namespace

-- name: count_memories_by_period
-- How many current memories were recorded in each day, week or month, by kind; the whole database is counted for an operator.
SELECT date_trunc(%(step)s::text, m.recorded_at, 'UTC') AS start, m.kind, count(*) AS memories
FROM persistmem.memories m
WHERE (%(namespace)s::text IS NULL OR m.namespace = %(namespace)s::text) AND m.status = 'active' AND m.listed
  AND (%(since)s::timestamptz IS NULL OR m.recorded_at >= %(since)s::timestamptz)
GROUP BY 1, 2
ORDER BY 1, 2

-- name: count_messages_by_period
-- How many messages were stored in each day, week or month, and the length of their texts.
SELECT date_trunc(%(step)s::text, m.recorded_at, 'UTC') AS start, count(*) AS messages,
       coalesce(sum(char_length(m.text)), 0)::bigint AS characters
FROM persistmem.messages m
WHERE (%(namespace)s::text IS NULL OR m.namespace = %(namespace)s::text)
  AND (%(since)s::timestamptz IS NULL OR m.recorded_at >= %(since)s::timestamptz)
GROUP BY 1
ORDER BY 1
