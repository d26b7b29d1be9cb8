-- A graph for each large namespace: which shelf, a graph of its own, its vectors lie on. The graphs themselves are made for each
-- embedding model, when it is registered: they need its dimensions.

ALTER TABLE persistmem.vectors ADD COLUMN shelf smallint;
DROP INDEX persistmem.vectors_scan;
CREATE INDEX vectors_scan ON persistmem.vectors (namespace, model, shelf)
    INCLUDE (memory_id, part, expires_at, embedding) WHERE active;
CREATE INDEX vectors_sample ON persistmem.vectors (namespace, model, uuid_hash(memory_id)) INCLUDE (memory_id, part, expires_at)
    WHERE nullif(active AND shelf IS NOT NULL, false) IS NOT NULL;

ALTER TABLE persistmem.namespaces ADD COLUMN shelf smallint;
ALTER TABLE persistmem.namespaces ADD COLUMN shelved bigint NOT NULL DEFAULT 0;

CREATE TABLE persistmem.shelves (
    shelf    smallint NOT NULL PRIMARY KEY,
    memories bigint NOT NULL DEFAULT 0 CHECK (memories >= 0)
);
INSERT INTO persistmem.shelves (shelf) SELECT generate_series(0, 15);

-- By the memory alone, so that the planner cannot take it for an index of a namespace's words.
DROP INDEX persistmem.words_of_memory;
CREATE INDEX words_of_memory ON persistmem.words (memory_id);

-- Whoever may write namespaces may write these, so that an erase by such a role goes on working.
DO $grants$
DECLARE
    known record;
BEGIN
    FOR known IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS role
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'persistmem.namespaces'::regclass AND a.privilege_type = 'UPDATE' AND a.grantee <> c.relowner
    LOOP
        EXECUTE 'GRANT SELECT, UPDATE ON persistmem.shelves TO ' || known.role;
    END LOOP;
END
$grants$;
