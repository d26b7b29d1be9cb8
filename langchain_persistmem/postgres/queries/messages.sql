-- name: existing_messages
-- Which of these messages are stored already, so that a long thread is not sent again at each turn, with the digests by which
-- an edit is told from a repetition; and whether the thread is off the record, asked under the namespace's lock.
SELECT array(SELECT id FROM persistmem.messages
             WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text
               AND id = ANY (%(ids)s::text[]) ORDER BY position) AS known,
       array(SELECT digest FROM persistmem.messages
             WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text
               AND id = ANY (%(ids)s::text[]) ORDER BY position) AS digests,
       EXISTS (SELECT 1 FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
               AND t.thread_id = %(thread_id)s::text AND t.off_record) AS off_record

-- name: insert_messages
-- Append turns to a thread; one that is there already stays as it is, so that a retry stores nothing twice.
-- Whose thread it is, is noted with them.
WITH registered AS (
    INSERT INTO persistmem.threads (namespace, thread_id, recorded_at)
    VALUES (%(namespace)s::text, %(thread_id)s::text, %(now)s::timestamptz)
    ON CONFLICT (namespace, thread_id) DO NOTHING
)
INSERT INTO persistmem.messages
    (namespace, thread_id, id, position, role, speaker, text, content, sent_at, utc_offset, recorded_at, extracted_at,
     withheld, outcome, digest)
SELECT %(namespace)s::text, %(thread_id)s::text, r.id, last.position + r.ordinal, r.role, r.speaker, r.text, r.content,
       r.sent_at, r.utc_offset, %(now)s::timestamptz, CASE WHEN r.role IN ('user', 'assistant') AND NOT %(withheld)s::boolean THEN NULL
                   ELSE %(now)s::timestamptz END, %(withheld)s::boolean,
       CASE WHEN %(withheld)s::boolean THEN 'withheld' WHEN r.role NOT IN ('user', 'assistant') THEN 'nothing' END,
       decode(r.digest, 'hex')
FROM json_to_recordset(%(rows)s::json) AS r(
         id text, ordinal bigint, role text, speaker text, text text, content json, sent_at timestamptz,
         utc_offset smallint, digest text),
     (SELECT coalesce(max(position), 0) AS position FROM persistmem.messages
      WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text) AS last
ON CONFLICT (namespace, thread_id, id) DO NOTHING

-- name: message_versions
-- What the ids of the next versions of messages follow from.
SELECT m.id, m.recorded_at, m.version, m.turn_id
FROM persistmem.messages m
WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text AND m.id = ANY (%(ids)s::text[])

-- name: edit_messages
-- Other words under ids that are there: a new version in the same position, which is learnt from anew.
UPDATE persistmem.messages m
SET role = r.role, speaker = r.speaker, text = r.text, content = r.content, digest = decode(r.digest, 'hex'),
    version = m.version + 1, turn_id = r.turn_id, given_up_at = NULL, failure = NULL,
    withheld = m.withheld OR %(withheld)s::boolean,
    extracted_at = CASE WHEN r.role IN ('user', 'assistant') AND NOT m.withheld AND NOT %(withheld)s::boolean THEN NULL
                        ELSE %(now)s::timestamptz END,
    outcome = CASE WHEN m.withheld OR %(withheld)s::boolean THEN 'withheld' WHEN r.role NOT IN ('user', 'assistant') THEN 'nothing' END
FROM json_to_recordset(%(rows)s::json) AS r(
         id text, role text, speaker text, text text, content json, digest text, turn_id uuid)
WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text AND m.id = r.id

-- name: supersede_wordings
-- The turns of older words, and the statements that rest on these alone, are past; a person's pin holds for statements. What no
-- entry point recalls stays so: what waited for review was never true, as of no time.
UPDATE persistmem.memories m
SET status = CASE WHEN m.status IN ('active', 'quarantined') THEN 'superseded' ELSE m.status END, superseded_by = r.new,
    valid_until = CASE WHEN m.status = 'quarantined' THEN m.valid_from
                       ELSE coalesce(m.valid_until, greatest(m.valid_from, %(now)s::timestamptz)) END, review_of = NULL,
    review = CASE WHEN m.status = 'quarantined' THEN NULL ELSE m.review END, updated_at = %(now)s::timestamptz
