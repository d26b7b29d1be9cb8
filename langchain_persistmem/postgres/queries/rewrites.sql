-- name: claim_rewrite
-- Take a namespace that is due: due again later, should this worker be killed. Of two that want the same one gets none.
UPDATE persistmem.rewrites w
SET due_at = now() + %(leased)s::interval
FROM (SELECT namespace FROM persistmem.rewrites WHERE due_at <= now() ORDER BY due_at LIMIT 1) due
WHERE w.namespace = due.namespace AND w.due_at <= now()
RETURNING w.namespace, w.attempts

-- name: claim_rewrite_of
-- The same in one namespace.
UPDATE persistmem.rewrites SET due_at = now() + %(leased)s::interval
WHERE namespace = %(namespace)s::text AND due_at <= now()
RETURNING namespace, attempts

-- name: read_rewrite
-- How far a namespace is, asked under its lock; no row once it is done.
SELECT w.generation, w.step, w.memory_id, w.attempts FROM persistmem.rewrites w WHERE w.namespace = %(namespace)s::text

-- name: move_rewrite
-- A batch is done, in its own transaction: whoever is killed goes on here.
UPDATE persistmem.rewrites
SET step = %(step)s::text, memory_id = %(memory_id)s::uuid, rows_done = rows_done + %(done)s::bigint,
    due_at = now() + %(leased)s::interval, attempts = 0, failure = NULL
WHERE namespace = %(namespace)s::text

-- name: postpone_rewrite
-- Due again later, with the class of the failure; or at once where a worker has others to see to.
UPDATE persistmem.rewrites
SET due_at = now() + %(pause)s::interval, attempts = %(attempts)s::integer, failure = %(failure)s::text
WHERE namespace = %(namespace)s::text AND due_at < 'infinity'

-- name: await_consent
-- What is left are turns of a person who does not allow them now.
UPDATE persistmem.rewrites SET due_at = 'infinity' WHERE namespace = %(namespace)s::text

-- name: resume_rewrite
-- The person allows them again.
UPDATE persistmem.rewrites SET due_at = now() WHERE namespace = %(namespace)s::text AND due_at = 'infinity'
RETURNING namespace

-- name: note_old_form
-- Rows of an older form came in; turns that are to be made again have no form.
UPDATE persistmem.namespaces n
SET form = CASE WHEN %(step)s::text = 'memories' THEN 1 ELSE n.form END
WHERE n.namespace = %(namespace)s::text
RETURNING n.generation

-- name: request_rewrite
-- From this step on the namespace is to be brought to the present form.
INSERT INTO persistmem.rewrites AS w (namespace, generation, step, due_at, created_at)
VALUES (%(namespace)s::text, %(generation)s::uuid, %(step)s::text, now(), now())
ON CONFLICT (namespace) DO UPDATE
-- Of two steps the earlier stays: each is followed by those after it.
SET step = CASE WHEN w.step = 'turns' THEN excluded.step ELSE w.step END, due_at = excluded.due_at,
    memory_id = CASE WHEN excluded.step = 'memories' AND w.step <> 'terms' THEN NULL ELSE w.memory_id END

-- name: finish_rewrite
-- Everything of the namespace has the present form; it is locked, so that nothing is added meanwhile.
WITH gone AS (DELETE FROM persistmem.rewrites WHERE namespace = %(namespace)s::text)
UPDATE persistmem.namespaces SET form = 3 WHERE namespace = %(namespace)s::text

-- name: next_rewrite
-- In how many seconds a namespace is due; NULL when none is, those that wait for consent left aside.
SELECT extract(epoch FROM min(w.due_at) - now())::float8 AS seconds
FROM persistmem.rewrites w
WHERE w.due_at < 'infinity'

-- name: next_rewrite_of
-- The same in one namespace.
SELECT extract(epoch FROM min(w.due_at) - now())::float8 AS seconds
FROM persistmem.rewrites w
WHERE w.namespace = %(namespace)s::text AND w.due_at < 'infinity'

-- name: has_rewrites
-- Whether any namespace is left.
SELECT EXISTS (SELECT 1 FROM persistmem.rewrites) AS any

-- name: count_rewrites
-- How many namespaces wait for the rewrite, how many of them failed, and how many rows of them are done.
SELECT count(*) AS rewrites, count(*) FILTER (WHERE attempts > 0) AS rewrites_failing,
       coalesce(sum(rows_done), 0)::bigint AS rewrites_rows
FROM persistmem.rewrites
WHERE %(namespace)s::text IS NULL OR namespace = %(namespace)s::text

-- name: memories_of_before
-- Memories in the form of before, of every status, after an id; with a thread, only those of it. Whatever is written now says
-- when it was told.
SELECT
-- include: memory
       , m.identity
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.id > %(after)s::uuid AND m.told_at IS NULL
  AND (%(thread_id)s::text IS NULL OR m.thread_id = %(thread_id)s::text)
ORDER BY m.id
LIMIT %(limit)s::bigint

-- name: texts_of_before
-- The texts of current memories after an id, whose terms are made anew. All of them: nothing of a row tells old terms from new.
SELECT m.id, m.speaker, m.text
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.id > %(after)s::uuid AND m.status = 'active' AND m.text IS NOT NULL
ORDER BY m.id
LIMIT %(limit)s::bigint

-- name: old_memories
-- Memories that have these identities, current or waiting for review, whatever their form.
SELECT
-- include: memory
       , m.identity
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.identity = ANY (%(identities)s::bytea[]) AND m.status IN ('active', 'quarantined')

