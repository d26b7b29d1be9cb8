-- Vectors are compared exactly or found by HNSW (decision 28): binary quantization goes, and what is left has plain names. No
-- row is written and no index is built: PostgreSQL knows columns by their number, so that the conditions of indexes follow.

DROP INDEX persistmem.vectors_sketch;
ALTER TABLE persistmem.vectors DROP COLUMN sketch;

ALTER TABLE persistmem.vectors RENAME COLUMN shelf TO hnsw_index;
ALTER TABLE persistmem.namespaces RENAME COLUMN shelf TO hnsw_index;
ALTER TABLE persistmem.namespaces RENAME COLUMN shelved TO hnsw_documents;
ALTER TABLE persistmem.shelves RENAME TO hnsw_indexes;
ALTER TABLE persistmem.hnsw_indexes RENAME COLUMN shelf TO hnsw_index;
ALTER TABLE persistmem.hnsw_indexes RENAME COLUMN memories TO documents;

DO $names$
DECLARE
    found record;
BEGIN
    -- Constraints are called as in a new database; from PostgreSQL 18 on those of NOT NULL have names too.
    FOR found IN
        SELECT c.conrelid::regclass AS owner, c.conname AS old,
               CASE WHEN c.conrelid = 'persistmem.hnsw_indexes'::regclass
                    THEN replace(replace(regexp_replace(c.conname, '^shelves_', 'hnsw_indexes_'), '_shelf_', '_hnsw_index_'),
                                 '_memories_', '_documents_')
                    ELSE replace(c.conname, 'namespaces_shelved_', 'namespaces_hnsw_documents_') END AS new
        FROM pg_constraint c
        WHERE c.conrelid IN ('persistmem.hnsw_indexes'::regclass, 'persistmem.namespaces'::regclass)
    LOOP
        IF found.old <> found.new THEN
            EXECUTE 'ALTER TABLE ' || found.owner || ' RENAME CONSTRAINT ' || quote_ident(found.old)
                || ' TO ' || quote_ident(found.new);
        END IF;
    END LOOP;
    FOR found IN
        SELECT c.relname AS old, replace(c.relname, 'vectors_graph_', 'vectors_hnsw_') AS new
        FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = 'persistmem.vectors'::regclass AND c.relname ^@ 'vectors_graph_'
    LOOP
        EXECUTE 'ALTER INDEX persistmem.' || quote_ident(found.old) || ' RENAME TO ' || quote_ident(found.new);
    END LOOP;
END
$names$;