FROM json_to_recordset(%(rows)s::json) AS r(id text, old uuid, new uuid)
WHERE m.namespace = %(namespace)s::text AND m.superseded_by IS NULL
  AND (CASE WHEN m.is_turn THEN m.id = r.old
       ELSE NOT m.pinned AND m.kind <> 'profile' AND m.status IN ('active', 'quarantined')
            AND (EXISTS (SELECT 1 FROM persistmem.memory_turns l WHERE l.namespace = %(namespace)s::text
                         AND l.memory_id = m.id AND l.turn_id = r.old)
                 OR (m.thread_id = %(thread_id)s::text AND m.provenance -> 'message_ids' ->> 0 = r.id
                     AND jsonb_array_length(m.provenance -> 'message_ids') = 1))
            AND NOT EXISTS (SELECT 1 FROM persistmem.memory_turns l WHERE l.namespace = %(namespace)s::text
                            AND l.memory_id = m.id AND l.turn_id IS DISTINCT FROM r.old) END)
RETURNING
-- include: memory
    , r.new, m.listed AND (SELECT old.status = 'active' FROM persistmem.memories old
                           WHERE old.namespace = %(namespace)s::text AND old.id = m.id) AS was_listed

-- name: messages_to_extract
-- The turns of a thread that memory has not looked at yet, oldest first.
SELECT id, position, role, speaker, text, content, sent_at, utc_offset
FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND extracted_at IS NULL AND given_up_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
                  AND t.thread_id = %(thread_id)s::text AND t.off_record)
ORDER BY position
LIMIT %(limit)s::integer

-- name: messages_before
-- The last turns before a place in a thread that were learnt from, the latest first: what a short answer refers to.
SELECT id, position, role, speaker, text, content, sent_at, utc_offset
FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND position < %(position)s::bigint
  AND role IN ('user', 'assistant') AND extracted_at IS NOT NULL AND given_up_at IS NULL AND NOT withheld
ORDER BY position DESC
LIMIT %(limit)s::integer

-- name: tool_outputs
-- What tools put out between two places of a thread, the latest first: it is not the user's, whoever repeats it.
SELECT left(text, %(chars)s::integer) AS text
FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND role = 'tool'
  AND position BETWEEN %(first)s::bigint AND %(last)s::bigint
ORDER BY position DESC
LIMIT %(limit)s::integer

-- name: count_open
-- How many turns of a thread wait to be learnt from.
SELECT count(*) AS waiting FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND extracted_at IS NULL AND given_up_at IS NULL

-- name: mark_extracted
-- Close turns; a caller that gets fewer than it asked for was overtaken and gives up its work.
UPDATE persistmem.messages SET extracted_at = %(now)s::timestamptz
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text
  AND id = ANY (%(ids)s::text[]) AND extracted_at IS NULL

-- name: read_messages
-- A page of a thread, counted from its end, where a reader begins; the latest first.
SELECT id, position, role, speaker, text, content, sent_at, utc_offset
FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text
ORDER BY position DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint

-- name: turns_of_thread
-- The turns of a thread in every version, also those of which only links are left.
SELECT m.id FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text
  AND (m.is_turn OR m.provenance ->> 'extractor' = 'turns')
UNION
SELECT m.turn_id FROM persistmem.messages m
WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text AND m.turn_id IS NOT NULL

-- name: clear_thread
-- The turns of a thread; what was learnt from them stays.
DELETE FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text

-- name: give_up_messages
-- No attempt could learn from these turns: they stay, and are left out until they are retried.
UPDATE persistmem.messages SET given_up_at = %(now)s::timestamptz, failure = %(failure)s::text
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND extracted_at IS NULL
  AND (%(ids)s::text[] IS NULL OR id = ANY (%(ids)s::text[]))

-- name: list_dead_letters
-- The dead letters of a namespace, or of all for whoever runs the database, by thread; no content.
SELECT namespace, thread_id, count(*) AS messages, max(failure) AS failure, max(given_up_at) AS failed_at
FROM persistmem.messages
WHERE (%(namespace)s::text IS NULL OR namespace = %(namespace)s::text) AND given_up_at IS NOT NULL
GROUP BY namespace, thread_id
ORDER BY namespace, thread_id

-- name: retry_dead_letters
-- Dead letters are learnt from once more.
UPDATE persistmem.messages SET given_up_at = NULL, failure = NULL
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND given_up_at IS NOT NULL
