-- part: open_message
    m.id, m.position, m.role, m.speaker, m.text, m.content, m.sent_at, m.recorded_at, m.version, m.utc_offset,
    m.extracted_at IS NOT NULL AS is_learnt

-- name: messages_without_turn
-- The messages of a thread of which it is not settled yet whether they become memories, and the last ones before them: a
-- request not to remember may point back at these.
WITH open AS MATERIALIZED (
    SELECT
-- include: open_message
    FROM persistmem.messages m
    WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text AND m.outcome IS NULL
      AND m.role IN ('user', 'assistant') AND NOT m.withheld
      AND NOT EXISTS (SELECT 1 FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
                      AND t.thread_id = %(thread_id)s::text AND t.off_record)
    ORDER BY m.position
    LIMIT %(limit)s::integer
)
SELECT open.*, false AS is_before FROM open
UNION ALL
(SELECT
-- include: open_message
    , true
 FROM persistmem.messages m
 WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text
   AND m.position < (SELECT min(open.position) FROM open)
   AND m.role IN ('user', 'assistant') AND NOT m.withheld
 ORDER BY m.position DESC
 LIMIT %(before)s::integer)
ORDER BY position

-- name: existing_turns
-- Which of these turns are memories already: their ids follow from the messages, and whoever made them was not the last to settle these.
SELECT m.id FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[])

-- name: insert_turns
-- Turns as memories. Their ids follow from the messages, so that a turn that is here already stays as it is.
-- include: insert_rows
ON CONFLICT (namespace, id) DO NOTHING
RETURNING m.id

-- name: settle_messages
-- What became of messages: the id of their turns, which links point at, and the outcome. Those that hold nothing to be learnt
-- are closed with it. A caller that gets fewer rows than it asked for was overtaken.
UPDATE persistmem.messages m
SET turn_id = r.turn_id, outcome = r.outcome,
    extracted_at = CASE WHEN r.close THEN coalesce(m.extracted_at, %(now)s::timestamptz) ELSE m.extracted_at END
FROM json_to_recordset(%(rows)s::json) AS r(id text, turn_id uuid, outcome text, close boolean)
WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text AND m.id = r.id AND m.outcome IS NULL

-- name: set_outcomes
-- What came of messages after somebody had learnt from them.
UPDATE persistmem.messages m
SET outcome = r.outcome
FROM json_to_recordset(%(rows)s::json) AS r(id text, outcome text)
WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text AND m.id = r.id

-- name: link_turns
-- Statements rest on turns. The quote is that of the message that has it; a turn on which a statement rests is not listed
-- beside it.
WITH linked AS (
    INSERT INTO persistmem.memory_turns AS l (namespace, memory_id, turn_id, quote)
    SELECT %(namespace)s::text, r.memory_id, m.turn_id,
           max(r.quote) FILTER (WHERE r.alone OR strpos(m.text, r.quote) > 0)
    FROM json_to_recordset(%(rows)s::json) AS r(memory_id uuid, thread_id text, message_id text, quote text, alone boolean)
    JOIN persistmem.messages m ON m.namespace = %(namespace)s::text AND m.thread_id = r.thread_id AND m.id = r.message_id
    JOIN persistmem.memories s ON s.namespace = %(namespace)s::text AND s.id = r.memory_id
    WHERE m.turn_id IS NOT NULL
    GROUP BY r.memory_id, m.turn_id
    ON CONFLICT (namespace, memory_id, turn_id) DO UPDATE SET quote = coalesce(l.quote, excluded.quote)
    RETURNING l.turn_id
)
UPDATE persistmem.memories m
SET listed = false
WHERE m.namespace = %(namespace)s::text AND m.id IN (SELECT turn_id FROM linked) AND m.is_turn AND m.listed
RETURNING m.id

-- name: turns_of_memories
-- The turns that statements rest on.
SELECT DISTINCT l.turn_id FROM persistmem.memory_turns l
WHERE l.namespace = %(namespace)s::text AND l.memory_id = ANY (%(ids)s::uuid[])

