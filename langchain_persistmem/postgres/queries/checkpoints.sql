-- name: lock_checkpoints
-- Who appends to one namespace of a thread waits for others who do, and for whoever changes the whole thread.
SELECT pg_advisory_xact_lock_shared(hashtextextended(%(thread_id)s::text, 7302)),
       pg_advisory_xact_lock(hashtextextended(%(thread_id)s::text || chr(31) || %(checkpoint_ns)s::text, 7303))

-- name: lock_checkpoint_threads
-- Who deletes, prunes or copies whole threads waits for everybody who appends, and they for it; in order, against deadlocks.
SELECT pg_advisory_xact_lock(hashtextextended(thread_id, 7302))
FROM (SELECT DISTINCT thread_id FROM unnest(%(thread_ids)s::text[]) AS t (thread_id) ORDER BY thread_id) AS sorted

-- name: put_checkpoint
-- A checkpoint with its blobs: no row comes back, and nothing is stored, if it continues a head that is none any more.
WITH head AS (
    SELECT checkpoint_id FROM checkpoints
    WHERE thread_id = %(thread_id)s::text AND checkpoint_ns = %(checkpoint_ns)s::text
    ORDER BY persistmem_order DESC NULLS LAST, checkpoint_id DESC
    LIMIT 1
), stored AS (
    INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata, persistmem_owned)
    SELECT %(thread_id)s::text, %(checkpoint_ns)s::text, %(checkpoint_id)s::text, %(parent_id)s::text,
           %(checkpoint)s::jsonb, %(metadata)s::jsonb, %(owned)s::boolean
    WHERE (NOT %(continues_head)s::boolean
           OR EXISTS (SELECT 1 FROM checkpoints -- put before, by a try that got no answer
                      WHERE thread_id = %(thread_id)s::text AND checkpoint_ns = %(checkpoint_ns)s::text
                        AND checkpoint_id = %(checkpoint_id)s::text)
           OR (current_setting('transaction_isolation') = 'read committed' -- or head is older than the lock
               AND (SELECT checkpoint_id FROM head) IS NOT DISTINCT FROM %(parent_id)s::text))
    ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
    DO UPDATE SET checkpoint = excluded.checkpoint, metadata = excluded.metadata, persistmem_owned = excluded.persistmem_owned
    RETURNING 1
), blobs AS (
    INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT %(thread_id)s::text, %(checkpoint_ns)s::text, b.channel, b.version, b.type, b.blob
    FROM stored, unnest(%(channels)s::text[], %(versions)s::text[], %(types)s::text[], %(blobs)s::bytea[])
         AS b (channel, version, type, blob)
    ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING
)
SELECT 1 AS stored FROM stored

-- name: put_checkpoint_writes
-- What a task wrote, as upstream stores it; special channels have a place of their own and are replaced.
INSERT INTO checkpoint_writes AS known
    (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
SELECT %(thread_id)s::text, %(checkpoint_ns)s::text, %(checkpoint_id)s::text, %(task_id)s::text, %(task_path)s::text,
       w.idx, w.channel, w.type, w.blob
FROM unnest(%(indexes)s::int[], %(channels)s::text[], %(types)s::text[], %(blobs)s::bytea[]) AS w (idx, channel, type, blob)
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
DO UPDATE SET channel = excluded.channel, type = excluded.type, blob = excluded.blob WHERE %(replace)s::boolean

-- name: checkpoint_head
-- The checkpoint that was stored last.
SELECT checkpoint_id FROM checkpoints
WHERE thread_id = %(thread_id)s::text AND checkpoint_ns = %(checkpoint_ns)s::text
ORDER BY persistmem_order DESC NULLS LAST, checkpoint_id DESC
LIMIT 1

-- name: checkpoint_delta_history
-- Per channel the writes from the nearest stored value to a checkpoint, and that value, by the parents and by no clock.
WITH RECURSIVE walk AS (
    SELECT wanted.channel, target.parent_checkpoint_id AS checkpoint_id, 1 AS steps
    FROM checkpoints target, unnest(%(channels)s::text[]) AS wanted (channel)
    WHERE target.thread_id = %(thread_id)s::text AND target.checkpoint_ns = %(checkpoint_ns)s::text
      AND target.checkpoint_id = %(checkpoint_id)s::text AND target.parent_checkpoint_id <> target.checkpoint_id
  UNION ALL
    SELECT walk.channel, c.parent_checkpoint_id, walk.steps + 1
    FROM walk
    JOIN checkpoints c ON c.thread_id = %(thread_id)s::text AND c.checkpoint_ns = %(checkpoint_ns)s::text
                      AND c.checkpoint_id = walk.checkpoint_id AND c.parent_checkpoint_id <> c.checkpoint_id
    WHERE coalesce(c.checkpoint -> 'channel_values' -> walk.channel, 'null') = 'null'
      AND NOT EXISTS (
          SELECT 1 FROM checkpoint_blobs b
          WHERE b.thread_id = c.thread_id AND b.checkpoint_ns = c.checkpoint_ns AND b.channel = walk.channel
            AND b.version = c.checkpoint -> 'channel_versions' ->> walk.channel AND b.type <> 'empty'
      )
)
SELECT walk.channel, walk.steps, w.task_id, w.task_path, w.idx, w.type, w.blob, NULL::jsonb AS inline
FROM walk
JOIN checkpoint_writes w ON w.thread_id = %(thread_id)s::text AND w.checkpoint_ns = %(checkpoint_ns)s::text
                        AND w.checkpoint_id = walk.checkpoint_id AND w.channel = walk.channel
UNION ALL
SELECT walk.channel, walk.steps, NULL, NULL, NULL, b.type, b.blob, c.checkpoint -> 'channel_values' -> walk.channel
FROM walk
JOIN checkpoints c ON c.thread_id = %(thread_id)s::text AND c.checkpoint_ns = %(checkpoint_ns)s::text
                  AND c.checkpoint_id = walk.checkpoint_id
LEFT JOIN checkpoint_blobs b ON b.thread_id = c.thread_id AND b.checkpoint_ns = c.checkpoint_ns AND b.channel = walk.channel
                            AND b.version = c.checkpoint -> 'channel_versions' ->> walk.channel AND b.type <> 'empty'
WHERE b.blob IS NOT NULL OR coalesce(c.checkpoint -> 'channel_values' -> walk.channel, 'null') <> 'null'

-- name: checkpoint_threads
-- The threads after one, in order: retention goes through all of them page by page.
SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id > %(after)s::text ORDER BY thread_id LIMIT %(limit)s::int

-- name: checkpoint_threads_of_runs
-- The threads in which these runs left checkpoints.
SELECT DISTINCT thread_id FROM checkpoints WHERE metadata ->> 'run_id' = ANY (%(run_ids)s::text[]) ORDER BY thread_id

-- name: checkpoint_thread_exists
-- Whether a thread has anything at all: a copy never mixes with it.
SELECT EXISTS (SELECT 1 FROM checkpoints WHERE thread_id = %(thread_id)s::text)
    OR EXISTS (SELECT 1 FROM checkpoint_blobs WHERE thread_id = %(thread_id)s::text)
    OR EXISTS (SELECT 1 FROM checkpoint_writes WHERE thread_id = %(thread_id)s::text) AS present

-- name: copy_checkpoints
-- Every checkpoint of a thread under another name, in the same order, so that the same one is its head.
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata, persistmem_owned)
SELECT %(target)s::text, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint,
       CASE WHEN metadata ? 'thread_id' THEN jsonb_set(metadata, ARRAY['thread_id'], to_jsonb(%(target)s::text)) ELSE metadata END,
       persistmem_owned
