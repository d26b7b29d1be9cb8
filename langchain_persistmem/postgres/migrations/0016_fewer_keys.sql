-- Uses, changes and links of memories are not checked one by one against a foreign key either, as terms and vectors are not
-- (decision 37). Whoever writes them looks the memories up; whoever deletes memories deletes them too.
ALTER TABLE persistmem.uses DROP CONSTRAINT uses_namespace_memory_id_fkey;
ALTER TABLE persistmem.changes DROP CONSTRAINT changes_namespace_memory_id_fkey;
ALTER TABLE persistmem.memory_turns DROP CONSTRAINT memory_turns_namespace_memory_id_fkey;
