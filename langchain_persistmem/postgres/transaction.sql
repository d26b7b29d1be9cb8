-- name: connection_facts
-- Once for a connection: where pgvector is, under which numbers its type is known, whether tables may be distributed, and the
-- settings that could falsify values.
SELECT v.schema AS vector_schema, v.oid::bigint AS vector_oid, v.typarray::bigint AS vector_array_oid,
       current_setting('standard_conforming_strings') AS standard_conforming_strings,
       current_setting('array_nulls') AS array_nulls, current_setting('extra_float_digits') AS extra_float_digits,
       EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') AS has_citus
FROM (SELECT 1) AS one
LEFT JOIN (
    SELECT n.nspname::text AS schema, t.oid, t.typarray
    FROM pg_extension e
    JOIN pg_namespace n ON n.oid = e.extnamespace
    JOIN pg_type t ON t.typnamespace = e.extnamespace AND t.typname = 'halfvec'
    WHERE e.extname = 'vector'
) AS v ON true

-- name: set_locally
-- What a transaction sets for itself; it ends with the transaction, so that nothing is left behind on a shared connection.
SELECT set_config(s.key, s.value, true) FROM json_each_text(%(settings)s::json) AS s
