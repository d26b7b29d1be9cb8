-- Columns, tables, policies and settings have the field's names (decision 27). No row is written.

ALTER TABLE persistmem.namespaces RENAME COLUMN incarnation TO generation;
ALTER TABLE persistmem.namespaces RENAME COLUMN words TO terms;
ALTER TABLE persistmem.namespaces RENAME COLUMN audited TO audit_length;
ALTER TABLE persistmem.namespaces RENAME COLUMN enriched_to TO habits_through;
ALTER TABLE persistmem.erasures RENAME COLUMN incarnation TO generation;
ALTER INDEX persistmem.erasures_of_incarnation RENAME TO erasures_of_generation;
ALTER TABLE persistmem.pending_work RENAME COLUMN generation TO revision;
ALTER TABLE persistmem.words RENAME TO terms;
ALTER TABLE persistmem.terms RENAME COLUMN word TO term;
ALTER INDEX persistmem.words_of_memory RENAME TO terms_of_memory;
-- The default names of constraints, as a fresh table would have them (PostgreSQL 18 names NOT NULL too).
DO $names$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT c.conrelid::regclass AS place, c.conname AS old,
               CASE WHEN c.conrelid = 'persistmem.terms'::regclass
                    THEN regexp_replace(regexp_replace(c.conname, '^words_', 'terms_'), '_word_', '_term_')
                    ELSE replace(replace(replace(replace(c.conname, '_incarnation_', '_generation_'), 'namespaces_words_',
                         'namespaces_terms_'), '_audited_', '_audit_length_'), 'pending_work_generation_',
                         'pending_work_revision_') END AS new
        FROM pg_constraint c
        WHERE c.connamespace = 'persistmem'::regnamespace
    LOOP
        IF found.old <> found.new THEN
            EXECUTE 'ALTER TABLE ' || found.place || ' RENAME CONSTRAINT ' || quote_ident(found.old) || ' TO ' || quote_ident(found.new);
        END IF;
    END LOOP;
END
$names$;
-- Policies without sub-selects. PostgreSQL asks them in the reverse order of their names: that of the own namespace sorts
-- last and is asked first, since it is the one that usually holds.
DO $policies$
DECLARE
    guarded record;
BEGIN
    FOR guarded IN
        SELECT p.polrelid::regclass AS place,
               coalesce((SELECT string_agg(quote_ident(a.rolname), ', ') FROM pg_roles a WHERE a.oid = ANY (p.polroles)),
                        'PUBLIC') AS roles
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        WHERE c.relnamespace = 'persistmem'::regnamespace AND p.polname = 'persistmem_everywhere'
    LOOP
        EXECUTE 'DROP POLICY persistmem_namespace ON ' || guarded.place;
        EXECUTE 'DROP POLICY persistmem_within ON ' || guarded.place;
        EXECUTE 'DROP POLICY persistmem_everywhere ON ' || guarded.place;
        EXECUTE 'CREATE POLICY persistmem_all_namespaces ON ' || guarded.place || ' TO ' || guarded.roles || $policy$
            USING (current_setting('persistmem.all_namespaces', true) = 'on')$policy$;
        EXECUTE 'CREATE POLICY persistmem_by_prefix ON ' || guarded.place || $policy$ FOR SELECT
            USING ((namespace || '/') ^@ ANY (nullif(current_setting('persistmem.prefixes', true), '')::text[]))$policy$;
        EXECUTE 'CREATE POLICY persistmem_own_namespace ON ' || guarded.place || $policy$
            USING (namespace = current_setting('persistmem.namespace', true)
                   OR namespace = ANY (nullif(current_setting('persistmem.namespaces', true), '')::text[]))$policy$;
    END LOOP;
END
$policies$;
