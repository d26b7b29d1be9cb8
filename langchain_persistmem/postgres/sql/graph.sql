-- part: ready
           -- What the graph's scan heeds is set here, for as long as the statement lasts: the scan's condition is read before it begins.
           set_config('hnsw.ef_search', least(%(effort)s::float8 * greatest(n.documents / 5000.0, 1) ^ 0.4, 1000)::integer::text, true)
               IS NOT NULL
           AND set_config('hnsw.iterative_scan', %(further)s::text, true) IS NOT NULL AS ready

-- part: graph_found
fresh AS MATERIALIZED (
    -- What was written last is on no shelf, and compared exactly; where that is much, the graph is not what saves time.
    SELECT v.memory_id, v.part, -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
    FROM persistmem.vectors v
    WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint AND v.shelf IS NULL AND v.active
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND (SELECT ready FROM size)
    LIMIT %(most)s::bigint + 1
), walked AS MATERIALIZED (
    -- The namespace is wrapped, lest the planner take the rows of one for few, and read and sort them all.
    SELECT v.memory_id, v.part, -({vector} <#> %(embedding)s::halfvec) AS similarity
    FROM persistmem.vectors v
    WHERE {on_shelf}
      AND nullif(v.namespace = %(namespace)s::text, false) IS NOT NULL
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND (SELECT ready AND (SELECT count(*) FROM fresh) <= %(most)s::bigint FROM size)
    ORDER BY {vector} <#> %(embedding)s::halfvec
    LIMIT {shortlist}
), compared AS MATERIALIZED (
    SELECT memory_id, part, similarity FROM fresh
    UNION ALL
    SELECT memory_id, part, similarity FROM walked
)

-- part: shelf_sample
sample AS MATERIALIZED (
    -- A fair one: those of the lowest hashes, which an index has in their order.
    SELECT v.memory_id, v.part
    FROM persistmem.vectors v
    WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint
      AND nullif(v.active AND v.shelf IS NOT NULL, false) IS NOT NULL
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND (SELECT NOT other FROM verdict)
    ORDER BY uuid_hash(v.memory_id)
    LIMIT %(sample)s::bigint
)

-- name: search_graph
-- The store's search of one large namespace with none below it: along the graph of its shelf, and all that is not on it exactly.
-- One row at least, which says whether this was the right way: if not, nothing is known, and the general statement is.
WITH size AS MATERIALIZED (
    SELECT n.documents,
-- include: ready
    FROM persistmem.namespaces n
    WHERE n.namespace = %(namespace)s::text AND n.shelf = {shelf} AND n.consent <> 'paused'
      AND NOT EXISTS (SELECT FROM persistmem.namespaces below
                      WHERE below.namespace >= %(from)s::text AND below.namespace < %(until)s::text)
),
-- include: graph_found
, near AS MATERIALIZED (
    SELECT memory_id, max(similarity) AS similarity
    FROM compared
    GROUP BY memory_id
), verdict AS MATERIALIZED (
    -- Items of many parts may leave too few others.
    SELECT coalesce((
        SELECT (SELECT count(*) FROM fresh) <= %(most)s::bigint
               AND least(%(reach)s::bigint, size.documents) <= (SELECT count(*) FROM near)
        FROM size), false) AS fits
)
SELECT verdict.fits, found.*
FROM verdict
LEFT JOIN (
    SELECT m.id, m.key, m.value, m.recorded_at, m.updated_at, m.expires_at, best.similarity
    FROM (
        SELECT memory_id, similarity FROM near ORDER BY similarity DESC FETCH FIRST (%(reach)s::bigint) ROWS WITH TIES
    ) best
    CROSS JOIN LATERAL (
        -- One by one: where nearly all memories are of one namespace, a join would be planned as a scan of them.
        SELECT * FROM persistmem.memories k
        WHERE k.namespace = %(namespace)s::text AND k.id = best.memory_id
          AND k.status IS NOT DISTINCT FROM 'active' AND (k.expires_at IS NULL OR k.expires_at > %(now)s::timestamptz)
        OFFSET 0
    ) m
    ORDER BY best.similarity DESC, m.updated_at DESC, m.key
    LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint
) found ON verdict.fits
ORDER BY found.similarity DESC, found.updated_at DESC, found.key

-- name: recall_graph
-- Recall in one large namespace: the nearest along the graph of its shelf, and all that is not on it exactly. As search_graph it
-- says whether this was the right way.
WITH asked AS MATERIALIZED (
    SELECT lexeme AS word FROM unnest(to_tsvector(%(language)s::regconfig, %(query)s::text))
    UNION
    SELECT unnest(%(words)s::text[])
), size AS MATERIALIZED (
    SELECT n.documents::float8 AS documents, greatest(n.words::float8 / greatest(n.documents, 1), 1) AS usual_length,
-- include: ready
    FROM persistmem.namespaces n
    WHERE n.namespace = %(namespace)s::text AND n.shelf = {shelf}
      AND (%(own_view)s::boolean OR (n.consent <> 'paused' AND NOT EXISTS (
               SELECT FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
               AND t.thread_id = %(thread_id)s::text AND t.off_record)))
),
-- include: graph_found
, verdict AS MATERIALIZED (
    -- Memories of many parts may leave too few others.
    SELECT (SELECT count(*) FROM fresh) > %(most)s::bigint
           OR least(%(candidates)s::bigint, size.documents) > (SELECT count(DISTINCT memory_id) FROM compared) AS other
    FROM size
),
-- include: shelf_sample
, statistics AS MATERIALIZED (
    -- What is usual.
    SELECT (SELECT documents FROM size)::bigint AS count, coalesce(avg(similarity), 0) AS mean,
           coalesce(stddev_pop(similarity), 0) AS deviation, (SELECT coalesce(max(part), 0) + 1 FROM compared) AS parts
    FROM (
        SELECT -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
        FROM sample s
        JOIN persistmem.vectors v ON v.namespace = %(namespace)s::text AND v.memory_id = s.memory_id
                                 AND v.model = %(model)s::smallint AND v.part = s.part
    ) compared
),
-- include: recall_candidates

-- name: neighbours_graph
-- Neighbours in one large namespace: for each of several vectors along the graph of its shelf, and all that is not on it exactly.
-- No row where this is not the way: the namespace is on another shelf, too much of it on none, or few of these kinds are in it.
WITH size AS MATERIALIZED (
    SELECT
-- include: ready
    FROM persistmem.namespaces n
    WHERE n.namespace = %(namespace)s::text AND n.shelf = {shelf}
), fresh AS MATERIALIZED (
    -- What was written last is on no shelf, and compared exactly, with each of the vectors.
    SELECT v.memory_id, v.{embedding} AS embedding
    FROM persistmem.vectors v
    WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint AND v.shelf IS NULL AND v.active
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND (SELECT ready FROM size)
    LIMIT %(most)s::bigint + 1
), verdict AS MATERIALIZED (
    SELECT (SELECT count(*) FROM fresh) > %(most)s::bigint AS other FROM size
),
-- include: shelf_sample
, common AS MATERIALIZED (
    -- Where few are of these kinds, the walk to them would be as long as comparing all.
    SELECT avg((m.kind = ANY (%(kinds)s::text[]))::integer) >= %(share)s::float8 AS enough
    FROM sample s
    CROSS JOIN LATERAL (
        SELECT k.kind FROM persistmem.memories k WHERE k.namespace = %(namespace)s::text AND k.id = s.memory_id OFFSET 0
    ) m
)
SELECT q.ordinal, found.*
FROM unnest(%(embeddings)s::halfvec[]) WITH ORDINALITY AS q(embedding, ordinal)
CROSS JOIN LATERAL (
    SELECT near.similarity, m.*
    FROM (
        SELECT memory_id, max(similarity) AS similarity
        FROM (
            SELECT f.memory_id, -(f.embedding <#> q.embedding) AS similarity FROM fresh f
            UNION ALL
            (
                -- Only these kinds count, so that the walk goes on until there are enough.
                SELECT v.memory_id, -({vector} <#> q.embedding) AS similarity
                FROM persistmem.vectors v
                WHERE {on_shelf}
                  AND nullif(v.namespace = %(namespace)s::text, false) IS NOT NULL
                  AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
                  AND (SELECT k.kind = ANY (%(kinds)s::text[]) FROM persistmem.memories k
                       WHERE k.namespace = %(namespace)s::text AND k.id = v.memory_id OFFSET 0)
                ORDER BY {vector} <#> q.embedding
                LIMIT {shortlist}
            )
        ) compared
        GROUP BY memory_id
        ORDER BY max(similarity) DESC, memory_id
    ) near
-- include: of_these_kinds
) found
WHERE (SELECT enough FROM common)
ORDER BY q.ordinal, found.similarity DESC, found.id
