-- name: begin_life
-- The present life of a namespace, which begins with this if there is none; one that lives costs no write.
WITH known AS (
    SELECT incarnation FROM persistmem.namespaces WHERE namespace = %(namespace)s::text
), begun AS (
    INSERT INTO persistmem.namespaces (namespace, incarnation, consent, created_at)
    SELECT %(namespace)s::text, %(incarnation)s::uuid, %(consent)s::text, %(now)s::timestamptz
    WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (namespace) DO UPDATE SET created_at = persistmem.namespaces.created_at
    RETURNING incarnation
)
SELECT incarnation FROM known UNION ALL SELECT incarnation FROM begun

-- name: hold_living
-- Take the lock of a namespace that exists, and sign; one that does not is not made, lest an erased one come back by its name.
UPDATE persistmem.namespaces SET recent_writes = (ARRAY[%(write)s::uuid] || recent_writes)[1:16]
WHERE namespace = %(namespace)s::text
RETURNING incarnation, recent_writes[2] AS before

-- name: hold_life
-- Keep an erase waiting until the transaction ends, or note for its other statements that the namespace's life is over.
SELECT set_config('persistmem.life', coalesce((
    SELECT 'on' FROM (
        SELECT FROM persistmem.namespaces
        WHERE namespace = %(namespace)s::text AND incarnation = %(incarnation)s::uuid
        FOR KEY SHARE
    ) AS held
), 'over'), true) AS life

-- name: end_life
-- Whoever writes in this namespace, or to a thread of it, has finished or will find its life over; no row if there is none.
SELECT incarnation FROM persistmem.namespaces WHERE namespace = %(namespace)s::text FOR UPDATE
