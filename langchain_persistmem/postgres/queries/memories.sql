-- part: memory
    -- What is read of a memory. JSON and two moments come as text, which is parsed once the whole memory is wanted: recall
    -- ranks a hundred and returns ten.
    m.namespace, m.id, m.key, m.kind, m.status, m.text, m.value::text, m.importance, m.confidence, m.confirmations,
    m.speaker, m.source, m.provenance::text, m.thread_id, m.position, m.valid_from, m.valid_until, m.recorded_at,
    m.updated_at, m.superseded_by, m.expires_at, m.review, m.review_of, m.pinned, m.is_turn, m.category, m.told_at,
    m.utc_offset, m.date_precision

-- part: memory_columns
    -- What is written of a memory beside its namespace, and exported: all columns, under the names that rows have in JSON.
    id, key, kind, status, text, value, identity, importance, confidence, confirmations, speaker, source, provenance,
    thread_id, position, valid_from, valid_until, recorded_at, updated_at, superseded_by, expires_at, time_to_live, review,
    review_of, pinned, is_turn, listed, category, told_at, utc_offset, date_precision

-- part: insert_rows
INSERT INTO persistmem.memories AS m (
    namespace,
-- include: memory_columns
)
SELECT
    %(namespace)s::text,
-- include: memory_columns
FROM json_populate_recordset(NULL::persistmem.memories, %(rows)s::json)

-- name: insert_memories
-- Write statements that were decided upon; one that is known already (the same identity) is confirmed instead.
WITH registered AS (
    INSERT INTO persistmem.threads (namespace, thread_id, recorded_at)
    SELECT DISTINCT %(namespace)s::text, r.thread_id, %(now)s::timestamptz
    FROM json_to_recordset(%(rows)s::json) AS r(thread_id text) WHERE r.thread_id IS NOT NULL
    ON CONFLICT (namespace, thread_id) DO NOTHING
)
-- include: insert_rows
ON CONFLICT (namespace, identity) WHERE status = 'active' AND identity IS NOT NULL
DO UPDATE SET confirmations = m.confirmations + 1,
              importance = greatest(m.importance, excluded.importance),
              -- each time it is said again the doubt loses a part, in the new statement's share
              confidence = least(1, m.confidence + (1 - m.confidence) * %(doubt_lost)s::float8 * excluded.confidence),
              updated_at = excluded.updated_at
RETURNING m.id, m.key, m.identity

-- name: supersede_keys
-- A new statement under a known key ends the old one's validity; the old one stays in the history.
UPDATE persistmem.memories m
SET status = 'superseded', valid_until = r.valid_from, superseded_by = r.id, updated_at = %(now)s::timestamptz
FROM json_to_recordset(%(rows)s::json) AS r(id uuid, key text, identity text, valid_from timestamptz)
WHERE m.namespace = %(namespace)s::text AND m.key = r.key AND m.status = 'active'
  AND m.identity IS DISTINCT FROM decode(r.identity, 'hex')
RETURNING m.id, r.id AS by_memory, m.pinned

