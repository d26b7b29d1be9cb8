-- name: hnsw_indexes
-- The HNSW indexes that there are, some for each embedding model; from the catalog, so that nothing else need be stored.
SELECT c.relname AS name, i.indisvalid AS valid
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'persistmem.vectors'::regclass AND c.relname ^@ 'vectors_hnsw_'
ORDER BY c.relname

-- name: create_hnsw_index
-- A partial HNSW index over the vectors that have its number. PostgreSQL keeps it true: what is hidden or deleted is not found.
-- The condition is wrapped, here and where it is asked for, so that the planner has no statistics of it: those of an index
-- that was filled a minute ago say that it is empty, and then all of the table would be read and sorted.
-- Built with three times the usual care (64), it finds more with a third of the effort, for seven tenths more time of a write.
CREATE INDEX IF NOT EXISTS {hnsw_index} ON persistmem.vectors USING hnsw (({embedding}::halfvec({dimensions})) halfvec_ip_ops)
WITH (ef_construction = 200)
WHERE nullif(active AND model = {model} AND hnsw_index = {number}, false) IS NOT NULL

-- name: drop_hnsw_index
-- An index of a model that nobody uses any more.
DROP INDEX IF EXISTS persistmem.{hnsw_index}

-- name: take_hnsw_index
-- The HNSW index of a large namespace, which holds its lock: the emptiest, if it will be half of what is in there, or the search would
-- pass others for nothing; if not, it is asked again when it has doubled. What somebody else is changing is passed over: nobody waits.
WITH mine AS MATERIALIZED (
    SELECT n.documents, n.hnsw_index, n.hnsw_documents, abs(n.documents - n.hnsw_documents) * 10 > n.hnsw_documents AS differs
    FROM persistmem.namespaces n
    WHERE n.namespace = %(namespace)s::text AND (n.hnsw_index IS NOT NULL OR n.documents > %(exact_up_to)s::bigint)
), chosen AS MATERIALIZED (
    SELECT i.hnsw_index
    FROM persistmem.hnsw_indexes i
    CROSS JOIN mine
    WHERE CASE WHEN mine.hnsw_index IS NULL
               THEN mine.documents >= 2 * mine.hnsw_documents AND i.documents <= mine.documents
                    AND to_regclass('persistmem.' || %(name_prefix)s::text || i.hnsw_index) IS NOT NULL
          ELSE i.hnsw_index = mine.hnsw_index AND mine.differs END
    ORDER BY i.documents, i.hnsw_index
    LIMIT 1
    FOR UPDATE OF i SKIP LOCKED
), counted AS (
    UPDATE persistmem.hnsw_indexes i
    SET documents = greatest(
            i.documents + mine.documents - CASE WHEN mine.hnsw_index IS NULL THEN 0 ELSE mine.hnsw_documents END, 0)
    FROM mine, chosen
    WHERE i.hnsw_index = chosen.hnsw_index
    RETURNING i.hnsw_index
), taken AS (
    UPDATE persistmem.namespaces n
    SET hnsw_index = coalesce(n.hnsw_index, (SELECT hnsw_index FROM counted)), hnsw_documents = n.documents
    FROM mine
    WHERE n.namespace = %(namespace)s::text
      AND CASE WHEN mine.hnsw_index IS NULL THEN mine.documents >= 2 * mine.hnsw_documents
          ELSE EXISTS (SELECT FROM counted) END
)
SELECT coalesce(mine.hnsw_index, (SELECT hnsw_index FROM counted)) AS hnsw_index FROM mine

-- name: index_vectors
-- Put some vectors of a namespace into its HNSW index; whoever does holds its lock. They are looked for in the order of an index
-- that has them together: in any other the planner would read past all that are indexed, each time.
WITH next AS MATERIALIZED (
    SELECT v.memory_id, v.part
    FROM persistmem.vectors v
    WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint AND v.hnsw_index IS NULL AND v.active
    ORDER BY v.hnsw_index
    LIMIT %(limit)s::bigint
)
UPDATE persistmem.vectors v
SET hnsw_index = %(hnsw_index)s::smallint
FROM next
WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint
  AND v.memory_id = next.memory_id AND v.part = next.part

-- name: hnsw_index_of
-- The HNSW index of a namespace, if it has one, and whether it is large enough for one.
SELECT n.hnsw_index, n.documents > %(exact_up_to)s::bigint AS large
FROM persistmem.namespaces n
WHERE n.namespace = %(namespace)s::text

-- name: count_hnsw_documents
-- How full the HNSW indexes are, counted anew: a restored backup, or rows that were deleted by hand, are not counted in them.
UPDATE persistmem.hnsw_indexes i
SET documents = (SELECT coalesce(sum(n.hnsw_documents), 0) FROM persistmem.namespaces n WHERE n.hnsw_index = i.hnsw_index)
