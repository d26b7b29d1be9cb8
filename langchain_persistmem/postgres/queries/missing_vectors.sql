-- name: note_missing_vectors
-- Some memories of a namespace wait for their vectors.
INSERT INTO persistmem.missing_vectors (namespace, model, due_at)
VALUES (%(namespace)s::text, %(model)s::smallint, now() + %(pause)s::interval)
ON CONFLICT (namespace, model) DO NOTHING

-- name: note_missing_everywhere
-- A new model has no vector anywhere yet; namespaces are looked through one by one.
INSERT INTO persistmem.missing_vectors (namespace, model, due_at)
SELECT n.namespace, %(model)s::smallint, now()
FROM persistmem.namespaces n
ON CONFLICT (namespace, model) DO UPDATE SET due_at = excluded.due_at, attempts = 0
RETURNING namespace

-- name: claim_missing
-- Take a namespace that is due: it is due again later, should this worker be killed. Of two that want the same row one gets none.
UPDATE persistmem.missing_vectors w
SET due_at = now() + %(leased)s::interval
FROM (SELECT namespace FROM persistmem.missing_vectors
      WHERE model = %(model)s::smallint AND due_at <= now()
      ORDER BY due_at
      LIMIT 1) due
WHERE w.namespace = due.namespace AND w.model = %(model)s::smallint AND w.due_at <= now()
RETURNING w.namespace, w.attempts

-- name: claim_missing_of
-- The same in one namespace.
UPDATE persistmem.missing_vectors
SET due_at = now() + %(leased)s::interval
WHERE namespace = %(namespace)s::text AND model = %(model)s::smallint AND due_at <= now()
RETURNING namespace, attempts

-- name: settle_missing
-- It failed: due again later, with the class of the failure.
UPDATE persistmem.missing_vectors
SET due_at = now() + %(pause)s::interval, attempts = %(attempts)s::integer, failure = %(failure)s::text
WHERE namespace = %(namespace)s::text AND model = %(model)s::smallint

-- name: finish_missing
-- Every memory of the namespace has its vector; the namespace is locked, so that none is added meanwhile.
DELETE FROM persistmem.missing_vectors WHERE namespace = %(namespace)s::text AND model = %(model)s::smallint

-- name: without_vectors
-- Memories that have text and no vector of the model, of every status: what was true once is searched too.
SELECT m.id, m.text, m.value, m.source, m.is_turn
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.text IS NOT NULL AND m.id > %(after)s::uuid
  AND NOT EXISTS (SELECT 1 FROM persistmem.vectors v
                  WHERE v.namespace = %(namespace)s::text AND v.memory_id = m.id AND v.model = %(model)s::smallint)
ORDER BY m.id
LIMIT %(limit)s::bigint

-- name: next_missing
-- In how many seconds a namespace is due; NULL when none waits.
SELECT extract(epoch FROM min(w.due_at) - now())::float8 AS seconds
FROM persistmem.missing_vectors w
WHERE w.model = %(model)s::smallint

-- name: next_missing_of
-- The same in one namespace.
SELECT extract(epoch FROM min(w.due_at) - now())::float8 AS seconds
FROM persistmem.missing_vectors w
WHERE w.namespace = %(namespace)s::text AND w.model = %(model)s::smallint

-- name: count_missing
-- How many namespaces wait for vectors of the model, and how many of them failed before.
SELECT count(*) AS namespaces, count(*) FILTER (WHERE attempts > 0) AS failing
FROM persistmem.missing_vectors
WHERE model = %(model)s::smallint

-- name: count_unembedded
-- How many memories of the namespaces that wait have no vector of the model: how long making them will take.
SELECT count(*) AS memories
FROM persistmem.missing_vectors w
JOIN persistmem.memories m ON m.namespace = w.namespace
WHERE w.model = %(model)s::smallint AND m.text IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM persistmem.vectors v
                  WHERE v.namespace = w.namespace AND v.memory_id = m.id AND v.model = %(model)s::smallint)

-- name: drop_vectors_of_others
-- Vectors of other models, namespace by namespace.
DELETE FROM persistmem.vectors WHERE namespace = %(namespace)s::text AND model <> %(model)s::smallint

-- name: other_models_in_use
-- Which other models still have a vector.
SELECT DISTINCT v.model FROM persistmem.vectors v WHERE v.model <> %(model)s::smallint

-- name: drop_other_models
-- Models without a vector are forgotten.
DELETE FROM persistmem.embedding_models e
WHERE e.model <> %(model)s::smallint AND e.model <> ALL (%(in_use)s::smallint[])
