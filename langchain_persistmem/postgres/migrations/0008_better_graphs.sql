-- The sample of a large namespace, by which recall knows what is usual there, lies together with its vectors: it was looked up
-- one by one. An eighth of what is on a shelf is in it.

DROP INDEX persistmem.vectors_sample;
CREATE INDEX vectors_sample ON persistmem.vectors (namespace, model, uuid_hash(memory_id))
    INCLUDE (memory_id, part, expires_at, embedding)
    WHERE nullif(active AND shelf IS NOT NULL AND uuid_hash(memory_id) & 7 = 0, false) IS NOT NULL;

-- Graphs that are built with more care find more with less effort. Those that are there are built anew, with room for it.
DO $graphs$
DECLARE
    graph record;
BEGIN
    PERFORM set_config('maintenance_work_mem', '256MB', true);
    FOR graph IN
        SELECT c.relname AS name
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'persistmem.vectors'::regclass AND c.relname ^@ 'vectors_graph_'
    LOOP
        EXECUTE 'ALTER INDEX persistmem.' || quote_ident(graph.name) || ' SET (ef_construction = 200)';
        EXECUTE 'REINDEX INDEX persistmem.' || quote_ident(graph.name);
    END LOOP;
END
$graphs$;
