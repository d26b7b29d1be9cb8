-- name: search_items
-- Items of all namespaces under a prefix by similarity: an item's best vector counts, items without one are left out.
WITH within AS MATERIALIZED (
    -- Through their names, each namespace is one index-only scan; a range of them would read the table.
    SELECT n.namespace
    FROM persistmem.namespaces n
    WHERE (n.namespace = %(exact)s::text OR (n.namespace >= %(from)s::text AND n.namespace < %(until)s::text))
      AND n.consent <> 'paused'
)
SELECT m.*, near.similarity
FROM (
    SELECT v.namespace, v.memory_id, max({similarity}) AS similarity
    FROM within
    JOIN persistmem.vectors v ON v.namespace = within.namespace
    WHERE v.model = %(model)s::smallint AND v.active
    GROUP BY v.namespace, v.memory_id
) near
JOIN persistmem.memories m ON m.namespace = near.namespace AND m.id = near.memory_id
WHERE m.status = 'active'
  AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
  AND {condition}
ORDER BY near.similarity DESC, m.updated_at DESC, m.key, m.namespace
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint

-- name: search_items_hybrid
-- Items of all namespaces under a prefix by meaning and by words, everything compared, so that any page is exact.
WITH within AS MATERIALIZED (
    SELECT n.namespace, n.documents, n.words
    FROM persistmem.namespaces n
    WHERE (n.namespace = %(exact)s::text OR (n.namespace >= %(from)s::text AND n.namespace < %(until)s::text))
      AND n.consent <> 'paused'
), asked AS MATERIALIZED (
    SELECT lexeme AS word FROM unnest(to_tsvector(%(language)s::regconfig, %(query)s::text))
    UNION
    SELECT unnest(%(words)s::text[])
), size AS MATERIALIZED (
    SELECT coalesce(sum(documents), 0)::float8 AS documents,
           greatest(sum(words)::float8 / greatest(sum(documents), 1), 1) AS usual_length
    FROM within
), compared AS MATERIALIZED (
    SELECT v.namespace, v.memory_id, -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
    FROM within
    JOIN persistmem.vectors v ON v.namespace = within.namespace
    WHERE v.model = %(model)s::smallint AND v.active AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
), near AS MATERIALIZED (
    SELECT namespace, memory_id, max(similarity) AS similarity FROM compared GROUP BY namespace, memory_id
), usual AS MATERIALIZED (
    -- What cosines are usual here; the embedder's background counts like prior_count items more.
    SELECT count(*)::float8 AS items, coalesce(avg(similarity), 0) AS mean, coalesce(stddev_pop(similarity), 0) AS deviation
    FROM compared
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
), matched AS MATERIALIZED (
    SELECT w.namespace, w.memory_id, w.word, w.times, w.length
    FROM within
    CROSS JOIN asked
    JOIN persistmem.words w ON w.namespace = within.namespace AND w.word = asked.word
), rarity AS MATERIALIZED (
    SELECT asked.word,
           ln(1 + (greatest(size.documents, known.items) - known.items + 0.5) / (known.items + 0.5)) AS idf
    FROM asked
    CROSS JOIN size
    LEFT JOIN (SELECT word, count(*) AS counted FROM matched GROUP BY word) m USING (word)
    CROSS JOIN LATERAL (SELECT coalesce(m.counted, 0) AS items) known
), worded AS MATERIALIZED (
    -- BM25, as in recall, over all namespaces under the prefix.
    SELECT m.namespace, m.memory_id,
           sum(r.idf * m.times * 2.2 / (m.times + 1.2 * (0.25 + 0.75 * m.length / size.usual_length))) AS lexical
    FROM matched m
    JOIN rarity r USING (word)
    CROSS JOIN size
    GROUP BY m.namespace, m.memory_id
), best AS (
    SELECT greatest(coalesce(sum(idf), 0) * 2.2, 1e-9) AS lexical FROM rarity
), weighed AS (
    -- Evidence in standard deviations, as recall counts it; an item without a vector says nothing by meaning.
    SELECT namespace, memory_id,
           coalesce((near.similarity - scale.level) / scale.deviation, 0)
           + coalesce(worded.lexical, 0) * (%(rarity)s::float8 / ln(1 + 2 * scale.items) + %(coverage)s::float8 / best.lexical)
           - %(even)s::float8 - %(even_per_log)s::float8 * ln(scale.items) AS evidence
    FROM near
    FULL JOIN worded USING (namespace, memory_id)
    CROSS JOIN scale
    CROSS JOIN best
)
SELECT m.*, 1 / (1 + exp(-least(60, greatest(-60, weighed.evidence / %(softness)s::float8)))) AS similarity
FROM weighed
JOIN persistmem.memories m ON m.namespace = weighed.namespace AND m.id = weighed.memory_id
WHERE m.status = 'active'
  AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
  AND {condition}
ORDER BY weighed.evidence DESC, m.updated_at DESC, m.key, m.namespace
LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint
