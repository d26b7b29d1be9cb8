-- Where the tables are distributed over several nodes: which namespaces have work, so that a worker that looks for it asks one
-- node and not all. A hint, and no foreign key: what is done is decided by the tables of the work itself.
CREATE TABLE persistmem.work_queue (
    namespace text COLLATE "C" NOT NULL,
    task      text NOT NULL CHECK (task IN ('learn', 'vectors', 'rewrite')),
    -- The embedding model whose vectors are missing; 0 for other tasks.
    model     smallint NOT NULL DEFAULT 0,
    -- When to look there.
    due_at    timestamptz NOT NULL,
    -- Grows each time: who found nothing removes the row only as it saw it.
    revision  bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (namespace, task, model)
) WITH (fillfactor = 70);
CREATE INDEX work_queue_due ON persistmem.work_queue (task, model, due_at);
CREATE POLICY persistmem_all_namespaces ON persistmem.work_queue
    USING (current_setting('persistmem.all_namespaces', true) = 'on');
CREATE POLICY persistmem_by_prefix ON persistmem.work_queue FOR SELECT
    USING ((namespace || '/') ^@ ANY (nullif(current_setting('persistmem.prefixes', true), '')::text[]));
CREATE POLICY persistmem_own_namespace ON persistmem.work_queue
    USING (namespace = current_setting('persistmem.namespace', true)
           OR namespace = ANY (nullif(current_setting('persistmem.namespaces', true), '')::text[]));
