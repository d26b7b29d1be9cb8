-- name: find_old_checkpoints
-- What of a thread may go, oldest first: nothing that stays, and nothing from which a DeltaChannel of it is rebuilt.
WITH RECURSIVE ranked AS (
    SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id, metadata, persistmem_order,
           (checkpoint ->> 'v')::numeric < 4 AS sends_with_parent,
           metadata -> 'parents' ->> '' AS root, -- the checkpoint of the main graph from which a subgraph was called
           row_number() OVER newest_first AS place,
           (checkpoint ->> 'ts')::timestamptz AS made,
           max((checkpoint ->> 'ts')::timestamptz) OVER () AS newest
    FROM checkpoints
    WHERE thread_id = %(thread_id)s::text
    WINDOW newest_first AS (PARTITION BY checkpoint_ns ORDER BY persistmem_order DESC NULLS LAST, checkpoint_id DESC)
), judged AS (
    SELECT *, CASE
        WHEN %(run_ids)s::text[] IS NOT NULL THEN NOT coalesce(metadata ->> 'run_id' = ANY (%(run_ids)s::text[]), false)
        WHEN %(latest)s::int IS NULL AND newest < %(cutoff)s::timestamptz THEN false
        ELSE place = 1 OR coalesce(place <= %(latest)s::int, false) OR coalesce(made >= %(cutoff)s::timestamptz, false)
    END AS wanted
    FROM ranked
), kept AS (
    SELECT * FROM judged
    WHERE wanted AND (
        %(run_ids)s::text[] IS NOT NULL
        OR position(':' IN checkpoint_ns) = 0 -- a call of a subgraph has its task's id in its namespace
        OR root IS NULL
        OR root NOT IN (SELECT checkpoint_id FROM ranked WHERE checkpoint_ns = '')
        OR root IN (SELECT checkpoint_id FROM judged WHERE checkpoint_ns = '' AND wanted)
    )
), needed AS (
    SELECT k.checkpoint_ns, k.parent_checkpoint_id AS checkpoint_id, d.channel, d.whole_chain
    FROM kept k, LATERAL (
        SELECT jsonb_object_keys(k.metadata -> 'counters_since_delta_snapshot') AS channel, false AS whole_chain
      UNION ALL
        SELECT '', true WHERE k.metadata ? 'delta_writes_versioned' -- LangGraph.js, which does not name the channels
    ) AS d
    WHERE k.parent_checkpoint_id IS NOT NULL
  UNION
    SELECT c.checkpoint_ns, c.parent_checkpoint_id, n.channel, n.whole_chain
    FROM needed n
    JOIN checkpoints c ON c.thread_id = %(thread_id)s::text AND c.checkpoint_ns = n.checkpoint_ns
                      AND c.checkpoint_id = n.checkpoint_id
    WHERE c.parent_checkpoint_id IS NOT NULL AND (n.whole_chain OR (
        coalesce(c.checkpoint -> 'channel_values' -> n.channel, 'null') = 'null'
        AND NOT EXISTS (
            SELECT 1 FROM checkpoint_blobs b
            WHERE b.thread_id = c.thread_id AND b.checkpoint_ns = c.checkpoint_ns AND b.channel = n.channel
              AND b.version = c.checkpoint -> 'channel_versions' ->> n.channel AND b.type <> 'empty'
        )
    ))
), staying AS (
    SELECT checkpoint_ns, checkpoint_id FROM kept
  UNION
    SELECT checkpoint_ns, checkpoint_id FROM needed
  UNION
    SELECT k.checkpoint_ns, k.parent_checkpoint_id FROM kept k -- before version 4, sends lay with the parent
    WHERE k.sends_with_parent AND EXISTS (
        SELECT 1 FROM checkpoint_writes w
        WHERE w.thread_id = %(thread_id)s::text AND w.checkpoint_ns = k.checkpoint_ns
          AND w.checkpoint_id = k.parent_checkpoint_id AND w.channel = '__pregel_tasks'
    )
)
SELECT checkpoint_ns, checkpoint_id
FROM ( -- grouped and never joined: a join is planned for the usual thread, and takes minutes for one that is worth pruning
    SELECT checkpoint_ns, checkpoint_id, place, 0 AS stays FROM ranked
  UNION ALL
    SELECT checkpoint_ns, checkpoint_id, 0, 1 FROM staying
) AS every
GROUP BY checkpoint_ns, checkpoint_id
HAVING sum(stays) = 0
ORDER BY max(place) DESC
LIMIT %(limit)s::int

