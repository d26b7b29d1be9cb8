-- part: standing_thread
thread AS MATERIALIZED (
    -- The beginning of the conversation: what stands before a model in it is chosen as of then. No row while the person has
    -- paused memory, or in a conversation off the record.
    -- Who asks as of a time before the rows were written, as after an import, has no beginning by this database's clock: there the
    -- times of telling count, up to the conversation's first message.
    SELECT coalesce(t.recorded_at, %(now)s::timestamptz) AS started_at,
           CASE WHEN t.recorded_at <= %(now)s::timestamptz THEN t.recorded_at
                ELSE 'infinity'::timestamptz END AS recorded_before,
           CASE WHEN t.recorded_at > %(now)s::timestamptz
                THEN least(%(now)s::timestamptz,
                           (SELECT min(e.sent_at) FROM persistmem.messages e
                            WHERE e.namespace = %(namespace)s::text AND e.thread_id = coalesce(%(thread_id)s::text, '')))
                ELSE %(now)s::timestamptz END AS told_until
    FROM persistmem.namespaces n
    -- No thread has the empty name: a NULL here would empty the condition, and with it what tells Citus where it belongs.
    LEFT JOIN persistmem.threads t ON t.namespace = %(namespace)s::text AND t.thread_id = coalesce(%(thread_id)s::text, '')
    WHERE n.namespace = %(namespace)s::text
-- include: unless_paused
    AND t.off_record IS NOT TRUE
)

-- part: was_before
    -- It was known when the conversation began.
    m.recorded_at < thread.recorded_before
    AND (m.recorded_at <= %(now)s::timestamptz OR coalesce(m.told_at, m.valid_from) < thread.told_until)

-- part: is_statement
    -- What somebody stated: no turn, no instruction, and no material of the application.
    m.namespace = %(namespace)s::text AND m.status = 'active' AND NOT m.is_turn AND m.text IS NOT NULL
    AND m.kind IN ('semantic', 'episodic') AND m.source NOT IN ('store', 'document')

-- part: chosen_memories
FROM thread
CROSS JOIN chosen
CROSS JOIN LATERAL (
    SELECT m.*
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.id = chosen.id
      AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
    OFFSET 0
) m

-- name: standing_memories
-- What may stand before a model whatever is asked: the profile's document, instructions, the statements to which room is given
-- first and the newest turns, each with its last use before the conversation began.
WITH
-- include: standing_thread
, important AS (
    -- Far more than a prompt has room for; of equal ones the newest.
    SELECT m.id, m.key, m.importance, coalesce(m.category, m.value ->> 'type') AS category,
           coalesce(m.told_at, m.valid_from) AS told_at
    FROM persistmem.memories m
    WHERE
-- include: is_statement
      AND {condition}
    ORDER BY m.importance DESC, m.id DESC
    LIMIT 500
), statements AS (
    -- In the order of recall/context_parts/standing.py, which decides in the end.
    SELECT i.id
    FROM important i
    CROSS JOIN thread
    LEFT JOIN persistmem.uses u ON u.namespace = %(namespace)s::text AND u.memory_id = i.id
    ORDER BY CASE WHEN i.key = 'fact:name' THEN 0 WHEN i.category IN ('preference', 'goal') THEN 1 ELSE 2 END,
             round(i.importance::numeric, 1) DESC,
             (greatest(i.told_at, CASE WHEN u.last_used_at < thread.started_at THEN u.last_used_at
                                       WHEN u.prior_used_at < thread.started_at THEN u.prior_used_at END)
              AT TIME ZONE 'UTC')::date DESC,
             i.told_at DESC, i.key
    LIMIT %(lines)s::bigint
), chosen AS (
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
    SELECT id FROM statements
    UNION
    -- Whether there are too many turns to be shown all, a few of the newest say.
    (SELECT newest.id
     FROM (
         SELECT m.id, m.is_turn
         FROM persistmem.memories m
         WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.listed AND {condition}
         ORDER BY m.updated_at DESC
         LIMIT %(lines)s::bigint
     ) newest
     WHERE newest.is_turn)
    UNION
    -- Where they are, some of other conversations are shown: what this one adds pushes none of them out.
    (SELECT earlier.id
     FROM (
         SELECT m.id, m.is_turn
         FROM persistmem.memories m
         WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.listed
           AND m.thread_id IS DISTINCT FROM %(thread_id)s::text AND {condition}
         ORDER BY m.updated_at DESC
         LIMIT %(lines)s::bigint
     ) earlier
     WHERE earlier.is_turn)
    UNION
    -- What somebody tells first says who they are, however much is told later.
    (SELECT first.id
     FROM (
         SELECT m.id, m.is_turn
         FROM persistmem.memories m
         WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.listed
           AND m.thread_id IS DISTINCT FROM %(thread_id)s::text AND {condition}
         ORDER BY m.updated_at
         LIMIT %(lines)s::bigint
     ) first
     WHERE first.is_turn)
)
SELECT
-- include: memory
       , thread.started_at,
       CASE WHEN u.last_used_at < thread.started_at THEN u.last_used_at
            WHEN u.prior_used_at < thread.started_at THEN u.prior_used_at END AS used_at
