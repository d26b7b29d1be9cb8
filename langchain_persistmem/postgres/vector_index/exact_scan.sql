-- part: exact_scan
-- The vectors of one namespace: an index-only scan of its part of `vectors_scan`, or of the table where vectors are wide.
-- Its name stands in a sub-select, so that the planner takes every namespace for equally large, and one plan as good as one for each:
-- for those that are smaller than most it would plan anew with each search, which takes longer than the search.
FROM persistmem.vectors v
WHERE v.namespace = (SELECT %(namespace)s::text) AND v.model = %(model)s::smallint AND v.active
  AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)

-- part: exact_verdict
verdict AS MATERIALIZED (
    -- No namespace, no answer: then nothing can be wrong with it either, unless others lie below.
    SELECT b.below OR (n.hnsw_index IS NOT NULL AND %(look_for_hnsw)s::boolean) AS other, b.below, n.documents, n.terms
    FROM (SELECT EXISTS (SELECT 1 FROM persistmem.namespaces b
                         WHERE b.namespace >= %(from)s::text AND b.namespace < %(until)s::text) AS below) b
    LEFT JOIN persistmem.namespaces n ON n.namespace = %(exact)s::text
-- include: unless_paused
)

-- name: search_exact
-- Items of one namespace that has none below it, all of its vectors compared: most searches of a store. Short, so that its start
-- costs little. The first row says in any case whether it was the right statement, and how many there are.
WITH
-- include: exact_verdict
, best AS MATERIALIZED (
    SELECT v.memory_id, {similarity} AS similarity
    -- include: exact_scan
      AND (SELECT NOT other AND documents IS NOT NULL FROM verdict)
    ORDER BY 2 DESC
    LIMIT (SELECT %(looked_at)s::bigint)
), near AS (
    SELECT memory_id, max(similarity) AS similarity FROM best GROUP BY memory_id
)
SELECT verdict.*, (SELECT count(*) FROM best) AS looked_at, (SELECT min(similarity) FROM best) AS least, item.*
FROM verdict
LEFT JOIN LATERAL (
    SELECT m.id, m.key, m.value, m.recorded_at, m.updated_at, m.expires_at, near.similarity
    FROM near
    CROSS JOIN LATERAL (
        -- One by one, and so written that no index but the primary key fits: of a user whom the statistics do not know, the planner
        -- expects one row, and would read all of that user's for each of these.
        SELECT m.id, m.key, m.value, m.recorded_at, m.updated_at, m.expires_at
        FROM persistmem.memories m
        WHERE m.namespace = %(exact)s::text AND m.id = near.memory_id AND m.status IS NOT DISTINCT FROM 'active' AND m.listed
          AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
        OFFSET 0
    ) m
    ORDER BY near.similarity DESC, m.updated_at DESC, m.key
    LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint
) item ON true

-- name: search_exact_hybrid
-- The same as search_exact by meaning and by words: all of the namespace is compared, so that any page is exact.
WITH
-- include: exact_verdict
, size AS MATERIALIZED (
    SELECT documents::float8, greatest(terms::float8 / greatest(documents, 1), 1) AS usual_length FROM verdict WHERE NOT other AND documents IS NOT NULL
),
-- include: asked_words
,
-- include: bm25
, compared AS MATERIALIZED (
    SELECT v.memory_id, v.part, -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
    -- include: exact_scan
      AND (SELECT NOT other AND documents IS NOT NULL FROM verdict)
), counted AS (
    SELECT similarity, 1::float8 AS weight FROM compared
), near AS MATERIALIZED (
    -- The order of what shares no word is that of the meaning: its first `reach` items suffice, by their best parts.
    SELECT memory_id, max(similarity) AS similarity
    FROM (
        (SELECT memory_id, similarity FROM compared ORDER BY similarity DESC, memory_id DESC
         LIMIT %(reach)s::bigint * (SELECT coalesce(max(part), 0) + 1 FROM compared))
        UNION ALL
        SELECT memory_id, c.similarity FROM worded LEFT JOIN compared c USING (memory_id)
    ) best
    GROUP BY memory_id
),
-- include: hybrid_scale
,
-- include: weighed
SELECT verdict.*, (SELECT count(*) FROM weighed) AS weighed, item.*
FROM verdict
LEFT JOIN LATERAL (
    -- include: hybrid_page
) item ON true
