-- Row-level security: what a transaction may see by what it says of itself. The policies mean nothing until row-level
-- security is enabled on the tables, which is a step of its own (`persistmem rls enable`).
--   persistmem.namespace    the namespace it is about
--   persistmem.namespaces   several of them, as text[]
--   persistmem.within       prefixes, as text[], each ending with "/": read only
--   persistmem.everywhere   'on': background work, upkeep, the schema itself
-- Nothing said, nothing seen. Each setting is read once for a statement, because it stands in a sub-select.
DO $policies$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'namespaces', 'memories', 'uses', 'vectors', 'words', 'messages', 'changes', 'pending_work', 'model_calls',
        'threads', 'audit', 'missing_vectors'
    ] LOOP
        EXECUTE 'CREATE POLICY persistmem_namespace ON persistmem.' || name || $policy$
            USING (namespace = (SELECT nullif(current_setting('persistmem.namespace', true), ''))
                   OR namespace = ANY ((SELECT nullif(current_setting('persistmem.namespaces', true), '')::text[])::text[]))
        $policy$;
        EXECUTE 'CREATE POLICY persistmem_within ON persistmem.' || name || $policy$
            FOR SELECT
            USING ((namespace || '/') ^@ ANY ((SELECT nullif(current_setting('persistmem.within', true), '')::text[])::text[]))
        $policy$;
        EXECUTE 'CREATE POLICY persistmem_everywhere ON persistmem.' || name || $policy$
            USING ((SELECT current_setting('persistmem.everywhere', true)) = 'on')
        $policy$;
    END LOOP;
END
$policies$;
