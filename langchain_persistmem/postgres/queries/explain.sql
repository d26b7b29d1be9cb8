-- name: query_terms
-- The terms of a query as they are looked up, each with the number of memories that have it.
WITH
-- include: asked_words
SELECT asked.word, count(w.memory_id) AS memories
FROM asked
LEFT JOIN persistmem.terms w ON w.namespace = %(namespace)s::text AND w.term = asked.word
GROUP BY asked.word
ORDER BY 2, 1

-- name: texts_out_of_index
-- The texts of memories that are not current, and so have no terms: with a moment, those that were valid then.
SELECT m.id, m.speaker, m.text
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.text IS NOT NULL AND m.status <> 'active'
  AND (%(at)s::timestamptz IS NULL
       OR (m.status IN ('superseded', 'archived') AND m.valid_from <= %(at)s::timestamptz
           AND (m.valid_until IS NULL OR m.valid_until > %(at)s::timestamptz)))

-- name: recall_left_out
-- What recall passes over and might have found: what is no longer, not yet or not then current, and what the filter bars.
-- The texts of those that are in no index come with the question, which only an explanation is worth. Their terms count as if
-- each stood there once.
WITH
-- include: asked_words
, size AS MATERIALIZED (
    SELECT n.documents::float8 AS documents FROM persistmem.namespaces n WHERE n.namespace = %(namespace)s::text
),
-- include: rarity
, past AS MATERIALIZED (
-- include: parsed_rows
), hidden AS MATERIALIZED (
    SELECT m.id,
           coalesce((
               SELECT max(-(v.{embedding} <#> %(embedding)s::halfvec))
               FROM persistmem.vectors v
               WHERE v.namespace = %(namespace)s::text AND v.memory_id = m.id AND v.model = %(model)s::smallint
           ), 0) AS similarity,
           coalesce((
               SELECT sum(r.idf)
               FROM rarity r
               WHERE EXISTS (SELECT 1 FROM past p WHERE p.memory_id = m.id AND p.word = ANY (r.words))
                  OR EXISTS (SELECT 1 FROM persistmem.terms w
                             WHERE w.namespace = %(namespace)s::text AND w.memory_id = m.id AND w.term = ANY (r.words))
           ), 0) AS lexical
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.text IS NOT NULL AND m.kind <> 'profile'
      AND (m.listed OR m.status = 'active')
      AND (m.status = 'quarantined' OR (m.expires_at IS NOT NULL AND m.expires_at <= %(now)s::timestamptz)
           OR CASE WHEN %(at)s::timestamptz IS NULL THEN m.status <> 'active'
              ELSE m.valid_from > %(at)s::timestamptz OR m.valid_until <= %(at)s::timestamptz END
           OR ({condition}) IS NOT TRUE)
)
SELECT
-- include: memory
       , false AS always, coalesce(u.times, 0) AS uses, h.similarity, h.lexical, '{{}}'::uuid[] AS turn_ids, '{{}}'::text[] AS past_quotes
FROM hidden h
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = h.id
LEFT JOIN persistmem.uses u ON u.namespace = %(namespace)s::text AND u.memory_id = h.id
ORDER BY h.similarity + h.lexical / (SELECT greatest(sum(idf), 1e-9) FROM rarity) DESC, h.id
LIMIT %(most)s::bigint
