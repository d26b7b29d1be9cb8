-- name: diagnose_server
-- What a server says of itself to any role, before setup() as well; a replica too.
SELECT current_setting('server_version_num')::integer AS server_version,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS vector_version,
       EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') AS vector_available,
       to_regclass('persistmem.migrations') IS NOT NULL AS migrated,
       (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()) AS encoding,
       current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('autovacuum') AS autovacuum, current_setting('track_counts') AS track_counts,
       current_setting('statement_timeout') AS statement_timeout,
       current_setting('idle_in_transaction_session_timeout') AS idle_in_transaction_session_timeout,
       current_setting('max_connections')::integer AS max_connections,
       current_setting('superuser_reserved_connections')::integer AS reserved_connections,
       current_setting('default_transaction_read_only') AS read_only,
       pg_is_in_recovery() AS replica, pg_backend_pid() AS backend_pid, clock_timestamp() AS now,
       r.rolname AS role, r.rolsuper AS superuser, r.rolbypassrls AS bypasses,
       EXISTS (SELECT 1 FROM pg_ts_config c WHERE c.cfgname = split_part('.' || %(language)s::text, '.', -1)) AS has_language
FROM pg_roles r WHERE r.rolname = current_user

-- name: diagnose_tables
-- What the catalog knows of our tables: whose they are, what of them this role may do that it need not, what guards them.
SELECT c.relname AS name, pg_has_role(c.relowner, 'USAGE') AS owned, c.relrowsecurity AS guarded,
       EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid) AS has_policy,
       has_table_privilege(c.oid, 'SELECT') AS may_read,
       has_table_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE')
       OR has_table_privilege(c.oid, 'TRUNCATE') AS may_change,
       coalesce(s.n_live_tup, 0) AS live, c.relpages AS pages, c.relallvisible AS all_visible,
       coalesce(array_to_string(c.reloptions, ' '), '') LIKE '%%autovacuum_enabled=false%%' AS vacuum_off
FROM pg_class c
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
WHERE c.relnamespace = to_regnamespace('persistmem') AND c.relkind IN ('r', 'p')
ORDER BY c.relname

-- name: diagnose_indexes
-- Our indexes, and LangGraph's on its checkpoints; one whose building was broken off is not valid.
SELECT i.indexrelid::regclass::text AS name, i.indisvalid AND i.indisready AS valid
FROM pg_index i
JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = to_regnamespace('persistmem')
   OR t.oid IN (to_regclass('checkpoints'), to_regclass('checkpoint_blobs'), to_regclass('checkpoint_writes'))
ORDER BY 1

-- name: diagnose_orphans
-- Rows without what they belong to, among so many of each table. No statement of ours leaves any, and but for what names a memory the
-- foreign keys forbid them; a restore without these does not.
SELECT 'vectors' AS name, count(*) AS orphans
FROM (SELECT namespace, memory_id FROM persistmem.vectors WHERE true {some}) r
WHERE NOT EXISTS (SELECT 1 FROM persistmem.memories m WHERE m.namespace = r.namespace AND m.id = r.memory_id)
UNION ALL
SELECT 'terms', count(*) FROM (SELECT namespace, memory_id FROM persistmem.terms WHERE true {some}) r
WHERE NOT EXISTS (SELECT 1 FROM persistmem.memories m WHERE m.namespace = r.namespace AND m.id = r.memory_id)
UNION ALL
SELECT 'uses', count(*) FROM (SELECT namespace, memory_id FROM persistmem.uses WHERE true {some}) r
WHERE NOT EXISTS (SELECT 1 FROM persistmem.memories m WHERE m.namespace = r.namespace AND m.id = r.memory_id)
UNION ALL
SELECT 'changes', count(*) FROM (SELECT namespace, memory_id FROM persistmem.changes WHERE true {some}) r
WHERE NOT EXISTS (SELECT 1 FROM persistmem.memories m WHERE m.namespace = r.namespace AND m.id = r.memory_id)
UNION ALL
SELECT 'memory_turns', count(*) FROM (SELECT namespace, memory_id FROM persistmem.memory_turns WHERE true {some}) r
WHERE NOT EXISTS (SELECT 1 FROM persistmem.memories m WHERE m.namespace = r.namespace AND m.id = r.memory_id)
UNION ALL
SELECT 'memories', count(*) FROM (SELECT namespace FROM persistmem.memories WHERE true {some}) r
WHERE NOT EXISTS (SELECT 1 FROM persistmem.namespaces n WHERE n.namespace = r.namespace)
UNION ALL
SELECT 'messages', count(*) FROM (SELECT namespace FROM persistmem.messages WHERE true {some}) r
WHERE NOT EXISTS (SELECT 1 FROM persistmem.namespaces n WHERE n.namespace = r.namespace)
UNION ALL
SELECT 'audit', count(*) FROM (SELECT namespace FROM persistmem.audit WHERE true {some}) r
WHERE NOT EXISTS (SELECT 1 FROM persistmem.namespaces n WHERE n.namespace = r.namespace)

