-- name: enqueue_thread
-- A thread has new messages: its work is due once it has been quiet for a while, and never later than the longest wait.
-- Times are the server's, here and below: a worker's clock decides nothing.
INSERT INTO persistmem.pending_work AS w (namespace, thread_id, due_at, created_at, lease, leased_until)
VALUES (%(namespace)s::text, %(thread_id)s::text, now() + %(quiet)s::interval, now(), %(lease)s::uuid,
        now() + %(leased)s::interval)
ON CONFLICT (namespace, thread_id) DO UPDATE
SET revision = w.revision + 1,
    -- By the moments of the row that was to be inserted: Citus takes nothing here that is not immutable, which is why the
    -- sum is made without a time zone.
    due_at = greatest(excluded.created_at, least(excluded.due_at,
                 ((w.created_at AT TIME ZONE 'UTC') + %(longest)s::interval) AT TIME ZONE 'UTC')),
    -- Whoever works on it now goes on; only a free row is taken.
    lease = CASE WHEN w.leased_until > excluded.created_at THEN w.lease ELSE excluded.lease END,
    leased_until = CASE WHEN w.leased_until > excluded.created_at THEN w.leased_until ELSE excluded.leased_until END
RETURNING w.revision, w.lease, w.attempts

-- name: claim_work
-- Take a thread that is due and free. Another worker that wants the same row waits for its lock and then sees it taken.
UPDATE persistmem.pending_work w
SET lease = %(lease)s::uuid, leased_until = now() + %(leased)s::interval
FROM (SELECT namespace, thread_id FROM persistmem.pending_work
      WHERE due_at <= now() AND (leased_until IS NULL OR leased_until <= now())
      ORDER BY due_at
      LIMIT 1) due
WHERE w.namespace = due.namespace AND w.thread_id = due.thread_id
  AND w.due_at <= now() AND (w.leased_until IS NULL OR w.leased_until <= now())
RETURNING w.namespace, w.thread_id, w.revision, w.attempts

-- name: claim_work_of
-- The same in one namespace.
UPDATE persistmem.pending_work w
SET lease = %(lease)s::uuid, leased_until = now() + %(leased)s::interval
FROM (SELECT thread_id FROM persistmem.pending_work
      WHERE namespace = %(namespace)s::text AND due_at <= now() AND (leased_until IS NULL OR leased_until <= now())
      ORDER BY due_at
      LIMIT 1) due
WHERE w.namespace = %(namespace)s::text AND w.thread_id = due.thread_id
  AND w.due_at <= now() AND (w.leased_until IS NULL OR w.leased_until <= now())
RETURNING w.namespace, w.thread_id, w.revision, w.attempts

-- name: renew_lease
-- Still at work; a worker that gets no row has lost its lease and stops.
UPDATE persistmem.pending_work
SET leased_until = now() + %(leased)s::interval
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND lease = %(lease)s::uuid

-- name: finish_work
-- Done: the row goes, unless messages came meanwhile; then it is only set free.
WITH gone AS (
    DELETE FROM persistmem.pending_work
    WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND lease = %(lease)s::uuid
      AND revision = %(revision)s::bigint
    RETURNING 1
)
UPDATE persistmem.pending_work
SET lease = NULL, leased_until = NULL
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND lease = %(lease)s::uuid
  AND NOT EXISTS (SELECT 1 FROM gone)

-- name: postpone_work
-- It failed, or a cap was reached: set free, and due again later. The class of the failure stays, its text never.
UPDATE persistmem.pending_work
SET lease = NULL, leased_until = NULL, due_at = now() + %(pause)s::interval,
    attempts = %(attempts)s::integer, failure = %(failure)s::text
WHERE namespace = %(namespace)s::text AND thread_id = %(thread_id)s::text AND lease = %(lease)s::uuid

-- name: give_back_leases
-- A worker that stops in the middle: what it held is free at once, and still due.
UPDATE persistmem.pending_work SET lease = NULL, leased_until = NULL WHERE lease = %(lease)s::uuid
RETURNING namespace

-- name: count_work
-- How much waits, for the status: threads, those due and those that failed before, dead letters, what is to be reviewed.
SELECT count(*) AS pending, count(*) FILTER (WHERE due_at <= now()) AS due, count(*) FILTER (WHERE attempts > 0) AS failing,
       (SELECT count(*) FROM persistmem.messages WHERE given_up_at IS NOT NULL
        AND (%(namespace)s::text IS NULL OR namespace = %(namespace)s::text)) AS dead_letters,
       (SELECT count(*) FROM persistmem.memories WHERE status = 'quarantined'
        AND (%(namespace)s::text IS NULL OR namespace = %(namespace)s::text)) AS review
FROM persistmem.pending_work
WHERE %(namespace)s::text IS NULL OR namespace = %(namespace)s::text

-- name: next_due
-- In how many seconds the next free thread is due; negative when one is overdue, NULL when nothing waits.
SELECT extract(epoch FROM min(greatest(due_at, coalesce(leased_until, due_at))) - now())::float8 AS seconds
FROM persistmem.pending_work

-- name: next_due_of
-- The same in one namespace.
SELECT extract(epoch FROM min(greatest(due_at, coalesce(leased_until, due_at))) - now())::float8 AS seconds
FROM persistmem.pending_work
WHERE namespace = %(namespace)s::text
