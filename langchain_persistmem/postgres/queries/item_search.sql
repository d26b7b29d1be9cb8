-- name: search_prefix
-- Items of all namespaces under a prefix by similarity: an item's best vector counts, items without one are left out.
WITH within AS MATERIALIZED (
    -- Through their names, each namespace is one index-only scan; a range of them would read the table.
    SELECT n.namespace
    FROM persistmem.namespaces n
    WHERE (n.namespace = %(exact)s::text OR (n.namespace >= %(from)s::text AND n.namespace < %(until)s::text))
-- include: unless_paused
), compared AS MATERIALIZED (
    -- OFFSET 0 keeps it one scan of each namespace: a join of few large ones would be planned as a scan of the table.
    SELECT w.namespace, v.memory_id, v.part, v.similarity
    FROM within w
    CROSS JOIN LATERAL (
        SELECT v.memory_id, v.part, {similarity} AS similarity
        FROM persistmem.vectors v
        WHERE v.namespace = w.namespace AND v.model = %(model)s::smallint AND v.active
          AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
        OFFSET 0 /* one server */
    ) v
), near AS (
    -- As no item has more than max(part) + 1 parts, so many rows hold enough items; those on a par stay for the order below.
    SELECT namespace, memory_id, max(similarity) AS similarity
    FROM (
        SELECT namespace, memory_id, similarity FROM compared ORDER BY similarity DESC
        FETCH FIRST (%(reach)s::bigint * (SELECT coalesce(max(part), 0) + 1 FROM compared)) ROWS WITH TIES
    ) best
    GROUP BY namespace, memory_id
)
SELECT m.namespace, m.id, m.key, m.value, m.recorded_at, m.updated_at, m.expires_at, near.similarity,
       (SELECT count(*) FROM near) AS weighed
FROM near
CROSS JOIN LATERAL (
    SELECT m.*
    FROM persistmem.memories m
    WHERE m.namespace = near.namespace AND m.id = near.memory_id AND m.status IS NOT DISTINCT FROM 'active' AND m.listed
      AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
      AND {condition}
    OFFSET 0 /* one server */
) m
ORDER BY near.similarity DESC, m.updated_at DESC, m.key, m.namespace
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint

-- part: hybrid_scale
usual AS MATERIALIZED (
    -- What cosines are usual here; the embedder's background counts like prior_count items more. Of a large namespace
    -- only its sample counts, each for as many as it stands for.
    SELECT items, mean, sqrt(greatest(squares - mean * mean, 0)) AS deviation
    FROM (
        SELECT coalesce(sum(weight), 0) AS items,
               coalesce(sum(weight * similarity) / nullif(sum(weight), 0), 0) AS mean,
               coalesce(sum(weight * similarity * similarity) / nullif(sum(weight), 0), 0) AS squares
        FROM counted
    ) sums
), mixed AS MATERIALIZED (
    SELECT u.*, coalesce((items * mean + %(prior)s::float8 * %(usual)s::float8) / nullif(items + %(prior)s::float8, 0),
                         %(usual)s::float8) AS level
    FROM usual u
), scale AS MATERIALIZED (
    SELECT greatest(m.level, %(usual)s::float8) AS level, greatest(m.items, size.documents, 1) AS items,
           greatest(sqrt(coalesce(
               (m.items * (m.deviation ^ 2 + (m.mean - m.level) ^ 2)
                + %(prior)s::float8 * (%(deviation)s::float8 ^ 2 + (%(usual)s::float8 - m.level) ^ 2))
               / nullif(m.items + %(prior)s::float8, 0), 0)), %(deviation)s::float8 / 2) AS deviation
    FROM mixed m
    CROSS JOIN size
), best AS (
    SELECT greatest(coalesce(sum(idf), 0) * 2.2, 1e-9) AS lexical FROM rarity
)

-- part: hybrid_evidence
-- In standard deviations, as recall counts it; an item without a vector says nothing by meaning.
coalesce((near.similarity - scale.level) / scale.deviation, 0)
+ coalesce(worded.lexical, 0) * (%(rarity)s::float8 / ln(1 + 2 * scale.items) + %(coverage)s::float8 / best.lexical)
- %(score_midpoint)s::float8 - %(score_midpoint_per_log)s::float8 * ln(scale.items) AS evidence

-- part: weighed
weighed AS MATERIALIZED (
    SELECT memory_id,
           -- include: hybrid_evidence
    FROM near
    LEFT JOIN worded USING (memory_id)
    CROSS JOIN scale
    CROSS JOIN best
)

-- part: hybrid_page
SELECT m.id, m.key, m.value, m.recorded_at, m.updated_at, m.expires_at,
       1 / (1 + exp(-least(60, greatest(-60, best.evidence / %(score_scale)s::float8)))) AS similarity
