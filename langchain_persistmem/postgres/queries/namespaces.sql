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
SELECT generation, consent FROM persistmem.namespaces WHERE namespace = %(namespace)s::text

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
-- The number of rows in each of some namespaces, those without any left out.
SELECT n.namespace, sum(n.memories)::bigint AS memories, sum(n.messages)::bigint AS messages, sum(n.threads)::bigint AS threads
FROM (
    SELECT m.namespace, count(*) AS memories, 0 AS messages, 0 AS threads
    FROM persistmem.memories m
    WHERE m.namespace = ANY (%(namespaces)s::text[]) AND m.status = 'active' AND m.listed
    GROUP BY m.namespace
    UNION ALL
    SELECT t.namespace, 0, count(*), count(DISTINCT t.thread_id)
    FROM persistmem.messages t
    WHERE t.namespace = ANY (%(namespaces)s::text[])
    GROUP BY t.namespace
) n
GROUP BY n.namespace
