-- name: erasable
-- What goes when these memories go: every version under their keys, and the turns they came from. Here and below the namespace
-- stands in a sub-select, so that a connection plans a statement once for all namespaces; see exact_scan.sql.
SELECT m.id, m.key, m.thread_id, m.provenance
FROM persistmem.memories m
WHERE m.namespace = (SELECT %(namespace)s::text)
  AND m.key = ANY (%(keys)s::text[])

-- part: erased
     -- The rows of ``going``, and all that names them.
     v AS (DELETE FROM persistmem.vectors WHERE namespace = (SELECT %(namespace)s::text)
           AND memory_id = ANY (ARRAY(SELECT id FROM going)) RETURNING 1),
     w AS (DELETE FROM persistmem.terms WHERE namespace = (SELECT %(namespace)s::text)
           AND memory_id = ANY (ARRAY(SELECT id FROM going)) RETURNING memory_id, times),
     u AS (DELETE FROM persistmem.uses WHERE namespace = (SELECT %(namespace)s::text)
           AND memory_id = ANY (ARRAY(SELECT id FROM going)) RETURNING 1),
     c AS (DELETE FROM persistmem.changes WHERE namespace = (SELECT %(namespace)s::text)
           AND memory_id = ANY (ARRAY(SELECT id FROM going)) RETURNING 1),
     -- Links of statements that go, and to turns that do.
     l AS (DELETE FROM persistmem.memory_turns WHERE namespace = (SELECT %(namespace)s::text)
           AND (memory_id = ANY (ARRAY(SELECT id FROM going))
                OR turn_id = ANY (ARRAY(SELECT id FROM going)) AND NOT %(leave_links)s::boolean)),
     m AS (DELETE FROM persistmem.memories WHERE namespace = (SELECT %(namespace)s::text)
           AND id = ANY (ARRAY(SELECT id FROM going)) RETURNING id),
     n AS (UPDATE persistmem.namespaces SET documents = documents - (SELECT count(DISTINCT memory_id) FROM w),
                  terms = terms - (SELECT coalesce(sum(times), 0)::bigint FROM w)
           WHERE namespace = %(namespace)s::text)

-- name: erase_memories
-- Memories and all that hangs on them; the counts by table are the receipt.
WITH going AS MATERIALIZED (SELECT id FROM unnest(%(ids)s::uuid[]) AS id),
-- include: erased
SELECT (SELECT count(*) FROM m) AS memories, (SELECT count(*) FROM v) AS vectors,
       (SELECT count(*) FROM w) AS terms, (SELECT count(*) FROM u) AS uses, (SELECT count(*) FROM c) AS changes

-- name: erase_items
-- A store's deletes: every version under these keys, as superseded ones of a deleted key would otherwise stay for ever.
WITH going AS MATERIALIZED (
    SELECT m.id FROM persistmem.memories m
    WHERE m.namespace = (SELECT %(namespace)s::text) AND m.key = ANY (%(keys)s::text[])
),
-- include: erased
SELECT id FROM m ORDER BY id

-- name: memories_of_messages
-- Memories that came from any of these turns, whatever their status: a turn that goes takes them with it.
SELECT m.id FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.thread_id = %(thread_id)s::text
  AND m.provenance -> 'message_ids' ?| %(message_ids)s::text[]

-- name: erase_messages
-- The turns themselves.
DELETE FROM persistmem.messages
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND id = ANY (%(ids)s::text[])

-- name: namespaces_naming
-- The namespaces that begin with these labels, of which NULL is any: a label is equal or it is not, "user1" is not "user10".
SELECT n.namespace, n.generation
FROM persistmem.namespaces n
WHERE n.namespace >= %(from)s::text AND n.namespace < %(until)s::text
  AND NOT EXISTS (
      SELECT 1 FROM unnest(%(labels)s::text[]) WITH ORDINALITY AS l (label, place)
      WHERE split_part(n.namespace, '/', l.place::int) = ''
         OR split_part(n.namespace, '/', l.place::int) <> l.label
  )
ORDER BY n.namespace

