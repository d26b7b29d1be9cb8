-- name: namespaces_below
-- The namespaces under a prefix that exist, with what the person allows, in order.
SELECT n.namespace, n.consent
FROM persistmem.namespaces n
WHERE n.namespace = %(exact)s::text OR (n.namespace >= %(from)s::text AND n.namespace < %(until)s::text)
ORDER BY n.namespace

-- name: count_export_rows
-- How many rows an export has of a namespace, to foresee how long it takes.
SELECT (SELECT count(*) FROM persistmem.threads WHERE namespace = %(namespace)s::text)
     + (SELECT count(*) FROM persistmem.messages WHERE namespace = %(namespace)s::text)
     + (SELECT count(*) FROM persistmem.memories WHERE namespace = %(namespace)s::text)
     + (SELECT count(*) FROM persistmem.memory_turns WHERE namespace = %(namespace)s::text)
     + (SELECT count(*) FROM persistmem.omissions WHERE namespace = %(namespace)s::text)
     + (SELECT count(*) FROM persistmem.changes WHERE namespace = %(namespace)s::text) AS rows

-- name: export_threads
-- Threads after a place, in order.
SELECT t.thread_id, t.off_record, t.recorded_at
FROM persistmem.threads t
WHERE t.namespace = %(namespace)s::text AND t.thread_id > %(after)s::text
ORDER BY t.thread_id
LIMIT %(limit)s::bigint

-- name: export_messages
-- Messages after a place, thread by thread, in their order, with what learning from them came to.
SELECT m.thread_id, m.position, m.id, m.role, m.speaker, m.text, m.content, m.sent_at, m.recorded_at, m.extracted_at,
       m.given_up_at, m.failure, m.withheld, m.turn_id, m.version, m.utc_offset, m.outcome
FROM persistmem.messages m
WHERE m.namespace = %(namespace)s::text
  AND (m.thread_id, m.position) > (%(thread_id)s::text, %(position)s::bigint)
ORDER BY m.thread_id, m.position
LIMIT %(limit)s::bigint

-- name: export_memories
-- Memories of every status after a place, each with its use and its vectors.
SELECT
-- include: memory_columns
       -- the shares as they were written, not as four bytes are read
       , m.importance::text::float8 AS importance, m.confidence::text::float8 AS confidence
       , (extract(epoch FROM m.time_to_live) / 60)::float8 AS minutes_to_live,
       u.times AS used, u.last_used_at, u.prior_used_at,
       (SELECT json_agg(json_build_object('model', e.name, 'part', v.part, 'norm', v.norm,
                                          'vector', coalesce(v.embedding, v.wide)::text) ORDER BY e.name, v.part)
        FROM persistmem.vectors v JOIN persistmem.embedding_models e USING (model)
        WHERE v.namespace = %(namespace)s::text AND v.memory_id = m.id) AS vectors
FROM persistmem.memories m
LEFT JOIN persistmem.uses u ON u.namespace = %(namespace)s::text AND u.memory_id = m.id
WHERE m.namespace = %(namespace)s::text AND m.id > %(after)s::uuid
ORDER BY m.id
LIMIT %(limit)s::bigint

-- name: export_links
-- On which turns statements rest, after a place.
SELECT l.memory_id, l.turn_id, l.quote
FROM persistmem.memory_turns l
WHERE l.namespace = %(namespace)s::text AND (l.memory_id, l.turn_id) > (%(memory_id)s::uuid, %(turn_id)s::uuid)
ORDER BY l.memory_id, l.turn_id
LIMIT %(limit)s::bigint

-- name: export_omissions
-- What was found in turns and dropped, after a place.
SELECT o.id, o.thread_id, o.message_id, o.version, o.text, o.reason, o.about, o.recorded_at
FROM persistmem.omissions o
WHERE o.namespace = %(namespace)s::text AND o.id > %(after)s::uuid
ORDER BY o.id
LIMIT %(limit)s::bigint

-- name: export_changes
-- What changed memories and why, after a place.
SELECT c.id, c.memory_id, c.change, c.reason, c.by_memory, c.changed_at
FROM persistmem.changes c
WHERE c.namespace = %(namespace)s::text AND c.id > %(after)s::uuid
ORDER BY c.id
LIMIT %(limit)s::bigint

