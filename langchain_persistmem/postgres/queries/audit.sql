-- part: sealed
-- What is hashed has each text's length before it, so that no two entries share an encoding; privacy/audit_chain.py has the same in
-- Python. It reads ``entry`` and the ``last`` one before it.
sealed AS MATERIALIZED (
    SELECT last.number, last.recorded_at, given.action, given.ids, given.details, sha256(
        coalesce(last.audit_head, '\x') || uuid_send(last.generation) || int8send(last.number)
        || int8send((extract(epoch FROM last.recorded_at) * 1000000)::bigint)
        || int4send(octet_length(given.namespace)) || given.namespace
        || int4send(octet_length(given.actor)) || given.actor
        || int4send(octet_length(given.action_bytes)) || given.action_bytes
        || int4send(cardinality(given.ids)) || convert_to(array_to_string(given.ids, ''), 'UTF8')
        || convert_to(given.details::text, 'UTF8')) AS digest
    FROM last, (SELECT convert_to(%(namespace)s::text, 'UTF8') AS namespace, convert_to(%(actor)s::text, 'UTF8') AS actor,
                       convert_to(entry.action, 'UTF8') AS action_bytes, entry.* FROM entry) given
)

-- part: insert_audit
INSERT INTO persistmem.audit (namespace, number, recorded_at, actor, action, memory_ids, details, digest)
SELECT %(namespace)s::text, number, recorded_at, %(actor)s::text, action, ids, details, digest FROM sealed

-- name: record_audit
-- One entry at the end of the namespace's chain. The clock is the server's.
WITH entry AS (
    SELECT %(action)s::text AS action, %(ids)s::uuid[] AS ids, %(details)s::jsonb AS details
), last AS MATERIALIZED (
    SELECT n.generation, n.audit_length + 1 AS number, n.audit_head, clock_timestamp() AS recorded_at
    FROM persistmem.namespaces n WHERE n.namespace = %(namespace)s::text
    FOR NO KEY UPDATE
),
-- include: sealed
, head AS (
    UPDATE persistmem.namespaces n SET audit_length = sealed.number, audit_head = sealed.digest
    FROM sealed WHERE n.namespace = %(namespace)s::text
)
-- include: insert_audit

-- name: audit_end
-- Where the chain ends, as the namespace's own row has it.
SELECT generation, audit_length, audit_head FROM persistmem.namespaces WHERE namespace = %(namespace)s::text

-- name: list_audit
-- Entries in their order, from a number on, or the latest before the end.
SELECT * FROM (
    SELECT a.number, a.recorded_at, a.actor, a.action, a.memory_ids, a.details, a.details::text AS details_text, a.digest
    FROM persistmem.audit a
    WHERE a.namespace = %(namespace)s::text AND a.number > %(after)s::bigint
      AND (%(since)s::timestamptz IS NULL OR a.recorded_at >= %(since)s::timestamptz)
    ORDER BY CASE WHEN %(latest)s::boolean THEN -a.number ELSE a.number END
    LIMIT %(limit)s::bigint
) page
ORDER BY number
