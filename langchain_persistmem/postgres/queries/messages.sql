-- name: known_messages
-- Which of these messages are stored already, so that a long thread is not sent again at each turn; and whether
-- the thread is off the record, asked under the namespace's lock.
SELECT array(SELECT id FROM persistmem.messages
             WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text
               AND id = ANY (%(ids)s::text[])) AS known,
       EXISTS (SELECT FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
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
     withheld, outcome)
SELECT %(namespace)s::text, %(thread_id)s::text, r.id, last.position + r.ordinal, r.role, r.speaker, r.text, r.content,
       r.sent_at, r.utc_offset, %(now)s::timestamptz, CASE WHEN r.role IN ('user', 'assistant') AND NOT %(withheld)s::boolean THEN NULL
                   ELSE %(now)s::timestamptz END, %(withheld)s::boolean,
       CASE WHEN %(withheld)s::boolean THEN 'withheld' WHEN r.role NOT IN ('user', 'assistant') THEN 'nothing' END
FROM json_to_recordset(%(rows)s::json) AS r(
         id text, ordinal bigint, role text, speaker text, text text, content json, sent_at timestamptz,
         utc_offset smallint),
     (SELECT coalesce(max(position), 0) AS position FROM persistmem.messages
      WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text) AS last
ON CONFLICT (namespace, thread_id, id) DO NOTHING

-- name: messages_to_extract
-- The turns of a thread that memory has not looked at yet, oldest first.
SELECT id, position, role, speaker, text, content, sent_at, utc_offset
FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND extracted_at IS NULL AND given_up_at IS NULL
  AND NOT EXISTS (SELECT FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
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
-- The dead letters of a namespace, by thread; no content.
SELECT thread_id, count(*) AS messages, max(failure) AS failure, max(given_up_at) AS failed_at
FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND given_up_at IS NOT NULL
GROUP BY thread_id
ORDER BY thread_id

-- name: retry_dead_letters
-- Dead letters are learnt from once more.
UPDATE persistmem.messages SET given_up_at = NULL, failure = NULL
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND given_up_at IS NOT NULL
