-- name: plan_erasure
-- What is about to be erased: written before, so that what is interrupted can be found. One entry for a generation.
INSERT INTO persistmem.erasures (id, generation, everything, memory_ids, turns, counts, erased_at)
SELECT %(id)s::uuid, %(generation)s::uuid, true, '{}', '{}', '{}', %(now)s::timestamptz
WHERE NOT EXISTS (
    SELECT 1 FROM persistmem.erasures WHERE generation = %(generation)s::uuid AND everything AND completed_at IS NULL
)

-- name: complete_erasures
-- A generation is over, and nothing of it was found: whatever was planned for it is done, or there is an entry now. Returns the entries.
WITH completed AS (
    UPDATE persistmem.erasures
    SET counts = %(counts)s::jsonb, completed_at = %(now)s::timestamptz
    WHERE generation = %(generation)s::uuid AND everything AND completed_at IS NULL
    RETURNING id
), added AS (
    INSERT INTO persistmem.erasures (id, generation, everything, memory_ids, turns, counts, completed_at, erased_at)
    SELECT %(id)s::uuid, %(generation)s::uuid, true, '{}', '{}', %(counts)s::jsonb, %(now)s::timestamptz, %(now)s::timestamptz
    WHERE NOT EXISTS (SELECT 1 FROM completed)
    RETURNING id
)
SELECT id FROM completed UNION ALL SELECT id FROM added

-- name: erasures_of_generation
-- The entries about everything of a generation.
SELECT id FROM persistmem.erasures WHERE generation = %(generation)s::uuid AND everything ORDER BY id

-- name: record_erasure
-- An entry as it is; one that is known stays as it is.
INSERT INTO persistmem.erasures (id, generation, everything, memory_ids, turns, counts, completed_at, erased_at)
VALUES (%(id)s::uuid, %(generation)s::uuid, %(everything)s::boolean, %(memory_ids)s::uuid[], %(turns)s::bytea[],
        %(counts)s::jsonb, %(completed_at)s::timestamptz, %(erased_at)s::timestamptz)
ON CONFLICT (id) DO NOTHING

-- name: list_erasures
-- The log after an entry, in the order of the ids, which is that of time.
SELECT id, generation, everything, memory_ids, turns, counts, completed_at, erased_at
FROM persistmem.erasures
WHERE id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
ORDER BY id
LIMIT %(limit)s::integer

-- name: open_erasures
-- Erasures that were begun and not completed, with the namespaces that still have the generations they are about.
SELECT e.generation, n.namespace
FROM persistmem.erasures e
LEFT JOIN persistmem.namespaces n ON n.generation = e.generation
WHERE e.everything AND e.completed_at IS NULL
ORDER BY n.namespace

-- name: namespaces_living
-- The namespaces that have any of these generations; after a restore, those that were erased since the backup.
SELECT n.namespace, n.generation FROM persistmem.namespaces n
WHERE n.generation IN (SELECT unnest(%(generations)s::uuid[]))
ORDER BY n.namespace

-- name: turns_erased
-- The turns of a namespace whose digests are in the log.
SELECT t.thread_id, t.id FROM persistmem.messages t
WHERE t.namespace = %(namespace)s::text
  AND sha256(convert_to(%(generation)s::text || ':' || octet_length(t.thread_id) || ':' || t.thread_id || ':' || t.id, 'UTF8'))
      IN (SELECT unnest(%(turns)s::bytea[]))
ORDER BY t.thread_id, t.id

-- name: memories_there
-- Which of these memories exist.
SELECT m.id FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[])
ORDER BY m.id