-- name: erase_namespace
-- Everything of one namespace, its row and so its generation included.
WITH v AS (DELETE FROM persistmem.vectors WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     w AS (DELETE FROM persistmem.terms WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     u AS (DELETE FROM persistmem.uses WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     c AS (DELETE FROM persistmem.changes WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     p AS (DELETE FROM persistmem.pending_work WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     l AS (DELETE FROM persistmem.model_calls WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     k AS (DELETE FROM persistmem.memory_turns WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     o AS (DELETE FROM persistmem.omissions WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     m AS (DELETE FROM persistmem.memories WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     t AS (DELETE FROM persistmem.messages WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     r AS (DELETE FROM persistmem.threads WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     h AS (DELETE FROM persistmem.missing_vectors WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     f AS (DELETE FROM persistmem.rewrites WHERE namespace = (SELECT %(namespace)s::text) RETURNING 1),
     -- It goes with the namespace's row, by the foreign key: the application's role has no right to delete from it.
     a AS (SELECT 1 FROM persistmem.audit WHERE namespace = (SELECT %(namespace)s::text)),
     n AS (DELETE FROM persistmem.namespaces WHERE namespace = (SELECT %(namespace)s::text) RETURNING hnsw_index, hnsw_documents)
SELECT (SELECT count(*) FROM m) AS memories, (SELECT count(*) FROM v) AS vectors, (SELECT count(*) FROM w) AS terms,
       (SELECT count(*) FROM u) AS uses, (SELECT count(*) FROM t) AS messages, (SELECT count(*) FROM n) AS namespaces,
       (SELECT count(*) FROM c) AS changes, (SELECT count(*) FROM p) AS pending_work, (SELECT count(*) FROM l) AS model_calls,
       (SELECT count(*) FROM r) AS threads, (SELECT count(*) FROM a) AS audit, (SELECT count(*) FROM h) AS missing_vectors,
       (SELECT count(*) FROM k) AS memory_turns, (SELECT count(*) FROM o) AS omissions,
       (SELECT count(*) FROM f) AS rewrites, (SELECT hnsw_index FROM n) AS hnsw_index,
       (SELECT hnsw_documents FROM n) AS hnsw_documents

-- name: count_rest_of_namespace
-- What an erase has left, by table: nothing, or it is taken back.
SELECT (SELECT count(*) FROM persistmem.memories WHERE namespace = (SELECT %(namespace)s::text)) AS memories,
       (SELECT count(*) FROM persistmem.vectors WHERE namespace = (SELECT %(namespace)s::text)) AS vectors,
       (SELECT count(*) FROM persistmem.terms WHERE namespace = (SELECT %(namespace)s::text)) AS terms,
       (SELECT count(*) FROM persistmem.uses WHERE namespace = (SELECT %(namespace)s::text)) AS uses,
       (SELECT count(*) FROM persistmem.changes WHERE namespace = (SELECT %(namespace)s::text)) AS changes,
       (SELECT count(*) FROM persistmem.messages WHERE namespace = (SELECT %(namespace)s::text)) AS messages,
       (SELECT count(*) FROM persistmem.pending_work WHERE namespace = (SELECT %(namespace)s::text)) AS pending_work,
       (SELECT count(*) FROM persistmem.model_calls WHERE namespace = (SELECT %(namespace)s::text)) AS model_calls,
       (SELECT count(*) FROM persistmem.threads WHERE namespace = (SELECT %(namespace)s::text)) AS threads,
       (SELECT count(*) FROM persistmem.missing_vectors WHERE namespace = (SELECT %(namespace)s::text)) AS missing_vectors,
       (SELECT count(*) FROM persistmem.audit WHERE namespace = (SELECT %(namespace)s::text)) AS audit,
       (SELECT count(*) FROM persistmem.memory_turns WHERE namespace = (SELECT %(namespace)s::text)) AS memory_turns,
       (SELECT count(*) FROM persistmem.omissions WHERE namespace = (SELECT %(namespace)s::text)) AS omissions,
       (SELECT count(*) FROM persistmem.rewrites WHERE namespace = (SELECT %(namespace)s::text)) AS rewrites,
       (SELECT count(*) FROM persistmem.namespaces WHERE namespace = (SELECT %(namespace)s::text)) AS namespaces

-- name: count_rest_of_checkpoints
-- The same, of LangGraph's tables.
SELECT (SELECT count(*) FROM checkpoints WHERE thread_id = ANY (%(thread_ids)s::text[])) AS checkpoints,
       (SELECT count(*) FROM checkpoint_blobs WHERE thread_id = ANY (%(thread_ids)s::text[])) AS checkpoint_blobs,
       (SELECT count(*) FROM checkpoint_writes WHERE thread_id = ANY (%(thread_ids)s::text[])) AS checkpoint_writes

-- name: checkpoint_tables
-- Whether LangGraph's tables exist here, and mark what runs stored that named a person.
SELECT to_regclass('checkpoints') IS NOT NULL AND to_regclass('checkpoint_blobs') IS NOT NULL
   AND to_regclass('checkpoint_writes') IS NOT NULL AS present,
       EXISTS (SELECT 1 FROM pg_attribute a
               WHERE a.attrelid = to_regclass('checkpoints') AND a.attname = 'persistmem_owned') AS marks_owned

-- name: find_threads_with_checkpoints
-- Threads that have checkpoints, in which a forgotten turn may still stand.
SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id = ANY (%(thread_ids)s::text[]) ORDER BY thread_id

-- name: erase_checkpoints
-- LangGraph's own tables, by the person's threads.
WITH c AS (DELETE FROM checkpoints WHERE thread_id = ANY (%(thread_ids)s::text[]) RETURNING 1),
     b AS (DELETE FROM checkpoint_blobs WHERE thread_id = ANY (%(thread_ids)s::text[]) RETURNING 1),
     w AS (DELETE FROM checkpoint_writes WHERE thread_id = ANY (%(thread_ids)s::text[]) RETURNING 1)
SELECT (SELECT count(*) FROM c) AS checkpoints, (SELECT count(*) FROM b) AS checkpoint_blobs,
       (SELECT count(*) FROM w) AS checkpoint_writes
