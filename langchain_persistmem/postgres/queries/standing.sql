-- part: standing_thread
thread AS MATERIALIZED (
    -- The beginning of the conversation: what stands before a model in it is chosen as of then. No row while the person has
    -- paused memory, or in a conversation off the record.
    SELECT coalesce(t.recorded_at, %(now)s::timestamptz) AS started_at
    FROM persistmem.namespaces n
    LEFT JOIN persistmem.threads t ON t.namespace = %(namespace)s::text AND t.thread_id = %(thread_id)s::text
    WHERE n.namespace = %(namespace)s::text AND n.consent <> 'paused' AND t.off_record IS NOT TRUE
)

-- name: standing_memories
-- What may stand before a model whatever is asked: the profile's document, instructions, the statements of most importance and
-- the newest turns, each with its last use before the conversation began.
WITH
-- include: standing_thread
, chosen AS (
    SELECT m.id
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.key = %(profile)s::text AND m.kind = 'profile' AND m.status = 'active'
    UNION
    (SELECT m.id
     FROM persistmem.memories m
     WHERE m.namespace = %(namespace)s::text AND m.kind = 'procedural' AND m.status = 'active' AND m.text IS NOT NULL
       AND m.source IN ('user', 'operator')
     ORDER BY m.importance DESC, m.id
     LIMIT %(instructions)s::bigint)
    UNION
    (SELECT m.id
     FROM persistmem.memories m
     WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND NOT m.is_turn AND m.text IS NOT NULL
       AND {condition}
     ORDER BY m.importance DESC, m.id DESC
     LIMIT %(statements)s::bigint)
    UNION
    -- Where turns are too many to be shown all, none is: so a few of the newest say whether they are.
    (SELECT newest.id
     FROM (
         SELECT m.id, m.is_turn
         FROM persistmem.memories m
         WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.listed AND {condition}
         ORDER BY m.updated_at DESC
         LIMIT %(turns)s::bigint
     ) newest
     WHERE newest.is_turn)
)
SELECT
-- include: memory
       , thread.started_at,
       CASE WHEN u.last_used_at < thread.started_at THEN u.last_used_at
            WHEN u.prior_used_at < thread.started_at THEN u.prior_used_at END AS used_at
FROM thread
CROSS JOIN chosen
CROSS JOIN LATERAL (
    SELECT m.*
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.id = chosen.id
      AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
    OFFSET 0
) m
LEFT JOIN persistmem.uses u ON u.namespace = %(namespace)s::text AND u.memory_id = m.id

-- name: journal_memories
-- All statements that were current when the conversation began, the ones corrected since included, and their corrections.
WITH
-- include: standing_thread
, before AS (
    SELECT m.id, m.status, m.superseded_by
    FROM persistmem.memories m
    CROSS JOIN thread
    WHERE m.namespace = %(namespace)s::text AND m.status IN ('active', 'superseded') AND NOT m.is_turn AND m.text IS NOT NULL
      AND m.recorded_at < thread.started_at AND {condition}
), corrections AS (
    SELECT s.id, b.id AS corrected
    FROM before b
    JOIN persistmem.memories s ON s.namespace = %(namespace)s::text AND s.id = b.superseded_by
    CROSS JOIN thread
    WHERE b.status = 'superseded' AND s.recorded_at >= thread.started_at
), chosen AS (
    SELECT id FROM before WHERE status = 'active' OR id IN (SELECT corrected FROM corrections)
    UNION
    SELECT id FROM corrections
)
SELECT
-- include: memory
       , thread.started_at, NULL::timestamptz AS used_at
FROM thread
CROSS JOIN chosen
CROSS JOIN LATERAL (
    SELECT m.*
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.id = chosen.id
      AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
    OFFSET 0
) m
