-- Turns and statements: every turn is a memory of its own, and statements are linked to the turns that they rest on.
-- Decision 27 has the design. No row of a person is changed here; what is derived is filled in afterwards.

ALTER TABLE persistmem.memories
    -- A turn of a conversation, whose id follows from it; and whether lists show it beside statements and items.
    ADD COLUMN is_turn boolean NOT NULL DEFAULT false,
    ADD COLUMN listed boolean NOT NULL DEFAULT true,
    -- Preference, goal, fact, decision, or an application's own word.
    ADD COLUMN category text CHECK (octet_length(category) BETWEEN 1 AND 64),
    -- When it was said; the sender's minutes from UTC then; what valid_from is.
    ADD COLUMN told_at timestamptz,
    ADD COLUMN utc_offset smallint CHECK (utc_offset BETWEEN -1439 AND 1439),
    ADD COLUMN date_precision text CHECK (date_precision IN ('told', 'time', 'day', 'month', 'season', 'year', 'about')),
    DROP CONSTRAINT memories_status_check,
    ADD CONSTRAINT memories_status_check CHECK (status IN ('active', 'superseded', 'archived', 'quarantined', 'withheld')),
    ADD CONSTRAINT memories_withheld_check CHECK (is_turn OR status <> 'withheld'),
    ADD CONSTRAINT memories_listed_check CHECK (is_turn OR listed);
DROP INDEX persistmem.memories_newest;
CREATE INDEX memories_newest ON persistmem.memories (namespace, updated_at DESC) WHERE status = 'active' AND listed;
-- What stands before a model whatever is asked: the statements of most importance.
CREATE INDEX memories_statements ON persistmem.memories (namespace, importance DESC, id DESC)
    WHERE status = 'active' AND NOT is_turn AND text IS NOT NULL AND kind IN ('semantic', 'episodic')
          AND source NOT IN ('store', 'document');

ALTER TABLE persistmem.messages
    -- The current turn of this message; the version of its words; by what an edit is told from a repetition.
    ADD COLUMN turn_id uuid,
    ADD COLUMN version smallint NOT NULL DEFAULT 1 CHECK (version >= 1),
    ADD COLUMN digest bytea,
    ADD COLUMN utc_offset smallint CHECK (utc_offset BETWEEN -1439 AND 1439),
    -- What became of the turn, in the program's words; NULL until its row of memories is made, or it is known that it has none.
    ADD COLUMN outcome text CHECK (octet_length(outcome) BETWEEN 1 AND 64);
CREATE UNIQUE INDEX messages_turn ON persistmem.messages (namespace, turn_id) WHERE turn_id IS NOT NULL;
CREATE INDEX messages_without_outcome ON persistmem.messages (namespace, thread_id, position) WHERE outcome IS NULL;

-- The last use on an earlier day than the last one: what is known as of the beginning of a thread.
ALTER TABLE persistmem.uses ADD COLUMN prior_used_at timestamptz;

-- On which turns a statement rests, and the words of each that say so.
CREATE TABLE persistmem.memory_turns (
    namespace text COLLATE "C" NOT NULL,
    memory_id uuid NOT NULL,
    turn_id   uuid NOT NULL,
    quote     text,
    PRIMARY KEY (namespace, memory_id, turn_id),
    FOREIGN KEY (namespace, memory_id) REFERENCES persistmem.memories ON DELETE CASCADE
);
CREATE INDEX memory_turns_of_turn ON persistmem.memory_turns (namespace, turn_id);

-- Statements that were found in a turn and dropped, and why. They go with the message.
CREATE TABLE persistmem.omissions (
    namespace   text COLLATE "C" NOT NULL,
    id          uuid NOT NULL,
    thread_id   text COLLATE "C" NOT NULL,
    message_id  text COLLATE "C" NOT NULL,
    version     smallint NOT NULL,
    text        text NOT NULL,
    reason      text NOT NULL CHECK (octet_length(reason) BETWEEN 1 AND 64),
    -- The known memory that it was to change.
    about       uuid,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (namespace, id),
    FOREIGN KEY (namespace, thread_id, message_id) REFERENCES persistmem.messages ON DELETE CASCADE
);
CREATE INDEX omissions_of_message ON persistmem.omissions (namespace, thread_id, message_id);

DO $policies$
DECLARE
    name text;
    roles text;
BEGIN
    -- The roles that may see all namespaces, where an operator has named some.
    SELECT coalesce((SELECT string_agg(quote_ident(a.rolname), ', ') FROM pg_roles a WHERE a.oid = ANY (p.polroles)), 'PUBLIC')
    INTO roles FROM pg_policy p
    WHERE p.polrelid = 'persistmem.memories'::regclass AND p.polname = 'persistmem_all_namespaces';
    FOREACH name IN ARRAY ARRAY['memory_turns', 'omissions'] LOOP
        EXECUTE 'CREATE POLICY persistmem_all_namespaces ON persistmem.' || name || ' TO ' || roles || $policy$
            USING (current_setting('persistmem.all_namespaces', true) = 'on')
        $policy$;
        EXECUTE 'CREATE POLICY persistmem_by_prefix ON persistmem.' || name || $policy$
            FOR SELECT
            USING ((namespace || '/') ^@ ANY (nullif(current_setting('persistmem.prefixes', true), '')::text[]))
        $policy$;
        EXECUTE 'CREATE POLICY persistmem_own_namespace ON persistmem.' || name || $policy$
            USING (namespace = current_setting('persistmem.namespace', true)
                   OR namespace = ANY (nullif(current_setting('persistmem.namespaces', true), '')::text[]))
        $policy$;
    END LOOP;
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
                || ' ON persistmem.memory_turns, persistmem.omissions TO ' || account.role;
    END LOOP;
END
$grants$;
