-- name: lock_schema
-- One setup at a time; the lock ends with the transaction. The number is arbitrary and ours.
SELECT pg_advisory_xact_lock(7305170512023411)

-- name: server_facts
-- What setup needs to know before it touches anything.
SELECT current_setting('server_version_num')::integer AS server_version,
       (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS vector_version,
       EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'vector') AS vector_available,
       (SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'vector') AS vector_schema,
       current_schema()::text AS first_schema, to_regclass('persistmem.migrations') IS NOT NULL AS migrated

-- name: find_types
-- The text of migrations names pgvector's types without a schema.
SELECT set_config('search_path', quote_ident(%(schema)s::text), true)

-- name: applied_migrations
-- What this database has been through.
SELECT name, checksum FROM persistmem.migrations ORDER BY name

-- name: record_migration
-- A migration is known by its name and by the checksum of its text.
INSERT INTO persistmem.migrations (name, checksum, applied_at)
VALUES (%(name)s::text, %(checksum)s::text, %(now)s::timestamptz)
