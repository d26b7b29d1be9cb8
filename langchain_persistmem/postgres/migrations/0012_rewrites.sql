-- Namespaces of before are brought to the present form in the background; decision 27 has the design. This file only says which
-- those are: what is derived in them is written afterwards, batch by batch.

-- The form of everything that is derived in this namespace: identities, links, turns. What exists is in form 1; what begins from
-- now on begins in form 2.
ALTER TABLE persistmem.namespaces ADD COLUMN form smallint NOT NULL DEFAULT 1;
ALTER TABLE persistmem.namespaces ALTER COLUMN form SET DEFAULT 2;

-- Namespaces that are being brought to the present form, and how far that is.
CREATE TABLE persistmem.rewrites (
    namespace  text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES persistmem.namespaces ON DELETE CASCADE,
    generation uuid NOT NULL,
    step       text NOT NULL DEFAULT 'memories' CHECK (step IN ('memories', 'turns')),
    -- The last memory that is done. Messages that are done have an outcome.
    memory_id  uuid,
    rows_done  bigint NOT NULL DEFAULT 0,
    -- Infinity: the rest waits for the person's consent.
    due_at     timestamptz NOT NULL,
    attempts   integer NOT NULL DEFAULT 0,
    -- Class and status of the last failure, never its text.
    failure    text,
    created_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX rewrites_due ON persistmem.rewrites (due_at);
INSERT INTO persistmem.rewrites (namespace, generation, due_at, created_at)
SELECT namespace, generation, now(), now() FROM persistmem.namespaces;

DO $policies$
DECLARE
    roles text;
BEGIN
    -- The roles that may see all namespaces, where an operator has named some.
    SELECT coalesce((SELECT string_agg(quote_ident(a.rolname), ', ') FROM pg_roles a WHERE a.oid = ANY (p.polroles)), 'PUBLIC')
    INTO roles FROM pg_policy p
    WHERE p.polrelid = 'persistmem.memories'::regclass AND p.polname = 'persistmem_all_namespaces';
    EXECUTE 'CREATE POLICY persistmem_all_namespaces ON persistmem.rewrites TO ' || roles || $policy$
        USING (current_setting('persistmem.all_namespaces', true) = 'on')
    $policy$;
    CREATE POLICY persistmem_by_prefix ON persistmem.rewrites
        FOR SELECT
        USING ((namespace || '/') ^@ ANY (nullif(current_setting('persistmem.prefixes', true), '')::text[]));
    CREATE POLICY persistmem_own_namespace ON persistmem.rewrites
        USING (namespace = current_setting('persistmem.namespace', true)
               OR namespace = ANY (nullif(current_setting('persistmem.namespaces', true), '')::text[]));
END
$policies$;

-- Whoever may write namespaces may write these, whoever may read them may read these.
DO $grants$
DECLARE
    account record;
BEGIN
    FOR account IN
        SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS role,
               bool_or(a.privilege_type = 'UPDATE') AS may_write
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'persistmem.namespaces'::regclass AND a.privilege_type IN ('SELECT', 'UPDATE') AND a.grantee <> c.relowner
        GROUP BY 1
    LOOP
        EXECUTE 'GRANT ' || CASE WHEN account.may_write THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END
                || ' ON persistmem.rewrites TO ' || account.role;
    END LOOP;
END
$grants$;