-- name: linked_turns
-- Which of these turns statements rest on.
SELECT DISTINCT l.turn_id FROM persistmem.memory_turns l
WHERE l.namespace = %(namespace)s::text AND l.turn_id = ANY (%(ids)s::uuid[])

-- name: follow_turns
-- Turns whose statements have changed become what these are now; the caller indexes or unindexes those that are returned.
UPDATE persistmem.memories t
SET status = r.status, review = CASE WHEN r.status = 'withheld' THEN t.review END, updated_at = %(now)s::timestamptz,
    valid_until = CASE WHEN r.status = 'active' THEN NULL ELSE r.valid_until END
FROM (
    SELECT l.turn_id, max(s.valid_until) AS valid_until,
           CASE WHEN bool_or(s.status = 'quarantined') THEN 'withheld' WHEN bool_or(s.status = 'active') THEN 'active'
                WHEN bool_or(s.status = 'archived') THEN 'archived' ELSE 'superseded' END AS status
    FROM persistmem.memory_turns l
    JOIN persistmem.memories s ON s.namespace = %(namespace)s::text AND s.id = l.memory_id
    WHERE l.namespace = %(namespace)s::text AND l.turn_id = ANY (%(turn_ids)s::uuid[])
    GROUP BY l.turn_id
) r
WHERE t.namespace = %(namespace)s::text AND t.id = r.turn_id AND t.is_turn AND t.status <> r.status
  -- What waits only for approval follows; what is withheld for a reason of its own stays so, and an old version stays past.
  -- What waits for a reason of its own is not to be reviewed beside its statement.
  AND (t.review IS NULL OR t.review = %(approval)s::text OR (t.status = 'quarantined' AND r.status = 'withheld'))
  AND t.superseded_by IS NULL
RETURNING t.id, t.status, t.text, t.speaker

-- name: activate_vectors
-- The vectors of memories that have become current again are searched again.
UPDATE persistmem.vectors SET active = true, hnsw_index = NULL
WHERE namespace = %(namespace)s::text AND memory_id = ANY (%(ids)s::uuid[])

-- name: withhold_turns
-- Turns that are not recalled any more, with the reason.
UPDATE persistmem.memories t
SET status = 'withheld', review = %(reason)s::text, updated_at = %(now)s::timestamptz
WHERE t.namespace = %(namespace)s::text AND t.id = ANY (%(turn_ids)s::uuid[]) AND t.is_turn AND t.superseded_by IS NULL
RETURNING t.id

-- name: insert_omissions
-- Statements that were found in messages and dropped, with the reasons.
INSERT INTO persistmem.omissions (namespace, id, thread_id, message_id, version, text, reason, about, recorded_at)
SELECT %(namespace)s::text, r.id, r.thread_id, r.message_id, m.version, r.text, r.reason, r.about, %(now)s::timestamptz
FROM json_to_recordset(%(rows)s::json) AS r(id uuid, thread_id text, message_id text, text text, reason text, about uuid)
JOIN persistmem.messages m ON m.namespace = %(namespace)s::text AND m.thread_id = r.thread_id AND m.id = r.message_id

-- name: read_outcomes
-- A page of a thread with what came of each message, counted from its end, the latest first. Of one that is still to be learnt from
-- nothing is known, though its own words may be a memory already.
SELECT m.id, CASE WHEN m.extracted_at IS NOT NULL THEN m.outcome END AS outcome,
       ARRAY(SELECT l.memory_id FROM persistmem.memory_turns l
             WHERE l.namespace = %(namespace)s::text AND l.turn_id = m.turn_id ORDER BY l.memory_id) AS memory_ids,
       (SELECT json_agg(json_build_array(o.text, o.reason) ORDER BY o.id) FROM persistmem.omissions o
        WHERE o.namespace = %(namespace)s::text AND o.thread_id = m.thread_id AND o.message_id = m.id
          AND o.version = m.version) AS omissions
FROM persistmem.messages m
WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text
ORDER BY m.position DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint
