-- name: begin_generation
-- The present generation of a namespace, which begins with this if there is none; one that is there costs no write.
WITH known AS (
    SELECT generation FROM persistmem.namespaces WHERE namespace = %(namespace)s::text
), begun AS (
    INSERT INTO persistmem.namespaces (namespace, generation, consent, created_at)
    SELECT %(namespace)s::text, %(generation)s::uuid, %(consent)s::text, %(now)s::timestamptz
    WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (namespace) DO UPDATE SET created_at = persistmem.namespaces.created_at
    RETURNING generation
)
SELECT generation FROM known UNION ALL SELECT generation FROM begun

-- name: hold_existing
-- Take the lock of a namespace that exists, and sign; one that does not is not made, lest an erased one come back by its name.
UPDATE persistmem.namespaces SET recent_writes = (ARRAY[%(write)s::uuid] || recent_writes)[1:16]
WHERE namespace = %(namespace)s::text
RETURNING generation, recent_writes[2] AS before

-- name: hold_generation
-- Keep an erase waiting until the transaction ends, or note for its other statements that the namespace's generation is over.
SELECT set_config('persistmem.generation', coalesce((
    SELECT 'current' FROM (
        SELECT FROM persistmem.namespaces
        WHERE namespace = %(namespace)s::text AND generation = %(generation)s::uuid
        FOR KEY SHARE
    ) AS held
), 'ended'), true) AS state

-- name: end_generation
-- Whoever writes in this namespace, or to a thread of it, has finished or will find its generation over; no row if there is none.
SELECT generation FROM persistmem.namespaces WHERE namespace = %(namespace)s::text FOR UPDATE