FROM checkpoints WHERE thread_id = %(source)s::text
ORDER BY persistmem_order NULLS FIRST, checkpoint_id

-- name: copy_checkpoint_blobs
-- The values of a thread's channels under another name.
INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
SELECT %(target)s::text, checkpoint_ns, channel, version, type, blob
FROM checkpoint_blobs WHERE thread_id = %(source)s::text

-- name: copy_checkpoint_writes
-- The writes of a thread's tasks under another name.
INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
SELECT %(target)s::text, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob
FROM checkpoint_writes WHERE thread_id = %(source)s::text

-- name: checkpoint_pending_sends
-- Sends that checkpoints before version 4 find among their parent's writes.
SELECT w.thread_id, w.checkpoint_ns, w.checkpoint_id,
       array_agg(ARRAY[w.type::bytea, w.blob] ORDER BY w.task_path, w.task_id, w.idx) AS sends
FROM checkpoint_writes w
JOIN (SELECT DISTINCT * FROM unnest(%(threads)s::text[], %(namespaces)s::text[], %(ids)s::text[])
          AS u (thread_id, checkpoint_ns, checkpoint_id)) AS p
  ON p.thread_id = w.thread_id AND p.checkpoint_ns = w.checkpoint_ns AND p.checkpoint_id = w.checkpoint_id
WHERE w.channel = '__pregel_tasks'
GROUP BY w.thread_id, w.checkpoint_ns, w.checkpoint_id

-- name: checkpoint_setup_state
-- What set-up has left to do, from the catalogue alone, so that it may be asked on a replica and by any role.
SELECT to_regclass('checkpoint_migrations') IS NOT NULL AS migrated,
       (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass('checkpoints')) AS schema,
       EXISTS (SELECT 1 FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
               WHERE a.attrelid = to_regclass('checkpoints') AND a.attname = 'persistmem_order') AS ordered,
       EXISTS (SELECT 1 FROM pg_attribute a
               WHERE a.attrelid = to_regclass('checkpoints') AND a.attname = 'persistmem_owned') AS owned,
       (SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass('checkpoints')
          AND c.relname IN ('checkpoints_persistmem_head_idx', 'checkpoints_persistmem_unowned_idx')) = 2 AS indexed

-- name: checkpoint_migration
-- The newest of LangGraph's own migrations that this database has.
SELECT coalesce(max(v), -1) AS version FROM checkpoint_migrations

-- name: invalid_checkpoint_indexes
-- Indexes that a killed CREATE INDEX CONCURRENTLY left behind: never used, and skipped by IF NOT EXISTS.
SELECT n.nspname AS schema, c.relname AS name
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid
  AND i.indrelid IN (to_regclass('checkpoints'), to_regclass('checkpoint_blobs'), to_regclass('checkpoint_writes'))

-- name: checkpoint_writers_without_order
-- Roles that may insert checkpoints and not use the sequence of their order, NULL for everybody, if this role may grant it.
SELECT DISTINCT CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END AS role, n.nspname AS schema
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class s ON s.relnamespace = n.oid AND s.relname = 'checkpoints_persistmem_order_seq'
CROSS JOIN LATERAL aclexplode(c.relacl) AS a
WHERE c.oid = to_regclass('checkpoints') AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
  AND NOT has_sequence_privilege(a.grantee, s.oid, 'USAGE') AND pg_has_role(s.relowner, 'USAGE')
  AND NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'

-- name: try_lock_checkpoint_setup
-- One set-up at a time, without waiting: a waiting session would block CREATE INDEX CONCURRENTLY.
SELECT pg_try_advisory_lock(%(key)s::bigint) AS locked

-- name: unlock_checkpoint_setup
-- A session's lock outlasts its transactions.
SELECT pg_advisory_unlock(%(key)s::bigint)
