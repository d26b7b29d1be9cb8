-- part: hnsw_scan
(
    -- The namespace is wrapped, lest the planner take the rows of one for few, and read and sort them all.
    SELECT v.memory_id, v.part, {vector} <#> (SELECT embedding FROM question) AS distance
    FROM persistmem.vectors v
    WHERE (SELECT hnsw_index FROM question) = {number}
      AND {in_index}
      AND nullif(v.namespace = %(namespace)s::text, false) IS NOT NULL
      AND (v.expires_at IS NULL OR v.expires_at > (SELECT now FROM question))
    ORDER BY distance
    LIMIT {nearest}
)

-- part: hnsw_nearest
unindexed AS MATERIALIZED (
    -- Vectors that were written last are in no index yet, and compared exactly; where they are many, the index saves no time.
    SELECT v.memory_id, v.part, -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
    -- include: exact_scan
      AND v.hnsw_index IS NULL
      AND (SELECT ready FROM size)
    -- In this order no other index will do, which would read past all that is indexed.
    ORDER BY v.hnsw_index
    LIMIT %(most_unindexed)s::bigint + 1
), question AS MATERIALIZED (
    -- No row, and so no scan of any index, where this is not the way.
    SELECT hnsw_index, %(embedding)s::halfvec AS embedding, %(now)s::timestamptz AS now
    FROM size
    WHERE ready AND (SELECT count(*) FROM unindexed) <= %(most_unindexed)s::bigint
), indexed AS MATERIALIZED (
    -- One statement for all indexes, of which it scans one: a statement for each would be planned anew for each, on each connection.
    SELECT memory_id, part, -distance AS similarity FROM ({hnsw_scans}) scans
), compared AS MATERIALIZED (
    SELECT memory_id, part, similarity FROM unindexed
    UNION ALL
    SELECT memory_id, part, similarity FROM indexed
), verdict AS MATERIALIZED (
    -- Whether another statement is right: it is no such namespace, or too much is unindexed, or memories of many parts left too few others.
    SELECT coalesce((
        SELECT (SELECT count(*) FROM unindexed) > %(most_unindexed)s::bigint
               OR least(%(reach)s::bigint, size.documents) > (SELECT count(DISTINCT memory_id) FROM compared)
        FROM size), true) AS other
)

-- part: hnsw_size
size AS MATERIALIZED (
    -- pgvector's settings are made here, for as long as the transaction lasts: the scan's condition is read before it begins.
    SELECT n.documents::float8 AS documents, greatest(n.terms::float8 / greatest(n.documents, 1), 1) AS usual_length,
           set_config('hnsw.ef_search', least(%(ef_search)s::bigint + n.documents / 300, 1000)::text, true)
               IS NOT NULL
           AND set_config('hnsw.iterative_scan', %(iterative_scan)s::text, true) IS NOT NULL AS ready, n.hnsw_index
    FROM persistmem.namespaces n
    -- Where the index is missing the table would be read from end to end: another role than the owner's may have brought the model.
    WHERE n.namespace = %(namespace)s::text AND to_regclass('persistmem.' || %(name_prefix)s::text || n.hnsw_index) IS NOT NULL

-- part: hnsw_alone
-- include: hnsw_size
-- include: unless_paused
      AND NOT EXISTS (SELECT 1 FROM persistmem.namespaces below
                      WHERE below.namespace >= %(from)s::text AND below.namespace < %(until)s::text)
),
-- include: hnsw_nearest

-- part: sampled_vectors
-- A fair sample are those of the lowest hashes, which lie together in an index.
FROM persistmem.vectors v
WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint
  AND nullif(v.active AND v.hnsw_index IS NOT NULL AND uuid_hash(v.memory_id) & 7 = 0, false) IS NOT NULL
  AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)

-- part: hnsw_sample
sample AS MATERIALIZED (
    SELECT -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
    -- include: sampled_vectors
      AND (SELECT NOT other FROM verdict)
    ORDER BY uuid_hash(v.memory_id)
    LIMIT %(sample)s::bigint
)

-- name: search_hnsw
-- The store's search of one large namespace with none below it: along its HNSW index, and exactly what is not in it yet.
-- One row at least, which says whether this was the right way: if not, nothing is known, and the exact scan is to be asked.
WITH
-- include: hnsw_alone
, near AS (
    SELECT memory_id, max(similarity) AS similarity FROM compared GROUP BY memory_id
)
SELECT verdict.other, found.*
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
          AND k.status IS NOT DISTINCT FROM 'active' AND k.listed AND (k.expires_at IS NULL OR k.expires_at > %(now)s::timestamptz)
        OFFSET 0
    ) m
    ORDER BY best.similarity DESC, m.updated_at DESC, m.key
    LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint
) found ON NOT verdict.other
ORDER BY found.similarity DESC, found.updated_at DESC, found.key