-- name: put_items
-- A store's puts, whole: the value under a key is replaced, created_at (recorded_at) stays unless the old one had expired; the vectors
-- and terms of the old value make room for the new ones; the namespace counts, and the audit notes. Its lock is held already, by a
-- statement before this one, so that all that was committed meanwhile is seen here.
WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS r(
        ordinal integer, id uuid, key text, kind text, text text, value json, importance real, minutes float8,
        words text, terms text[], language text)
), put AS (
    INSERT INTO persistmem.memories AS m
        (namespace, id, key, kind, text, value, importance, confidence, source, provenance,
         valid_from, recorded_at, updated_at, told_at, expires_at, time_to_live)
    SELECT %(namespace)s::text, r.id, r.key, r.kind, r.text, r.value, r.importance, 1, 'store', '{{"source": "store"}}',
           %(now)s::timestamptz, %(now)s::timestamptz, %(now)s::timestamptz, %(now)s::timestamptz,
           %(now)s::timestamptz + r.minutes * interval '1 minute', r.minutes * interval '1 minute'
    FROM given r
    ON CONFLICT (namespace, key) WHERE status = 'active'
    DO UPDATE SET kind = excluded.kind, text = excluded.text, value = excluded.value, identity = NULL,
                  importance = excluded.importance, confidence = excluded.confidence, confirmations = 0, speaker = NULL,
                  recorded_at = CASE WHEN m.expires_at <= excluded.recorded_at THEN excluded.recorded_at ELSE m.recorded_at END,
                  source = excluded.source, provenance = excluded.provenance, thread_id = NULL, position = NULL,
                  valid_from = excluded.valid_from, valid_until = NULL, updated_at = excluded.updated_at,
                  expires_at = excluded.expires_at, time_to_live = excluded.time_to_live,
                  is_turn = false, listed = true, category = NULL, told_at = excluded.told_at, utc_offset = NULL,
                  date_precision = NULL
    RETURNING m.id, m.key, m.expires_at
), item AS MATERIALIZED (
    -- The row under a key keeps its id: another than the one that came with the put says that it was there before.
    SELECT p.id, p.expires_at, r.ordinal, r.id AS new_id, r.words AS text, r.terms, r.language
    FROM put p
    JOIN given r ON r.key = p.key
), gone_vectors AS (
    DELETE FROM persistmem.vectors
    WHERE namespace = (SELECT %(namespace)s::text) AND memory_id = ANY (ARRAY(SELECT i.id FROM item i WHERE i.id <> i.new_id))
    RETURNING 1
), gone_terms AS (
    DELETE FROM persistmem.terms
    WHERE namespace = (SELECT %(namespace)s::text) AND memory_id = ANY (ARRAY(SELECT i.id FROM item i WHERE i.id <> i.new_id))
    RETURNING memory_id, times
), vectors AS (
    -- Counting what is gone has it go first.
    INSERT INTO persistmem.vectors (namespace, memory_id, model, part, active, expires_at, norm, {embedding})
    SELECT %(namespace)s::text, i.id, %(model)s::smallint, v.part, true, i.expires_at, v.norm, v.embedding
    FROM unnest(%(ordinals)s::integer[], %(parts)s::smallint[], %(norms)s::real[], %(embeddings)s::halfvec[])
         AS v(ordinal, part, norm, embedding)
    JOIN item i ON i.ordinal = v.ordinal
    WHERE (SELECT count(*) FROM gone_vectors) >= 0
), texts AS (
    SELECT i.id, i.text, i.terms, i.language FROM item i WHERE i.text IS NOT NULL
), parsed AS (
-- include: parsed_texts
), terms AS (
    INSERT INTO persistmem.terms (namespace, term, memory_id, times, length)
    SELECT %(namespace)s::text, p.word, p.memory_id, least(p.times, 32767)::smallint,
           least(sum(p.times) OVER (PARTITION BY p.memory_id), 32767)::smallint
    FROM parsed p
    WHERE (SELECT count(*) FROM gone_terms) >= 0
    ORDER BY p.word, p.memory_id
    RETURNING memory_id, times
), entry AS MATERIALIZED (
    SELECT %(action)s::text AS action, array_agg(i.id ORDER BY i.ordinal) AS ids, %(details)s::jsonb AS details FROM item i
), last AS MATERIALIZED (
    SELECT n.generation, n.audit_length + 1 AS number, n.audit_head, clock_timestamp() AS recorded_at
    FROM persistmem.namespaces n WHERE n.namespace = %(namespace)s::text AND %(is_audited)s::boolean
),
-- include: sealed
, audited AS (
-- include: insert_audit
)
UPDATE persistmem.namespaces n
SET documents = n.documents + s.documents, terms = n.terms + s.terms,
    audit_length = coalesce(s.number, n.audit_length), audit_head = coalesce(s.digest, n.audit_head),
    recent_writes = CASE WHEN %(write)s::uuid = ANY (n.recent_writes) THEN n.recent_writes
                         ELSE (ARRAY[%(write)s::uuid] || n.recent_writes)[1:16] END
FROM (SELECT (SELECT count(DISTINCT memory_id) FROM terms) - (SELECT count(DISTINCT memory_id) FROM gone_terms) AS documents,
             (SELECT coalesce(sum(times), 0)::bigint FROM terms)
             - (SELECT coalesce(sum(times), 0)::bigint FROM gone_terms) AS terms,
             (SELECT number FROM sealed) AS number, (SELECT digest FROM sealed) AS digest) s
WHERE n.namespace = %(namespace)s::text

-- name: get_memories
-- The current memories under these keys.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.key = ANY (%(keys)s::text[]) AND m.status = 'active'
  AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)

-- name: get_items
-- The current memories under these keys as a store returns them.
SELECT m.id, m.key, m.value, m.recorded_at, m.updated_at, m.expires_at
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.key = ANY (%(keys)s::text[]) AND m.status = 'active'
  AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)

-- part: listed
    m.listed AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
    AND (%(sources)s::text[] IS NULL OR m.source = ANY (%(sources)s::text[]))
    AND (%(since)s::timestamptz IS NULL OR m.valid_from >= %(since)s::timestamptz)
    AND (%(until)s::timestamptz IS NULL OR m.valid_from < %(until)s::timestamptz)