-- name: messages_of_memories
-- The messages that memories came from.
SELECT m.thread_id, m.id, m.position, m.role, m.speaker, m.text, m.content, m.sent_at, m.utc_offset, m.recorded_at, m.version,
       m.turn_id, m.withheld,
       EXISTS (SELECT 1 FROM persistmem.memories t WHERE t.namespace = %(namespace)s::text AND t.id = m.turn_id) AS has_turn
FROM json_to_recordset(%(rows)s::json) AS r(thread_id text, id text)
JOIN persistmem.messages m ON m.namespace = %(namespace)s::text AND m.thread_id = r.thread_id AND m.id = r.id

-- name: set_turn_ids
-- The turns of messages, under the ids that they have; and the outcome, where there is one.
UPDATE persistmem.messages m
SET turn_id = r.turn_id, outcome = coalesce(m.outcome, r.outcome), utc_offset = coalesce(m.utc_offset, r.utc_offset)
FROM json_to_recordset(%(rows)s::json) AS r(thread_id text, id text, turn_id uuid, outcome text, utc_offset smallint)
WHERE m.namespace = %(namespace)s::text AND m.thread_id = r.thread_id AND m.id = r.id

-- name: move_links
-- What rested on one turn, or belonged to one statement, rests on the other.
WITH moved AS (
    DELETE FROM persistmem.memory_turns l
    USING json_to_recordset(%(rows)s::json) AS r(old uuid, new uuid)
    WHERE l.namespace = %(namespace)s::text AND r.old IN (l.turn_id, l.memory_id)
    RETURNING CASE WHEN l.memory_id = r.old THEN r.new ELSE l.memory_id END AS memory_id,
              CASE WHEN l.turn_id = r.old THEN r.new ELSE l.turn_id END AS turn_id, l.quote
)
INSERT INTO persistmem.memory_turns (namespace, memory_id, turn_id, quote)
SELECT %(namespace)s::text, memory_id, turn_id, quote FROM moved
ON CONFLICT (namespace, memory_id, turn_id) DO NOTHING

-- name: rewrite_memories
-- What is derived of a memory. A turn has no identity; what a row has already, it keeps.
UPDATE persistmem.memories m
SET identity = decode(r.identity, 'hex'), is_turn = r.is_turn, text = coalesce(r.text, m.text),
    category = coalesce(m.category, r.category), told_at = coalesce(m.told_at, r.told_at),
    utc_offset = coalesce(m.utc_offset, r.utc_offset), date_precision = coalesce(m.date_precision, r.date_precision)
FROM json_to_recordset(%(rows)s::json) AS r(
    id uuid, identity text, is_turn boolean, text text, category text, told_at timestamptz, utc_offset smallint,
    date_precision text)
WHERE m.namespace = %(namespace)s::text AND m.id = r.id

-- name: find_identities
-- Who has these identities: current, or waiting for review.
SELECT m.id, m.identity, m.status
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.identity = ANY (%(identities)s::bytea[]) AND m.status IN ('active', 'quarantined')

-- name: merge_memories
-- Rows that turn out to be the same: one stays, the other becomes a version of it, and is not current any more.
WITH ended AS (
    UPDATE persistmem.memories m
    SET status = 'superseded', superseded_by = r.new, key = CASE WHEN m.is_turn THEN m.key ELSE s.key END,
        valid_until = greatest(m.valid_from, s.valid_from), review = NULL, review_of = NULL, updated_at = %(now)s::timestamptz
    FROM json_to_recordset(%(rows)s::json) AS r(old uuid, new uuid)
    JOIN persistmem.memories s ON s.namespace = %(namespace)s::text AND s.id = r.new
    WHERE m.namespace = %(namespace)s::text AND m.id = r.old
    RETURNING m.id, r.new, m.pinned, m.confirmations
)
UPDATE persistmem.memories s
SET pinned = s.pinned OR e.pinned,
    confirmations = s.confirmations + CASE WHEN s.is_turn THEN 0 ELSE e.confirmations + 1 END
FROM (SELECT new, bool_or(pinned) AS pinned, sum(confirmations)::integer AS confirmations FROM ended GROUP BY new) e
WHERE s.namespace = %(namespace)s::text AND s.id = e.new

-- name: settle_others
-- Messages that are no turns: of tools and systems, and those of which nothing may be remembered.
UPDATE persistmem.messages m
SET outcome = CASE WHEN m.withheld THEN 'withheld' ELSE 'nothing' END
FROM (SELECT thread_id, id FROM persistmem.messages
      WHERE namespace = %(namespace)s::text AND outcome IS NULL AND (withheld OR role NOT IN ('user', 'assistant'))
      ORDER BY thread_id, position
      LIMIT %(limit)s::bigint) chosen
WHERE m.namespace = %(namespace)s::text AND m.thread_id = chosen.thread_id AND m.id = chosen.id

-- name: thread_without_turns
-- A thread with messages of which it is not settled yet whether they become turns.
SELECT m.thread_id
FROM persistmem.messages m
WHERE m.namespace = %(namespace)s::text AND m.outcome IS NULL AND m.role IN ('user', 'assistant') AND NOT m.withheld
  AND NOT EXISTS (SELECT 1 FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
                  AND t.thread_id = m.thread_id AND t.off_record)
ORDER BY m.thread_id, m.position
LIMIT 1

-- name: last_removal
-- When statements were last rejected or purged, of which nothing but this is left; NULL without an audit that says so.
SELECT max(a.recorded_at) AS removed_at
FROM persistmem.audit a
WHERE a.namespace = %(namespace)s::text AND a.action IN ('rejected', 'purged')
  AND cardinality(a.memory_ids) > 0
