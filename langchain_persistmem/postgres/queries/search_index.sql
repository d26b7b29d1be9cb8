-- name: insert_vectors
-- The vectors of memories, several parts each; binary arrays, the cheapest way in.
INSERT INTO persistmem.vectors (namespace, memory_id, model, part, active, expires_at, norm, {embedding})
SELECT %(namespace)s::text, r.memory_id, %(model)s::smallint, r.part, m.status = 'active', m.expires_at, r.norm, r.embedding
FROM unnest(%(memory_ids)s::uuid[], %(parts)s::smallint[], %(norms)s::real[], %(embeddings)s::halfvec[])
     AS r(memory_id, part, norm, embedding)
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = r.memory_id
-- What was made later comes second to what was written meanwhile.
ON CONFLICT (namespace, memory_id, model, part) DO NOTHING

-- part: parsed_texts
-- The terms of the rows of ``texts``: words by PostgreSQL's stemmers, and those that are found as they stand.
SELECT memory_id, word, sum(times)::integer AS times
FROM (
    SELECT r.id AS memory_id, l.lexeme AS word, cardinality(l.positions) AS times
    FROM texts r, unnest(to_tsvector(r.language::regconfig, r.text)) AS l
    UNION ALL
    SELECT r.id, t.word, count(*) FROM texts r, unnest(r.terms) AS t(word) GROUP BY r.id, t.word
) parsed
GROUP BY memory_id, word

-- part: parsed_rows
-- The terms of texts that come as JSON.
WITH texts AS (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS r(id uuid, text text, terms text[], language text)
)
-- include: parsed_texts

-- name: insert_terms
-- The terms of memories; the sums are kept for BM25. In the order of the index, whose pages are so filled one after the other.
WITH merged AS (
-- include: parsed_rows
), known AS (
    -- Looked up once for each memory; a foreign key would be, for each term.
    SELECT p.memory_id, p.word, least(p.times, 32767)::smallint AS times,
           least(sum(p.times) OVER (PARTITION BY p.memory_id), 32767)::smallint AS length
    FROM merged p
    WHERE p.memory_id IN (SELECT m.id FROM persistmem.memories m
                          WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[]))
), written AS (
    INSERT INTO persistmem.terms (namespace, term, memory_id, times, length)
    SELECT %(namespace)s::text, word, memory_id, times, length FROM known ORDER BY word, memory_id
    RETURNING memory_id, times
)
UPDATE persistmem.namespaces n
SET documents = n.documents + s.documents, terms = n.terms + s.terms
FROM (SELECT count(DISTINCT memory_id) AS documents, coalesce(sum(times), 0)::bigint AS terms FROM written) s
WHERE n.namespace = %(namespace)s::text

-- name: unindex_memories
-- Take memories out of both indexes; what stays of them is found by key and by history only.
WITH gone AS (
    DELETE FROM persistmem.terms
    WHERE namespace = %(namespace)s::text AND memory_id = ANY (%(ids)s::uuid[])
    RETURNING memory_id, times
), hidden AS (
    UPDATE persistmem.vectors SET active = false
    WHERE namespace = %(namespace)s::text AND memory_id = ANY (%(ids)s::uuid[])
)
UPDATE persistmem.namespaces n
SET documents = n.documents - s.documents, terms = n.terms - s.terms
FROM (SELECT count(DISTINCT memory_id) AS documents, coalesce(sum(times), 0)::bigint AS terms FROM gone) s
WHERE n.namespace = %(namespace)s::text

-- name: delete_terms
-- The terms of memories that are made anew; their vectors stay.
WITH gone AS (
    DELETE FROM persistmem.terms
    WHERE namespace = %(namespace)s::text AND memory_id = ANY (%(ids)s::uuid[])
    RETURNING memory_id, times
)
UPDATE persistmem.namespaces n
SET documents = n.documents - s.documents, terms = n.terms - s.terms
FROM (SELECT count(DISTINCT memory_id) AS documents, coalesce(sum(times), 0)::bigint AS terms FROM gone) s
WHERE n.namespace = %(namespace)s::text

-- name: delete_vectors
-- The old vectors of items that were put again.
DELETE FROM persistmem.vectors WHERE namespace = %(namespace)s::text AND memory_id = ANY (%(ids)s::uuid[])