-- name: search_hnsw_hybrid
-- The same by meaning and by words. What the words favour is looked up for its meaning.
WITH
-- include: hnsw_alone
,
-- include: asked_words
,
-- include: bm25
,
-- include: hnsw_sample
, counted AS MATERIALIZED (
    SELECT similarity, (SELECT documents FROM size) / (SELECT count(*) FROM sample) AS weight FROM sample
), near AS MATERIALIZED (
    SELECT memory_id, max(similarity) AS similarity
    FROM (
        SELECT memory_id, similarity FROM compared
        UNION ALL
        SELECT memory_id, (
            SELECT max(-(v.{embedding} <#> %(embedding)s::halfvec))
            FROM persistmem.vectors v
            WHERE v.namespace = %(namespace)s::text AND v.memory_id = favoured.memory_id AND v.model = %(model)s::smallint AND v.active
              AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
        )
        FROM (SELECT memory_id FROM worded ORDER BY lexical DESC, memory_id LIMIT %(best_by_terms)s::bigint) favoured
    ) best
    GROUP BY memory_id
),
-- include: hybrid_scale
,
-- include: weighed
SELECT verdict.other, item.*
FROM verdict
LEFT JOIN LATERAL (
    -- include: hybrid_page
) item ON NOT verdict.other

-- name: recall_hnsw
-- Recall in one large namespace: the nearest along its HNSW index, and exactly what is not in it yet. As search_hnsw it
-- says whether this was the right way.
WITH
-- include: asked_words
,
-- include: hnsw_size
      AND (%(own_view)s::boolean OR (true
-- include: unless_paused
               AND NOT EXISTS (
               SELECT 1 FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
               AND t.thread_id = %(thread_id)s::text AND t.off_record)))
),
-- include: hnsw_nearest
,
-- include: hnsw_sample
, statistics AS MATERIALIZED (
    -- What is usual.
    SELECT (SELECT documents FROM size)::bigint AS count, coalesce(avg(similarity), 0) AS mean,
           coalesce(stddev_pop(similarity), 0) AS deviation, (SELECT coalesce(max(part), 0) + 1 FROM compared) AS parts
    FROM sample
),
-- include: recall_candidates

-- name: neighbours_hnsw
-- Neighbours in one large namespace: for each of several vectors along its HNSW index, and exactly what is not in it yet.
-- No row where this is not the way: the namespace has another index, too much is unindexed, or few of these kinds are in it.
WITH
-- include: hnsw_size
      AND n.hnsw_index = {number}
), unindexed AS MATERIALIZED (
    -- Vectors that are in no index yet are compared exactly, with each of those asked for.
    SELECT v.memory_id, v.{embedding} AS embedding
    -- include: exact_scan
      AND v.hnsw_index IS NULL
      AND (SELECT ready FROM size)
    ORDER BY v.hnsw_index
    LIMIT %(most_unindexed)s::bigint + 1
), common AS MATERIALIZED (
    -- Where few of a fair sample are of these kinds, the search for them would be as long as comparing all.
    SELECT avg((m.kind = ANY (%(kinds)s::text[]) AND NOT m.is_turn)::integer) >= %(share)s::float8 AS enough
    FROM (
        SELECT v.memory_id
        -- include: sampled_vectors
          AND (SELECT count(*) FROM unindexed) <= %(most_unindexed)s::bigint
          AND (SELECT ready FROM size)
        ORDER BY uuid_hash(v.memory_id)
        LIMIT %(sample)s::bigint
    ) sample
    CROSS JOIN LATERAL (
        SELECT k.kind, k.is_turn FROM persistmem.memories k WHERE k.namespace = %(namespace)s::text AND k.id = sample.memory_id OFFSET 0
    ) m
)
SELECT q.ordinal, found.*
FROM unnest(%(embeddings)s::halfvec[]) WITH ORDINALITY AS q(embedding, ordinal)
CROSS JOIN LATERAL (
    SELECT near.similarity,
-- include: memory
    FROM (
        SELECT memory_id, max(similarity) AS similarity
        FROM (
            SELECT u.memory_id, -(u.embedding <#> q.embedding) AS similarity FROM unindexed u
            UNION ALL
            (
                -- Only these kinds count, so that the search goes on until there are enough.
                SELECT v.memory_id, -({vector} <#> q.embedding) AS similarity
                FROM persistmem.vectors v
                WHERE {in_index}
                  AND nullif(v.namespace = %(namespace)s::text, false) IS NOT NULL
                  AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
                  AND (SELECT k.kind = ANY (%(kinds)s::text[]) AND NOT k.is_turn FROM persistmem.memories k
                       WHERE k.namespace = %(namespace)s::text AND k.id = v.memory_id OFFSET 0)
                ORDER BY {vector} <#> q.embedding
                LIMIT {nearest}
            )
        ) compared
        GROUP BY memory_id
        ORDER BY max(similarity) DESC, memory_id
    ) near
-- include: of_these_kinds
) found
WHERE (SELECT enough FROM common)
ORDER BY q.ordinal, found.similarity DESC, found.id