-- name: restore_threads
-- Threads as they were; one that is here already stays as it is.
INSERT INTO persistmem.threads (namespace, thread_id, off_record, recorded_at)
SELECT %(namespace)s::text, r.thread_id, r.off_record, r.recorded_at
FROM json_to_recordset(%(rows)s::json) AS r(thread_id text, off_record boolean, recorded_at timestamptz)
ON CONFLICT (namespace, thread_id) DO NOTHING

-- name: restore_messages
-- Messages at their places; where another is here already, that one stays.
INSERT INTO persistmem.messages
    (namespace, thread_id, id, position, role, speaker, text, content, sent_at, recorded_at, extracted_at, given_up_at, failure,
     withheld, turn_id, version, utc_offset, outcome)
SELECT %(namespace)s::text, r.thread_id, r.id, r.position, r.role, r.speaker, r.text, r.content, r.sent_at, r.recorded_at,
       r.extracted_at, r.given_up_at, r.failure, coalesce(r.withheld, false), r.turn_id, coalesce(r.version, 1), r.utc_offset,
       r.outcome
FROM json_to_recordset(%(rows)s::json) AS r(
    thread_id text, id text, position bigint, role text, speaker text, text text, content json, sent_at timestamptz,
    recorded_at timestamptz, extracted_at timestamptz, given_up_at timestamptz, failure text, withheld boolean, turn_id uuid,
    version smallint, utc_offset smallint, outcome text)
ON CONFLICT DO NOTHING

-- name: restore_memories
-- Memories as they were, history and all; where one is current under the same key or with the same statement, that one stays.
-- include: insert_rows
ON CONFLICT DO NOTHING
RETURNING m.id

-- name: restore_uses
-- How often restored memories were shown to a model.
INSERT INTO persistmem.uses (namespace, memory_id, times, last_used_at, prior_used_at)
SELECT %(namespace)s::text, r.id, r.used, r.last_used_at, r.prior_used_at
FROM json_to_recordset(%(rows)s::json) AS r(id uuid, used bigint, last_used_at timestamptz, prior_used_at timestamptz)
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = r.id
WHERE r.used IS NOT NULL
ON CONFLICT (namespace, memory_id) DO NOTHING

-- name: restore_links
-- Links of statements that are here.
INSERT INTO persistmem.memory_turns (namespace, memory_id, turn_id, quote)
SELECT %(namespace)s::text, r.memory_id, r.turn_id, r.quote
FROM json_to_recordset(%(rows)s::json) AS r(memory_id uuid, turn_id uuid, quote text)
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = r.memory_id
ON CONFLICT (namespace, memory_id, turn_id) DO NOTHING

-- name: restore_omissions
-- What was dropped of messages that are here.
INSERT INTO persistmem.omissions (namespace, id, thread_id, message_id, version, text, reason, about, recorded_at)
SELECT %(namespace)s::text, r.id, r.thread_id, r.message_id, r.version, r.text, r.reason, r.about, r.recorded_at
FROM json_to_recordset(%(rows)s::json) AS r(
    id uuid, thread_id text, message_id text, version smallint, text text, reason text, about uuid, recorded_at timestamptz)
JOIN persistmem.messages m ON m.namespace = %(namespace)s::text AND m.thread_id = r.thread_id AND m.id = r.message_id
ON CONFLICT (namespace, id) DO NOTHING

-- name: restore_changes
-- The log of memories that are here; an entry that is here already stays as it is.
INSERT INTO persistmem.changes (namespace, id, memory_id, change, reason, by_memory, changed_at)
SELECT %(namespace)s::text, r.id, r.memory_id, r.change, r.reason, r.by_memory, r.changed_at
FROM json_to_recordset(%(rows)s::json) AS r(
    id uuid, memory_id uuid, change text, reason text, by_memory uuid, changed_at timestamptz)
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = r.memory_id
ON CONFLICT (namespace, id) DO NOTHING

-- name: find_existing_memories
-- Which of these memories are here.
SELECT m.id FROM persistmem.memories m WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[])
