-- name: hold_namespace
-- Take the namespace's lock until the transaction ends, creating its row; an upsert, so that it is one round trip.
INSERT INTO persistmem.namespaces (namespace, incarnation, created_at)
VALUES (%(namespace)s::text, %(incarnation)s::uuid, %(now)s::timestamptz)
ON CONFLICT (namespace) DO UPDATE SET created_at = persistmem.namespaces.created_at
RETURNING incarnation

-- name: incarnation_of
-- The present life of a namespace; no row once it was erased.
SELECT incarnation FROM persistmem.namespaces WHERE namespace = %(namespace)s::text

-- name: list_namespaces
-- The namespaces that hold at least one current item, within a prefix; every shard is asked, by design.
SELECT DISTINCT m.namespace
FROM persistmem.memories m
WHERE (m.namespace = %(exact)s::text OR (m.namespace >= %(from)s::text AND m.namespace < %(until)s::text))
  AND m.status = 'active'
  AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
ORDER BY m.namespace

-- name: count_rows
-- What a namespace holds, for the status command.
SELECT (SELECT count(*) FROM persistmem.memories WHERE namespace = %(namespace)s::text AND status = 'active') AS memories,
       (SELECT count(*) FROM persistmem.messages WHERE namespace = %(namespace)s::text) AS messages,
       (SELECT count(DISTINCT thread_id) FROM persistmem.messages WHERE namespace = %(namespace)s::text) AS threads

-- name: count_everything
-- What the whole database holds, for the status command; no content, no namespace.
SELECT (SELECT count(*) FROM persistmem.namespaces) AS namespaces,
       (SELECT count(*) FROM persistmem.memories WHERE status = 'active') AS memories,
       (SELECT count(*) FROM persistmem.messages) AS messages
