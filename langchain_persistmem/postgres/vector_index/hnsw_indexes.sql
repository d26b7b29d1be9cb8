-- name: graphs
-- The graphs that there are, one for each embedding model and shelf; from the catalog, so that nothing else need be kept.
SELECT c.relname AS name, i.indisvalid AS valid
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'persistmem.vectors'::regclass AND c.relname ^@ 'vectors_graph_'
ORDER BY c.relname

-- name: make_graph
-- A graph over the vectors that lie on one shelf. PostgreSQL keeps it true itself: what is hidden or deleted is not found.
-- The condition is wrapped, here and where it is asked for, so that the planner takes it for a word without statistics: those of a
-- shelf that was filled a minute ago say that it is empty, and then all of the table would be read and sorted.
-- Built with three times the usual care (64), it finds more with a third of the effort, for seven tenths more time of a write.
CREATE INDEX IF NOT EXISTS {graph} ON persistmem.vectors USING hnsw (({embedding}::halfvec({dimensions})) halfvec_ip_ops)
WITH (ef_construction = 200)
WHERE nullif(active AND model = {model} AND shelf = {shelf}, false) IS NOT NULL

-- name: drop_graph
-- The graph of a model that nobody uses any more.
DROP INDEX IF EXISTS persistmem.{graph}

-- name: take_shelf
-- The shelf of a large namespace, which holds its lock: the emptiest, if it will be half of what lies there, or it would walk past
-- others for nothing; if not, it is asked again when it has doubled. What somebody else is changing is passed over: nobody waits.
WITH mine AS MATERIALIZED (
    SELECT n.documents, n.shelf, n.shelved, abs(n.documents - n.shelved) * 10 > n.shelved AS differs
    FROM persistmem.namespaces n
    WHERE n.namespace = %(namespace)s::text AND (n.shelf IS NOT NULL OR n.documents > %(few)s::bigint)
), chosen AS MATERIALIZED (
    SELECT s.shelf
    FROM persistmem.shelves s
    CROSS JOIN mine
    WHERE CASE WHEN mine.shelf IS NULL
               THEN mine.documents >= 2 * mine.shelved AND s.memories <= mine.documents
                    AND to_regclass('persistmem.' || %(graphs)s::text || s.shelf) IS NOT NULL
          ELSE s.shelf = mine.shelf AND mine.differs END
    ORDER BY s.memories, s.shelf
    LIMIT 1
    FOR UPDATE OF s SKIP LOCKED
), told AS (
    UPDATE persistmem.shelves s
    SET memories = greatest(s.memories + mine.documents - CASE WHEN mine.shelf IS NULL THEN 0 ELSE mine.shelved END, 0)
    FROM mine, chosen
    WHERE s.shelf = chosen.shelf
    RETURNING s.shelf
), noted AS (
    UPDATE persistmem.namespaces n
    SET shelf = coalesce(n.shelf, (SELECT shelf FROM told)), shelved = n.documents
    FROM mine
    WHERE n.namespace = %(namespace)s::text
      AND CASE WHEN mine.shelf IS NULL THEN mine.documents >= 2 * mine.shelved ELSE EXISTS (SELECT FROM told) END
)
SELECT coalesce(mine.shelf, (SELECT shelf FROM told)) AS shelf FROM mine

-- name: shelve_vectors
-- Put some vectors of a namespace on its shelf; whoever does holds its lock. They are looked for in the order of an index that has
-- them together: in any other the planner would read past all that are on the shelf, each time.
WITH next AS MATERIALIZED (
    SELECT v.memory_id, v.part
    FROM persistmem.vectors v
    WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint AND v.shelf IS NULL AND v.active
    ORDER BY v.shelf
    LIMIT %(limit)s::bigint
)
UPDATE persistmem.vectors v
SET shelf = %(shelf)s::smallint
FROM next
WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint
  AND v.memory_id = next.memory_id AND v.part = next.part

-- name: shelf_of
-- The shelf of a namespace, if it has one, and whether it is large enough for one.
SELECT n.shelf, n.documents > %(few)s::bigint AS large FROM persistmem.namespaces n WHERE n.namespace = %(namespace)s::text

-- name: count_shelves
-- What the shelves hold, counted anew: a restored backup, or rows that were deleted by hand, are not told to them.
UPDATE persistmem.shelves s
SET memories = (SELECT coalesce(sum(n.shelved), 0) FROM persistmem.namespaces n WHERE n.shelf = s.shelf)
