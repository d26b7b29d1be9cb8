-- name: recall
-- Everything that ranking needs, in one round trip: candidates by meaning and by words, each with both signals.
WITH asked AS MATERIALIZED (
    -- The query's words, any of which may match: requiring all of them would find nothing.
    SELECT lexeme AS word FROM unnest(to_tsvector(%(language)s::regconfig, %(query)s::text))
    UNION
    SELECT unnest(%(words)s::text[])
), size AS MATERIALIZED (
    SELECT n.documents::float8 AS documents, greatest(n.words::float8 / greatest(n.documents, 1), 1) AS usual_length
    FROM persistmem.namespaces n
    WHERE n.namespace = %(namespace)s::text
), compared AS MATERIALIZED (
    -- The exact search: an index-only scan of this namespace's vectors, and of nothing else.
    SELECT v.memory_id, max(-(v.{embedding} <#> %(embedding)s::halfvec)) AS similarity
    FROM persistmem.vectors v
    WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint AND v.active
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND {vectors_condition}
    GROUP BY v.memory_id
), matched AS MATERIALIZED (
    SELECT w.memory_id, w.word, w.times, w.length, count(*) OVER (PARTITION BY w.word) AS containing
    FROM asked
    JOIN persistmem.words w ON w.namespace = %(namespace)s::text AND w.word = asked.word
    WHERE {words_condition}
), rarity AS MATERIALIZED (
    -- BM25's inverse document frequency; a word that no memory has is the rarest.
    SELECT asked.word,
           ln(1 + (greatest(size.documents, known.containing) - known.containing + 0.5) / (known.containing + 0.5)) AS idf
    FROM asked
    CROSS JOIN size
    CROSS JOIN LATERAL (
        SELECT coalesce((SELECT m.containing FROM matched m WHERE m.word = asked.word LIMIT 1), 0) AS containing
    ) known
), worded AS MATERIALIZED (
    -- BM25 with k1 = 1.2 and b = 0.75, the values that are customary and were measured.
    SELECT m.memory_id,
           sum(r.idf * m.times * 2.2 / (m.times + 1.2 * (0.25 + 0.75 * m.length / size.usual_length))) AS lexical
    FROM matched m
    JOIN rarity r USING (word)
    CROSS JOIN size
    GROUP BY m.memory_id
), candidates AS (
    (SELECT memory_id, false AS always FROM compared ORDER BY similarity DESC, memory_id LIMIT %(candidates)s::integer)
    UNION
    (SELECT memory_id, false FROM worded ORDER BY lexical DESC, memory_id LIMIT %(candidates)s::integer)
    UNION
    (SELECT id, true FROM persistmem.memories
     WHERE namespace = %(namespace)s::text AND kind = 'procedural' AND status = 'active'
     ORDER BY importance DESC LIMIT %(instructions)s::integer)
)
SELECT m.*, c.always, coalesce(s.similarity, 0) AS similarity, coalesce(w.lexical, 0) AS lexical,
       coalesce(u.times, 0) AS uses, x.*
FROM (
    SELECT count(*) AS count, coalesce(avg(similarity), 0) AS mean, coalesce(stddev_pop(similarity), 0) AS deviation,
           (SELECT coalesce(sum(idf), 0) * 2.2 FROM rarity) AS lexical_max
    FROM compared
) x
CROSS JOIN (SELECT memory_id, bool_or(always) AS always FROM candidates GROUP BY memory_id) c
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = c.memory_id
LEFT JOIN compared s ON s.memory_id = c.memory_id
LEFT JOIN worded w ON w.memory_id = c.memory_id
LEFT JOIN persistmem.uses u ON u.namespace = %(namespace)s::text AND u.memory_id = c.memory_id
WHERE m.status = 'active' AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