-- include: chosen_memories
LEFT JOIN persistmem.uses u ON u.namespace = %(namespace)s::text AND u.memory_id = m.id

-- name: journal_memories
-- The statements that were current when the conversation began, the ones corrected since included, and their corrections.
WITH RECURSIVE
-- include: standing_thread
, corrected AS (
    -- What was written since has an id of that time, and says by the index what it replaced.
    SELECT b.id, b.superseded_by
    FROM thread
    CROSS JOIN LATERAL (
        SELECT m.id
        FROM persistmem.memories m
        WHERE m.namespace = %(namespace)s::text AND m.recorded_at >= thread.started_at AND NOT m.is_turn
          AND m.id >= rpad(lpad(to_hex((extract(epoch FROM thread.started_at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
    ) r
    JOIN persistmem.memories b ON b.namespace = %(namespace)s::text AND b.superseded_by = r.id
    WHERE b.status = 'superseded' AND b.recorded_at < thread.started_at AND NOT b.is_turn
    UNION
    SELECT s.id, s.superseded_by
    FROM corrected c
    JOIN persistmem.memories s ON s.namespace = %(namespace)s::text AND s.id = c.superseded_by
), then_current AS (
    -- What another one has replaced only since, or what was archived since, was current at a time in the past. Nothing is read here
    -- for the present.
    SELECT m.id
    FROM thread
    CROSS JOIN persistmem.memories m
    LEFT JOIN persistmem.memories s ON s.namespace = %(namespace)s::text AND s.id = m.superseded_by
    WHERE %(now)s::timestamptz < statement_timestamp() - interval '1 minute'
      AND m.namespace = %(namespace)s::text AND m.status IN ('superseded', 'archived') AND NOT m.is_turn
      AND (m.valid_until IS NULL OR m.valid_until > m.valid_from)
      AND
-- include: was_before
      AND CASE WHEN s.id IS NOT NULL
               THEN s.recorded_at > %(now)s::timestamptz AND coalesce(s.told_at, s.valid_from) >= thread.told_until
               WHEN m.status = 'superseded' THEN m.valid_until > thread.told_until
               ELSE m.updated_at > %(now)s::timestamptz END
      AND {condition}
), chosen AS (
    (SELECT m.id
     FROM persistmem.memories m
     CROSS JOIN thread
     WHERE
-- include: is_statement
       AND
-- include: was_before
       AND {condition}
     ORDER BY m.importance DESC, m.id DESC
     LIMIT %(lines)s::bigint)
    UNION
    (SELECT m.id
     FROM persistmem.memories m
     CROSS JOIN thread
     WHERE m.namespace = %(namespace)s::text AND m.kind = 'procedural' AND m.status = 'active' AND m.text IS NOT NULL
       AND m.source IN ('user', 'operator') AND
-- include: was_before
     ORDER BY m.importance DESC, m.id
     LIMIT %(instructions)s::bigint)
    UNION
    SELECT m.id
    FROM corrected c
    JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = c.id
    WHERE m.status IN ('active', 'superseded') AND {condition}
      AND (m.recorded_at <= %(now)s::timestamptz OR coalesce(m.told_at, m.valid_from) < %(now)s::timestamptz)
    UNION
    SELECT id FROM then_current
)
SELECT
-- include: memory
       , CASE WHEN thread.recorded_before = 'infinity' THEN m.recorded_at + interval '1 microsecond'
              ELSE thread.started_at END AS started_at,
       NULL::timestamptz AS used_at
-- include: chosen_memories
