-- Terms are most of the rows: their numbers take two bytes each, and neither they nor vectors are checked one by one against a
-- foreign key (decision 37). Whoever writes them looks the memories up; whoever deletes memories deletes them too.
ALTER TABLE persistmem.vectors DROP CONSTRAINT vectors_namespace_memory_id_fkey;
ALTER TABLE persistmem.terms DROP CONSTRAINT terms_namespace_memory_id_fkey;
-- The sums of a namespace are those of its rows.
UPDATE persistmem.namespaces n
SET terms = n.terms - beyond.terms
FROM (SELECT w.namespace, sum(w.times - 32767)::bigint AS terms FROM persistmem.terms w WHERE w.times > 32767 GROUP BY w.namespace) beyond
WHERE n.namespace = beyond.namespace;
ALTER TABLE persistmem.terms
    ALTER COLUMN times TYPE smallint USING least(times, 32767)::smallint,
    ALTER COLUMN length TYPE smallint USING least(length, 32767)::smallint;
