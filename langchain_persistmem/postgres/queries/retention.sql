-- name: namespaces_after
-- The namespaces of the database, a page at a time; every shard is asked, by design.
SELECT n.namespace, n.generation, n.consent
FROM persistmem.namespaces n
WHERE n.namespace > %(after)s::text
ORDER BY n.namespace
LIMIT %(limit)s::integer

-- name: compressible
-- Old memories that may go into a summary, oldest first, a window at a time. What has a key of its own, is pinned, expires,
-- or is derived already stays.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.kind = %(kind)s::text AND m.text IS NOT NULL
  AND m.listed
  AND m.key = m.id::text AND m.source <> 'store' AND m.importance < 1 AND NOT m.pinned AND m.expires_at IS NULL
  AND coalesce(m.provenance ->> 'extractor', '') <> ALL (%(derived)s::text[])
  AND (CASE WHEN m.updated_at > m.recorded_at THEN greatest(m.valid_from, m.updated_at) ELSE m.valid_from END)
      < %(before)s::timestamptz
  AND (%(after)s::uuid IS NULL OR (m.valid_from, m.id) > (%(after_from)s::timestamptz, %(after)s::uuid))
ORDER BY m.valid_from, m.id
LIMIT %(limit)s::integer

-- name: similar_pairs
-- The pairs among a window of memories that are at least so similar, by their places in it.
WITH chosen AS MATERIALIZED (
    SELECT given.place, v.{embedding} AS embedding
    FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS given(id, place)
    JOIN persistmem.vectors v ON v.namespace = %(namespace)s::text AND v.memory_id = given.id
                             AND v.model = %(model)s::smallint AND v.part = 0
)
SELECT one.place AS one, other.place AS other, -(one.embedding <#> other.embedding) AS similarity
FROM chosen one
JOIN chosen other ON one.place < other.place
WHERE -(one.embedding <#> other.embedding) >= %(floor)s::float8

-- name: read_usage
-- What the rules of retention go by, for every current memory that they may touch.
SELECT m.id, m.kind, m.importance, m.confidence, m.pinned, coalesce(u.times, 0) AS uses, u.last_used_at AS used_at,
       CASE WHEN m.updated_at > m.recorded_at THEN greatest(m.valid_from, m.updated_at) ELSE m.valid_from END AS stated_at
FROM persistmem.memories m
LEFT JOIN persistmem.uses u ON u.namespace = %(namespace)s::text AND u.memory_id = m.id
WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.kind <> 'profile' AND m.source <> 'store' AND m.listed
ORDER BY m.id

-- name: fading_turns
-- Turns that lists do not show and on which nothing rests, beyond an age or a number: the others follow their statements.
SELECT t.id
FROM (SELECT m.id, m.valid_from, row_number() OVER (ORDER BY m.valid_from DESC, m.id DESC) AS number
      FROM persistmem.memories m
      WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.is_turn AND NOT m.listed AND NOT m.pinned
        AND NOT EXISTS (SELECT 1 FROM persistmem.memory_turns l WHERE l.namespace = %(namespace)s::text AND l.turn_id = m.id)) t
WHERE t.valid_from < %(before)s::timestamptz OR t.number > %(most)s::bigint
ORDER BY t.id

-- name: droppable_turns
-- Turns that are erased where they are switched off. What a person has pinned or rejected stays.
SELECT m.id
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.is_turn AND NOT m.pinned
  AND (m.status <> 'withheld' OR m.review IS NULL OR m.review = %(approval)s::text)
ORDER BY m.id
LIMIT %(limit)s::bigint

-- name: mark_dropped
-- The messages of turns that are erased: they become turns again once these are switched on.
UPDATE persistmem.messages SET outcome = 'no_turn'
WHERE namespace = %(namespace)s::text AND turn_id = ANY (%(ids)s::uuid[])

-- name: reopen_turns
-- Turns are switched on again: messages without one are to become turns.
UPDATE persistmem.messages SET outcome = NULL WHERE namespace = %(namespace)s::text AND outcome = 'no_turn'

-- name: purgeable
-- What has been superseded or archived for long; the row says when by its last change.
SELECT m.id FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.status IN ('superseded', 'archived') AND m.updated_at < %(before)s::timestamptz
ORDER BY m.id
LIMIT %(limit)s::integer

-- name: erase_old_threads
-- Whole conversations, by their last message: one that goes on would be learnt from again if its old messages were gone.
-- One that still waits to be learnt from stays.
DELETE FROM persistmem.messages m
USING (
    SELECT thread_id FROM persistmem.messages
    WHERE namespace = %(namespace)s::text
    GROUP BY thread_id
    HAVING max(sent_at) < %(before)s::timestamptz
) old
WHERE m.namespace = %(namespace)s::text AND m.thread_id = old.thread_id
  AND NOT EXISTS (SELECT 1 FROM persistmem.pending_work w
                  WHERE w.namespace = %(namespace)s::text AND w.thread_id = old.thread_id)

-- name: originals_of
-- The memories that these summaries stand for, with where they came from.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.superseded_by = ANY (%(summaries)s::uuid[]) AND m.status = 'archived'
ORDER BY m.id

-- name: derived_from
-- Summaries and preferences that were made from any of these memories, whatever their status: they may repeat its words.
SELECT m.id FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.provenance -> 'memory_ids' ?| %(ids)s::text[]

-- name: unfold_summaries
-- The originals of summaries that go become current again, and their vectors are searched again. Where the same was said
-- again meanwhile, that stays current and the original stays archived.
WITH chosen AS (
    SELECT DISTINCT ON (coalesce(encode(m.identity, 'hex'), m.id::text)) m.id
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.superseded_by = ANY (%(summaries)s::uuid[]) AND m.status = 'archived'
      AND m.id <> ALL (%(but)s::uuid[])
      AND NOT EXISTS (SELECT 1 FROM persistmem.memories now
                      WHERE now.namespace = %(namespace)s::text AND now.status = 'active'
                        AND (now.key = m.key OR now.identity = m.identity))
    ORDER BY coalesce(encode(m.identity, 'hex'), m.id::text), m.id DESC
), freed AS (
    UPDATE persistmem.memories m
    SET status = CASE WHEN m.id IN (SELECT id FROM chosen) THEN 'active' ELSE 'archived' END,
        superseded_by = NULL, updated_at = %(now)s::timestamptz
    WHERE m.namespace = %(namespace)s::text AND m.superseded_by = ANY (%(summaries)s::uuid[]) AND m.status = 'archived'
      AND m.id <> ALL (%(but)s::uuid[])
    RETURNING m.*
), shown AS (
    UPDATE persistmem.vectors v SET active = true, hnsw_index = NULL
    WHERE v.namespace = %(namespace)s::text AND v.memory_id IN (SELECT id FROM chosen)
)
SELECT
-- include: memory
FROM freed m
WHERE m.status = 'active'
ORDER BY m.id

-- name: memories_by_id
-- Memories of any status, in the order of what they tell.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[])
ORDER BY m.valid_from, m.id

-- name: read_episodes
-- What happened to the user and has not been looked through for habits, in the order in which it was recorded.
SELECT m.id
FROM persistmem.memories m
JOIN persistmem.namespaces n ON n.namespace = %(namespace)s::text
WHERE m.namespace = %(namespace)s::text AND m.kind = 'episodic' AND m.source = 'user' AND m.text IS NOT NULL AND m.listed
  AND m.status IN ('active', 'archived') AND (n.habits_through IS NULL OR m.id > n.habits_through)
  AND (%(after)s::uuid IS NULL OR m.id > %(after)s::uuid)
  AND coalesce(m.provenance ->> 'extractor', '') <> ALL (%(derived)s::text[])
ORDER BY m.id
LIMIT %(limit)s::integer

-- name: recurring
-- For each of these memories the others of its kind that resemble it, current or archived, the most similar first.
WITH eligible AS MATERIALIZED (
    SELECT m.id, m.speaker, v.{embedding} AS embedding
    FROM persistmem.memories m
    JOIN persistmem.vectors v ON v.namespace = %(namespace)s::text AND v.memory_id = m.id
                             AND v.model = %(model)s::smallint AND v.part = 0
    WHERE m.namespace = %(namespace)s::text AND m.kind = 'episodic' AND m.source = 'user' AND m.text IS NOT NULL AND m.listed
      AND m.status IN ('active', 'archived') AND coalesce(m.provenance ->> 'extractor', '') <> ALL (%(derived)s::text[])
)
SELECT new.id AS new, near.id, near.similarity
FROM eligible new
CROSS JOIN LATERAL (
    SELECT e.id, -(e.embedding <#> new.embedding) AS similarity
    FROM eligible e
    WHERE e.id <> new.id AND e.speaker IS NOT DISTINCT FROM new.speaker
      AND -(e.embedding <#> new.embedding) >= %(floor)s::float8
    ORDER BY 2 DESC, 1
    LIMIT %(limit)s::integer
) near
WHERE new.id = ANY (%(ids)s::uuid[])
ORDER BY new.id, near.similarity DESC, near.id

-- name: habits_of
-- The preferences that were drawn from habits, whatever became of them.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.provenance ->> 'extractor' = %(extractor)s::text
ORDER BY m.id

-- name: add_evidence
-- It happened again: a preference that was drawn from habits gains evidence, and confidence by its count.
UPDATE persistmem.memories m
SET confidence = greatest(m.confidence, %(confidence)s::real), confirmations = m.confirmations + %(added)s::integer,
    value = %(value)s::json,
    updated_at = %(now)s::timestamptz
WHERE m.namespace = %(namespace)s::text AND m.id = %(id)s::uuid AND m.status = 'active'

-- name: mark_examined
-- Up to this memory the namespace has been looked through for habits.
UPDATE persistmem.namespaces SET habits_through = %(to)s::uuid
WHERE namespace = %(namespace)s::text AND (habits_through IS NULL OR habits_through < %(to)s::uuid)
