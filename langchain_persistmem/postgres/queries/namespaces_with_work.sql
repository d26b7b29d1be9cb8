-- name: queue_work
-- There is, or will be, something to do in a namespace; of two moments the earlier one counts.
INSERT INTO persistmem.work_queue AS q (namespace, task, model, due_at)
VALUES (%(namespace)s::text, %(task)s::text, %(model)s::smallint, now() + %(pause)s::interval)
ON CONFLICT (namespace, task, model) DO UPDATE
SET due_at = least(q.due_at, excluded.due_at), revision = q.revision + 1

-- name: queue_all_work
-- The same for many namespaces, each with its moment.
INSERT INTO persistmem.work_queue AS q (namespace, task, model, due_at)
SELECT r.namespace, %(task)s::text, r.model, r.due_at
FROM unnest(%(namespaces)s::text[], %(models)s::smallint[], %(moments)s::timestamptz[]) AS r(namespace, model, due_at)
ON CONFLICT (namespace, task, model) DO UPDATE
SET due_at = least(q.due_at, excluded.due_at), revision = q.revision + 1

-- name: next_in_queue
-- The namespaces in which something is due, longest first.
SELECT q.namespace, q.revision
FROM persistmem.work_queue q
WHERE q.task = %(task)s::text AND q.model = %(model)s::smallint AND q.due_at <= now()
ORDER BY q.due_at
LIMIT %(limit)s::integer

-- name: seconds_until_queued
-- In how many seconds a namespace is due; NULL when none waits.
SELECT extract(epoch FROM min(q.due_at) - now())::float8 AS seconds
FROM persistmem.work_queue q
WHERE q.task = %(task)s::text AND q.model = %(model)s::smallint

-- name: has_queued
-- Whether any namespace waits for a task.
SELECT EXISTS (SELECT 1 FROM persistmem.work_queue q WHERE q.task = %(task)s::text) AS any

-- name: move_in_queue
-- Something is due there again later; not where more has come since it was looked at.
UPDATE persistmem.work_queue SET due_at = now() + %(pause)s::interval
WHERE namespace = %(namespace)s::text AND task = %(task)s::text AND model = %(model)s::smallint
  AND revision = %(revision)s::bigint

-- name: leave_queue
-- Nothing is left there; not where more has come since it was looked at.
DELETE FROM persistmem.work_queue
WHERE namespace = %(namespace)s::text AND task = %(task)s::text AND model = %(model)s::smallint
  AND revision = %(revision)s::bigint

-- name: erase_queue
-- What the queue says of a namespace that goes.
DELETE FROM persistmem.work_queue WHERE namespace = %(namespace)s::text

-- name: count_queue
-- What of a namespace is in the queue.
SELECT count(*) AS rows FROM persistmem.work_queue WHERE namespace = %(namespace)s::text

-- name: unqueued_work
-- What waits in the tables of the work, a page of one after the other: the queue is filled with it again. Every shard is asked,
-- by design.
SELECT w.namespace, w.model, w.due_at
FROM (
    SELECT p.namespace, 0::smallint AS model, min(greatest(p.due_at, coalesce(p.leased_until, p.due_at))) AS due_at
    FROM persistmem.pending_work p
    WHERE %(task)s::text = 'learn' AND p.namespace > %(after)s::text
    GROUP BY p.namespace
    UNION ALL
    SELECT m.namespace, m.model, m.due_at FROM persistmem.missing_vectors m
    WHERE %(task)s::text = 'vectors' AND m.namespace > %(after)s::text
    UNION ALL
    SELECT r.namespace, 0::smallint, r.due_at FROM persistmem.rewrites r
    WHERE %(task)s::text = 'rewrite' AND r.due_at < 'infinity' AND r.namespace > %(after)s::text
) w
ORDER BY w.namespace
LIMIT %(limit)s::integer