-- name: sample_namespaces
-- Namespaces that have anything, so many for each table: where tables are distributed, a look is at some namespaces and not at
-- some rows. Every shard is asked, by design.
(SELECT DISTINCT namespace FROM persistmem.namespaces LIMIT %(most)s::bigint)
UNION
(SELECT DISTINCT namespace FROM persistmem.memories LIMIT %(most)s::bigint)
UNION
(SELECT DISTINCT namespace FROM persistmem.vectors LIMIT %(most)s::bigint)
UNION
(SELECT DISTINCT namespace FROM persistmem.terms LIMIT %(most)s::bigint)
UNION
(SELECT DISTINCT namespace FROM persistmem.uses LIMIT %(most)s::bigint)
UNION
(SELECT DISTINCT namespace FROM persistmem.changes LIMIT %(most)s::bigint)
UNION
(SELECT DISTINCT namespace FROM persistmem.memory_turns LIMIT %(most)s::bigint)
UNION
(SELECT DISTINCT namespace FROM persistmem.messages LIMIT %(most)s::bigint)

-- name: pick_namespaces
-- Some namespaces, by hash.
SELECT namespace FROM persistmem.namespaces ORDER BY md5(namespace) LIMIT %(most)s::bigint

-- name: diagnose_counters
-- Of these namespaces, those whose BM25 counters are not what their terms add up to; one statement, one moment.
SELECT count(*) AS looked_at,
       coalesce(sum((n.documents <> coalesce(w.documents, 0) OR n.terms <> coalesce(w.terms, 0))::integer), 0)::bigint AS wrong
FROM persistmem.namespaces n
LEFT JOIN (
    SELECT namespace, count(DISTINCT memory_id) AS documents, sum(times) AS terms
    FROM persistmem.terms
    WHERE namespace = ANY (%(namespaces)s::text[])
    GROUP BY namespace
) w ON w.namespace = n.namespace
WHERE n.namespace = ANY (%(namespaces)s::text[])

-- name: diagnose_vectors
-- Current memories, of so many, without a vector of the model that was opened: they are searched by words only.
SELECT count(*) AS missing
FROM (SELECT namespace, id FROM persistmem.memories
      WHERE status = 'active' AND text IS NOT NULL AND kind <> 'profile' {some}) m
WHERE NOT EXISTS (
      SELECT 1 FROM persistmem.vectors v
      WHERE v.namespace = m.namespace AND v.memory_id = m.id
        AND (%(model)s::smallint IS NULL OR v.model = %(model)s::smallint))

-- name: count_models
-- Vectors by model, of so many.
SELECT v.model, count(*) AS vectors FROM (SELECT model FROM persistmem.vectors WHERE true {some}) v GROUP BY v.model

-- name: diagnose_work
-- What waits, what is stuck, and what waits for a person.
SELECT (SELECT count(*) FROM persistmem.pending_work
        WHERE due_at < now() - make_interval(secs => %(overdue)s::float8)
          AND (leased_until IS NULL OR leased_until < now())) AS overdue,
       (SELECT count(*) FROM persistmem.pending_work WHERE attempts > 0) AS failing,
       (SELECT count(*) FROM persistmem.messages WHERE given_up_at IS NOT NULL) AS dead_letters,
       (SELECT count(*) FROM persistmem.memories WHERE status = 'quarantined') AS review,
       (SELECT count(*) FROM persistmem.rewrites WHERE due_at < 'infinity') AS rewrites,
       (SELECT count(*) FROM persistmem.rewrites WHERE attempts > 0) AS rewrites_failing,
       (SELECT count(*) FROM persistmem.rewrites WHERE due_at < now() - interval '1 day') AS rewrites_stuck,
       (SELECT count(*) FROM persistmem.erasures WHERE completed_at IS NULL
          AND erased_at < now() - make_interval(secs => %(unfinished)s::float8)) AS erasures
