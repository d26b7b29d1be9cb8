-- name: source_columns
-- The columns of a table that is to be read, with their types; none if there is no such table.
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_attribute a
WHERE a.attrelid = to_regclass(quote_ident(%(schema)s::text) || '.' || quote_ident(%(table)s::text))
  AND a.attnum > 0 AND NOT a.attisdropped

-- name: count_source
-- How many rows there are to be read.
SELECT count(*) AS rows FROM {source} s

-- name: source_has_rows
-- Whether there are any, without counting them.
SELECT EXISTS (SELECT 1 FROM {source} s) AS any

-- name: read_store
-- A page of LangGraph's own store in the order of its primary key, each item with its vectors; the values as text, to the letter.
SELECT s.prefix, s.key, s.value, s.created_at, s.updated_at, s.expires_at, s.minutes, v.fields, v.vectors
FROM (
    SELECT i.prefix, i.key, i.value::text AS value, i.created_at, i.updated_at,
           {expires_at} AS expires_at, {minutes} AS minutes
    FROM {items} i
    WHERE (i.prefix, i.key) > (%(prefix)s::text, %(key)s::text)
    ORDER BY i.prefix, i.key
    LIMIT %(limit)s::bigint
) s
LEFT JOIN LATERAL (
    SELECT array_agg(e.field_name ORDER BY e.field_name) AS fields,
           array_agg(e.embedding::text ORDER BY e.field_name) AS vectors
    FROM {vectors} e
    WHERE e.prefix = s.prefix AND e.key = s.key
) v ON true
ORDER BY s.prefix, s.key

-- name: read_mem0
-- A page of a mem0 collection by id; what is a column here is taken out of the payload, the rest stays as it is.
SELECT t.id, t.vector::text AS vector, t.payload::text AS payload,
       CASE WHEN jsonb_typeof(t.payload) = 'object' THEN
           (jsonb_build_object('text', t.payload -> 'data')
            || (t.payload - '{{data,hash,text_lemmatized,created_at,updated_at}}'::text[]))::text
       END AS value
FROM {source} t
WHERE t.id > %(after)s::uuid
ORDER BY t.id
LIMIT %(limit)s::bigint

-- name: find_existing_items
-- What is here already under these keys or with these statements, so that it is neither embedded nor written again.
SELECT m.key, m.updated_at, m.identity
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.status = 'active'
  AND (m.key = ANY (%(keys)s::text[]) OR (m.identity IS NOT NULL AND m.identity = ANY (%(identities)s::bytea[])))

-- name: import_items
-- Items of another memory with the dates that they have there; what was written here since is left as it is.
INSERT INTO persistmem.memories AS m
    (namespace, id, key, kind, text, value, identity, importance, confidence, speaker, source, provenance,
     valid_from, recorded_at, updated_at, told_at, expires_at, time_to_live)
SELECT %(namespace)s::text, r.id, r.key, r.kind, r.text, r.value::json, decode(r.identity, 'hex'), r.importance, 1,
       r.speaker, 'import', json_build_object('source', 'import', 'extractor', %(extractor)s::text)::jsonb,
       r.valid_from, r.recorded_at, r.updated_at, r.valid_from, r.expires_at, r.minutes * interval '1 minute'
FROM json_to_recordset(%(rows)s::json) AS r(
    id uuid, key text, kind text, text text, value text, identity text, importance real, speaker text,
    valid_from timestamptz, recorded_at timestamptz, updated_at timestamptz, expires_at timestamptz, minutes float8)
ON CONFLICT (namespace, key) WHERE status = 'active'
DO UPDATE SET kind = excluded.kind, text = excluded.text, value = excluded.value, identity = excluded.identity,
              importance = excluded.importance, confidence = excluded.confidence, confirmations = 0,
              speaker = excluded.speaker, source = excluded.source, provenance = excluded.provenance,
              thread_id = NULL, position = NULL, valid_from = excluded.valid_from, valid_until = NULL,
              recorded_at = least(m.recorded_at, excluded.recorded_at), updated_at = excluded.updated_at,
              expires_at = excluded.expires_at, time_to_live = excluded.time_to_live,
              is_turn = false, listed = true, category = NULL, told_at = excluded.told_at, utc_offset = NULL,
              date_precision = NULL
WHERE m.updated_at < excluded.updated_at
RETURNING m.id, m.key