-- name: list_memories
-- Current memories, newest first, in the order of their index.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND
-- include: listed
  AND {condition}
ORDER BY m.updated_at DESC, m.key
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint

-- name: list_memories_of_status
-- Memories of any status, those of the past and those that wait included, newest first; their namespace is read and sorted.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.status = ANY (%(statuses)s::text[]) AND
-- include: listed
  AND {condition}
ORDER BY m.updated_at DESC, m.key, m.id DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint

-- name: memories_by_topic
-- Current memories whose keys begin with one of a few topics, as recall returns its candidates: a set of which a part was found.
SELECT
-- include: memory
       , false AS always, 0::bigint AS uses, NULL::float8 AS similarity, 0::float8 AS lexical,
       '{{}}'::uuid[] AS turn_ids, '{{}}'::text[] AS past_quotes
FROM unnest(%(begins)s::text[], %(ends)s::text[]) AS topic (begin, until)
CROSS JOIN LATERAL (
    SELECT m.*
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.key >= topic.begin AND m.key < topic.until
      AND m.text IS NOT NULL AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
      AND {condition}
    ORDER BY m.key
    LIMIT %(most)s::bigint
) m

-- name: profile_memories
-- What current memories say that belongs into a profile: name, preferences, goals, how to behave.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.status = 'active' AND m.text IS NOT NULL
  AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
  AND ((m.kind = 'procedural' AND m.source IN ('user', 'operator')) OR m.key = 'fact:name'
       OR (m.speaker IS NOT NULL AND m.key LIKE 'fact:%%\_name')
       OR (m.kind = 'semantic' AND coalesce(m.category, m.value ->> 'type') IN ('preference', 'goal')))
ORDER BY m.importance DESC, m.id
LIMIT %(limit)s::bigint

-- name: list_items
-- Items of all namespaces under a prefix, newest first: the store's search without a query.
SELECT m.namespace, m.id, m.key, m.value, m.recorded_at, m.updated_at, m.expires_at
FROM persistmem.memories m
WHERE (m.namespace = %(exact)s::text OR (m.namespace >= %(from)s::text AND m.namespace < %(until)s::text))
  AND m.status = 'active' AND m.listed
  AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
  AND {condition}
ORDER BY m.updated_at DESC, m.key, m.namespace
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint

-- name: refresh_items
-- Items with a time to live that were read live on; its own statement, because reads never write.
WITH held AS (
    -- As for every write: without the namespace's lock this could deadlock with one.
    SELECT n.namespace FROM persistmem.namespaces n WHERE n.namespace = %(namespace)s::text
-- include: unless_paused
    FOR NO KEY UPDATE
), read AS (
    UPDATE persistmem.memories
    SET expires_at = greatest(expires_at, %(now)s::timestamptz + time_to_live)
    WHERE namespace = %(namespace)s::text AND key = ANY (%(keys)s::text[])
      AND status = 'active' AND time_to_live IS NOT NULL AND expires_at > %(now)s::timestamptz
      AND EXISTS (SELECT 1 FROM held)
    RETURNING id, expires_at
)
UPDATE persistmem.vectors v
SET expires_at = read.expires_at
FROM read
WHERE v.namespace = %(namespace)s::text AND v.memory_id = read.id

-- name: find_expired_memories
-- What the sweep erases next, by namespace; every shard is visited, by design.
SELECT m.namespace, array_agg(m.id) AS ids
FROM (
    SELECT namespace, id
    FROM persistmem.memories
    WHERE expires_at <= %(now)s::timestamptz
    ORDER BY expires_at
    LIMIT %(limit)s::bigint
) m
GROUP BY m.namespace
ORDER BY m.namespace

-- name: still_expired
-- Which of these have expired, asked again under the namespace's lock: an item may have been read or put meanwhile.
SELECT m.id
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[]) AND m.expires_at <= %(now)s::timestamptz

-- name: record_uses
-- These memories were shown to a model.
INSERT INTO persistmem.uses AS u (namespace, memory_id, times, last_used_at)
SELECT m.namespace, m.id, 1, %(now)s::timestamptz
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.key = ANY (%(keys)s::text[]) AND m.status = 'active'
ON CONFLICT (namespace, memory_id)
DO UPDATE SET times = u.times + 1, last_used_at = excluded.last_used_at,
              -- The last use on an earlier day: what is known as of the beginning of a conversation of today.
              prior_used_at = CASE WHEN (u.last_used_at AT TIME ZONE 'UTC')::date < (excluded.last_used_at AT TIME ZONE 'UTC')::date
                                   THEN u.last_used_at ELSE u.prior_used_at END