FROM (
    -- Those on a par stay for the order below.
    SELECT memory_id, evidence FROM weighed ORDER BY evidence DESC FETCH FIRST (%(reach)s::bigint) ROWS WITH TIES
) best
CROSS JOIN LATERAL (
    SELECT m.*
    FROM persistmem.memories m
    WHERE m.namespace = %(exact)s::text AND m.id = best.memory_id AND m.status IS NOT DISTINCT FROM 'active' AND m.listed
      AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
    OFFSET 0
) m
ORDER BY best.evidence DESC, m.updated_at DESC, m.key
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint

-- name: search_prefix_hybrid
-- Items of all namespaces under a prefix by meaning and by words: all of them compared, so that any page is exact.
WITH within AS MATERIALIZED (
    SELECT n.namespace, n.documents, n.terms
    FROM persistmem.namespaces n
    WHERE (n.namespace = %(exact)s::text OR (n.namespace >= %(from)s::text AND n.namespace < %(until)s::text))
-- include: unless_paused
),
-- include: asked_words
, size AS MATERIALIZED (
    SELECT coalesce(sum(documents), 0)::float8 AS documents,
           greatest(sum(terms)::float8 / greatest(sum(documents), 1), 1) AS usual_length
    FROM within
), found AS MATERIALIZED (
    -- Counted first and read again below, as in recall.
    SELECT asked.word, count(*) AS items
    FROM within
    CROSS JOIN asked
    CROSS JOIN LATERAL (
        SELECT w.memory_id FROM persistmem.terms w
        WHERE w.namespace = within.namespace AND w.term = asked.word
        OFFSET 0 /* one server */
    ) w
    GROUP BY asked.word
), rarity AS MATERIALIZED (
    SELECT known.words,
           known.weight * ln(1 + (greatest(size.documents, known.items) - known.items + 0.5) / (known.items + 0.5)) AS idf
    FROM (
        SELECT array_agg(asked.word) AS words, max(asked.weight) AS weight, coalesce(sum(found.items), 0)::float8 AS items
        FROM asked
        LEFT JOIN found ON found.word = asked.word
        GROUP BY asked.one
    ) known
    CROSS JOIN size
), worded AS MATERIALIZED (
    -- BM25, as in recall, over all namespaces under the prefix.
    SELECT w.namespace, w.memory_id,
           sum(r.idf * w.times * 2.2 / (w.times + 1.2 * (0.25 + w.length / size.usual_length * 0.75))) AS lexical
    FROM within
    CROSS JOIN rarity r
    CROSS JOIN size
    CROSS JOIN LATERAL unnest(r.words) AS form
    CROSS JOIN LATERAL (
        SELECT w.namespace, w.memory_id, w.times, w.length
        FROM persistmem.terms w
        WHERE w.namespace = within.namespace AND w.term = form
        OFFSET 0 /* one server */
    ) w
    GROUP BY w.namespace, w.memory_id
), compared AS MATERIALIZED (
    SELECT w.namespace, v.memory_id, v.similarity
    FROM within w
    CROSS JOIN LATERAL (
        SELECT v.memory_id, -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
        FROM persistmem.vectors v
        WHERE v.namespace = w.namespace AND v.model = %(model)s::smallint AND v.active
          AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
        OFFSET 0 /* one server */
    ) v
), counted AS (
    SELECT similarity, 1::float8 AS weight FROM compared
), near AS MATERIALIZED (
    SELECT namespace, memory_id, max(similarity) AS similarity FROM compared GROUP BY namespace, memory_id
),
-- include: hybrid_scale
, weighed AS (
    SELECT namespace, memory_id,
           -- include: hybrid_evidence
    FROM near
    FULL JOIN worded USING (namespace, memory_id)
    CROSS JOIN scale
    CROSS JOIN best
)
SELECT m.namespace, m.id, m.key, m.value, m.recorded_at, m.updated_at, m.expires_at,
       1 / (1 + exp(-least(60, greatest(-60, w.evidence / %(score_scale)s::float8)))) AS similarity
FROM (SELECT namespace, memory_id, evidence FROM weighed ORDER BY evidence DESC OFFSET 0) w
CROSS JOIN LATERAL (
    -- One by one, and no more than the page needs.
    SELECT m.*
    FROM persistmem.memories m
    WHERE m.namespace = w.namespace AND m.id = w.memory_id AND m.status IS NOT DISTINCT FROM 'active' AND m.listed
      AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
      AND {condition}
    OFFSET 0 /* one server */
) m
ORDER BY w.evidence DESC, m.updated_at DESC, m.key, m.namespace
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint
