-- part: of_these_kinds
    CROSS JOIN LATERAL (
        -- One by one, and so written that no index but the primary key fits: see search_exact.
        SELECT *
        FROM persistmem.memories k
        WHERE k.namespace = %(namespace)s::text AND k.id = near.memory_id AND k.status IS NOT DISTINCT FROM 'active'
          AND k.kind = ANY (%(kinds)s::text[]) AND NOT k.is_turn
        OFFSET 0
    ) m
    ORDER BY near.similarity DESC, near.memory_id
    LIMIT %(limit)s::bigint

-- name: neighbours
-- For each of several vectors the current memories nearest to it: the nearest vectors of the namespace are looked up one by one,
-- until enough of them are of these kinds.
SELECT q.ordinal, found.*
FROM unnest(%(embeddings)s::halfvec[]) WITH ORDINALITY AS q(embedding, ordinal)
CROSS JOIN LATERAL (
    SELECT near.similarity,
-- include: memory
    FROM (
        SELECT memory_id, max(similarity) AS similarity
        FROM (
            SELECT v.memory_id, -(v.{embedding} <#> q.embedding) AS similarity
            -- include: exact_scan
            ORDER BY similarity DESC, v.memory_id
            LIMIT %(looked_at)s::bigint
        ) compared
        GROUP BY memory_id
        ORDER BY max(similarity) DESC, memory_id
    ) near
-- include: of_these_kinds
) found
ORDER BY q.ordinal, found.similarity DESC, found.id

-- name: still_active
-- Which of these memories are current, and pinned, asked under the namespace's lock: what was decided upon may have
-- changed since.
SELECT m.id, m.pinned FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[]) AND m.status = 'active'

-- name: reinforce_memories
-- Known statements that were made again: the doubt loses a part in the share of each, which adds its messages to the evidence.
UPDATE persistmem.memories m
SET confirmations = m.confirmations + 1,
    confidence = least(1, m.confidence + (1 - m.confidence) * %(doubt_lost)s::float8 * r.confidence),
    importance = greatest(m.importance, r.importance),
    -- Only messages of its own thread: an id means nothing without one. Those that are there already are taken out first.
    provenance = CASE WHEN r.thread_id = m.thread_id
                      THEN jsonb_set(m.provenance, ARRAY['message_ids'],
                                     (coalesce(m.provenance -> 'message_ids', '[]') - r.message_ids) || r.added)
                      ELSE m.provenance END,
    updated_at = %(now)s::timestamptz
FROM json_to_recordset(%(rows)s::json) AS r(
    id uuid, importance real, confidence real, thread_id text, message_ids text[], added jsonb)
WHERE m.namespace = %(namespace)s::text AND m.id = r.id AND m.status = 'active'

-- name: supersede_memories
-- The validity of these memories ends where their successors' begins; they stay in the history.
UPDATE persistmem.memories m
SET status = 'superseded', valid_until = r.valid_until, superseded_by = r.by_memory, updated_at = %(now)s::timestamptz
FROM json_to_recordset(%(rows)s::json) AS r(id uuid, by_memory uuid, valid_until timestamptz)
WHERE m.namespace = %(namespace)s::text AND m.id = r.id AND m.status = 'active'
RETURNING m.id

-- name: insert_inactive
-- Memories that are not recalled: what was true before something else, and what waits for review.
-- include: insert_rows
ON CONFLICT (namespace, identity) WHERE status = 'quarantined' AND identity IS NOT NULL DO NOTHING
RETURNING id

-- name: record_changes
-- What changed and why; no content.
INSERT INTO persistmem.changes (namespace, id, memory_id, change, reason, by_memory, changed_at)
SELECT %(namespace)s::text, r.id, r.memory_id, r.change, r.reason, r.by_memory, %(now)s::timestamptz
FROM json_to_recordset(%(rows)s::json) AS r(id uuid, memory_id uuid, change text, reason text, by_memory uuid)
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = r.memory_id

-- name: list_changes
-- The log of a namespace, or of the versions under one key, newest first.
SELECT c.change, c.reason, c.changed_at, m.key, m.id, c.by_memory
FROM persistmem.changes c
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = c.memory_id
WHERE c.namespace = %(namespace)s::text AND (%(key)s::text IS NULL OR m.key = %(key)s::text)
ORDER BY c.id DESC
LIMIT %(limit)s::bigint

-- name: history
-- Every version under a key, and what these replaced under other keys; quarantined ones were never true.
WITH RECURSIVE chain AS (
    SELECT m.id FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.key = %(key)s::text AND m.status NOT IN ('quarantined', 'withheld')
    UNION
    SELECT before.id
    FROM chain
    JOIN persistmem.memories before ON before.namespace = %(namespace)s::text AND before.superseded_by = chain.id
)
SELECT
-- include: memory
FROM chain
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = chain.id
ORDER BY m.valid_from DESC, m.id DESC

-- name: get_version
-- One memory by its id, whatever its status.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.id = %(id)s::uuid

-- name: find_quarantined
-- The one that waits for review with this statement.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.identity = %(identity)s::bytea AND m.status = 'quarantined'

-- name: list_quarantined
-- What waits for review, oldest first.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.status = 'quarantined'
ORDER BY m.id
LIMIT %(limit)s::bigint

-- name: rivals
-- What is current, expired or not, where this memory would be: under its key, or with the same statement.
SELECT m.id, m.valid_from, m.pinned
FROM persistmem.memories m
JOIN persistmem.memories old ON old.namespace = %(namespace)s::text AND old.id = %(id)s::uuid
WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.id <> old.id
  AND (m.key = old.key OR m.identity = old.identity)

-- name: revive_memories
-- Superseded, archived or quarantined memories become current again, and their vectors are searched again.
WITH revived AS (
    UPDATE persistmem.memories m
    SET status = 'active', valid_until = NULL, superseded_by = NULL, review = NULL, review_of = NULL,
        updated_at = %(now)s::timestamptz
    WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[]) AND m.status <> 'active'
    RETURNING m.id
), shown AS (
    UPDATE persistmem.vectors v SET active = true, hnsw_index = NULL
    WHERE v.namespace = %(namespace)s::text AND v.memory_id = ANY (%(ids)s::uuid[])
)
SELECT id FROM revived

-- name: reject_memories
-- What was reviewed and refused goes for good, with all that names it; it has no terms.
WITH refused AS (
    DELETE FROM persistmem.memories
    WHERE namespace = %(namespace)s::text AND id = ANY (%(ids)s::uuid[]) AND status = 'quarantined'
    RETURNING id
), vectors AS (
    DELETE FROM persistmem.vectors
    WHERE namespace = %(namespace)s::text AND memory_id = ANY (ARRAY(SELECT id FROM refused))
), uses AS (
    DELETE FROM persistmem.uses
    WHERE namespace = %(namespace)s::text AND memory_id = ANY (ARRAY(SELECT id FROM refused))
), changes AS (
    DELETE FROM persistmem.changes
    WHERE namespace = %(namespace)s::text AND memory_id = ANY (ARRAY(SELECT id FROM refused))
), links AS (
    DELETE FROM persistmem.memory_turns
    WHERE namespace = %(namespace)s::text AND memory_id = ANY (ARRAY(SELECT id FROM refused))
)
SELECT id FROM refused

-- name: archive_memories
-- Memories that live on in a summary, or that nobody has needed for long; archived ones can be restored.
UPDATE persistmem.memories m
SET status = 'archived', superseded_by = %(by_memory)s::uuid, updated_at = %(now)s::timestamptz
WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[]) AND m.status = 'active'
RETURNING m.id
