-- name: begin_generation
-- The present state of a namespace, whose generation begins with this if there is none; one that is there costs no write.
WITH known AS (
    SELECT generation, consent, documents, recent_writes FROM persistmem.namespaces WHERE namespace = %(namespace)s::text
), begun AS (
    INSERT INTO persistmem.namespaces AS n (namespace, generation, consent, created_at)
    SELECT %(namespace)s::text, %(generation)s::uuid, %(consent)s::text, %(now)s::timestamptz
    WHERE NOT EXISTS (SELECT 1 FROM known)
    ON CONFLICT (namespace) DO UPDATE SET created_at = n.created_at
    RETURNING n.generation, n.consent, n.documents, n.recent_writes
)
SELECT s.generation, s.consent, s.documents, s.recent_writes[1] AS last_write
FROM (SELECT * FROM known UNION ALL SELECT * FROM begun) s

-- name: hold_existing
-- Take the lock of a namespace that exists, and sign; one that does not is not made, lest an erased one come back by its name.
-- Wrapped: a slice at the top of a SET ends the server's process on Citus 14.0.1.
UPDATE persistmem.namespaces SET recent_writes = coalesce((ARRAY[%(write)s::uuid] || recent_writes)[1:16], '{}')
WHERE namespace = %(namespace)s::text
RETURNING generation, recent_writes[2] AS before

-- name: hold_for_writing
-- Take the lock of a namespace whose generation was seen, until the transaction ends. Where that is over, or memory is paused, it fails
-- by a division by zero, as below: so what is written travels with it.
SELECT 1 / (SELECT count(*) FROM (
    SELECT 1
    FROM persistmem.namespaces
    WHERE namespace = %(namespace)s::text AND generation = %(generation)s::uuid AND consent <> 'paused'
    FOR NO KEY UPDATE
) AS held) AS held

-- name: hold_generation
-- Keep an erase waiting until the transaction ends. Where the namespace's generation is over it fails, by a division by zero, so that
-- nothing that comes after it in the same transaction is ever stored, in one round trip or several, on one server or many.
SELECT 1 / (SELECT count(*) FROM (
    SELECT 1
    FROM persistmem.namespaces
    WHERE namespace = %(namespace)s::text AND generation = %(generation)s::uuid
    FOR KEY SHARE
) AS held) AS held

-- name: end_generation
-- Whoever writes in this namespace, or to a thread of it, has finished or will find its generation over; no row if there is none.
SELECT generation FROM persistmem.namespaces WHERE namespace = %(namespace)s::text FOR UPDATE