-- name: erase_doomed_checkpoints
-- Checkpoints with their writes; what had one of them as its parent becomes a root.
WITH doomed AS (
    SELECT * FROM unnest(%(namespaces)s::text[], %(ids)s::text[]) AS d (checkpoint_ns, checkpoint_id)
), c AS (
    DELETE FROM checkpoints USING doomed d
    WHERE checkpoints.thread_id = %(thread_id)s::text AND checkpoints.checkpoint_ns = d.checkpoint_ns
      AND checkpoints.checkpoint_id = d.checkpoint_id
    RETURNING 1
), w AS (
    DELETE FROM checkpoint_writes USING doomed d
    WHERE checkpoint_writes.thread_id = %(thread_id)s::text AND checkpoint_writes.checkpoint_ns = d.checkpoint_ns
      AND checkpoint_writes.checkpoint_id = d.checkpoint_id
    RETURNING 1
), orphans AS (
    UPDATE checkpoints SET parent_checkpoint_id = NULL
    WHERE thread_id = %(thread_id)s::text AND parent_checkpoint_id IS NOT NULL
      AND (checkpoint_ns, parent_checkpoint_id) IN (SELECT checkpoint_ns, checkpoint_id FROM doomed)
      AND (checkpoint_ns, checkpoint_id) NOT IN (SELECT checkpoint_ns, checkpoint_id FROM doomed)
)
SELECT (SELECT count(*) FROM c) AS checkpoints, (SELECT count(*) FROM w) AS checkpoint_writes

-- name: erase_unused_checkpoint_blobs
-- Blobs that no checkpoint of the thread uses; a statement of its own, to see what the one before it left.
WITH unused AS (
    SELECT checkpoint_ns, channel, version FROM checkpoint_blobs WHERE thread_id = %(thread_id)s::text
  EXCEPT
    SELECT c.checkpoint_ns, v.key, v.value
    FROM checkpoints c, jsonb_each_text(c.checkpoint -> 'channel_versions') AS v
    WHERE c.thread_id = %(thread_id)s::text
)
DELETE FROM checkpoint_blobs b USING unused u
WHERE b.thread_id = %(thread_id)s::text AND b.checkpoint_ns = u.checkpoint_ns AND b.channel = u.channel
  AND b.version = u.version

-- name: count_doomed_checkpoints
-- What the two statements above would erase, for a dry run, which writes nothing.
WITH doomed AS (
    SELECT * FROM unnest(%(namespaces)s::text[], %(ids)s::text[]) AS d (checkpoint_ns, checkpoint_id)
)
SELECT (SELECT count(*) FROM doomed) AS checkpoints,
       (SELECT count(*) FROM checkpoint_writes w JOIN doomed USING (checkpoint_ns, checkpoint_id)
        WHERE w.thread_id = %(thread_id)s::text) AS checkpoint_writes,
       (SELECT count(*) FROM (
            SELECT checkpoint_ns, channel, version FROM checkpoint_blobs WHERE thread_id = %(thread_id)s::text
          EXCEPT
            SELECT c.checkpoint_ns, v.key, v.value
            FROM checkpoints c, jsonb_each_text(c.checkpoint -> 'channel_versions') AS v
            WHERE c.thread_id = %(thread_id)s::text
              AND (c.checkpoint_ns, c.checkpoint_id) NOT IN (SELECT checkpoint_ns, checkpoint_id FROM doomed)
       ) AS unused) AS checkpoint_blobs
