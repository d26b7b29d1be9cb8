-- name: known_messages
-- Which of these messages are stored already, so that a long thread is not sent again at each turn.
SELECT id FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND id = ANY (%(ids)s::text[])

-- name: insert_messages
-- Append turns to a thread; one that is there already stays as it is, so that a retry stores nothing twice.
INSERT INTO persistmem.messages
    (namespace, thread_id, id, position, role, speaker, text, content, sent_at, recorded_at, extracted_at)
SELECT %(namespace)s::text, %(thread_id)s::text, r.id, last.position + r.ordinal, r.role, r.speaker, r.text, r.content,
       r.sent_at, %(now)s::timestamptz, CASE WHEN r.role IN ('user', 'assistant') THEN NULL ELSE %(now)s::timestamptz END
FROM json_to_recordset(%(rows)s::json) AS r(
         id text, ordinal bigint, role text, speaker text, text text, content json, sent_at timestamptz),
     (SELECT coalesce(max(position), 0) AS position FROM persistmem.messages
      WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text) AS last
ON CONFLICT (namespace, thread_id, id) DO NOTHING

-- name: messages_to_extract
-- The turns of a thread that memory has not looked at yet, oldest first.
SELECT id, position, role, speaker, text, content, sent_at
FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND extracted_at IS NULL
ORDER BY position
LIMIT %(limit)s::integer

-- name: mark_extracted
-- Close turns; a caller that gets fewer than it asked for was overtaken and gives up its work.
UPDATE persistmem.messages SET extracted_at = %(now)s::timestamptz
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text
  AND id = ANY (%(ids)s::text[]) AND extracted_at IS NULL

-- name: list_threads
-- The threads of a namespace that wait for extraction, for resuming after a crash.
SELECT DISTINCT thread_id FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND extracted_at IS NULL

-- name: read_messages
-- A page of a thread, counted from its end, where a reader begins; the latest first.
SELECT id, position, role, speaker, text, content, sent_at
FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text
ORDER BY position DESC
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint

-- name: clear_thread
-- The turns of a thread; what was learnt from them stays.
DELETE FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text
