-- name: current_twin
-- Another current memory that says the same already: of the two, one stays.
SELECT
-- include: memory
FROM persistmem.memories m
WHERE m.namespace = %(namespace)s::text AND m.identity = %(identity)s::bytea AND m.status = 'active'
  AND m.id <> %(id)s::uuid

-- name: pin_memories
-- Keep current memories as they are, or let them go their way again. Their dates stay: nothing was said.
UPDATE persistmem.memories m SET pinned = %(pinned)s::boolean
WHERE m.namespace = %(namespace)s::text AND m.id = ANY (%(ids)s::uuid[]) AND m.status = 'active'
RETURNING
-- include: memory

-- name: messages_by_id
-- The stored messages that memories came from, oldest first, whatever their threads, with their words that say so.
SELECT m.id, m.position, m.role, m.speaker, m.text, m.content, m.sent_at, m.utc_offset,
       ARRAY(SELECT DISTINCT l.quote FROM persistmem.memory_turns l
             WHERE l.namespace = %(namespace)s::text AND l.turn_id = m.turn_id AND l.memory_id = ANY (%(memory_ids)s::uuid[])
               AND l.quote IS NOT NULL ORDER BY l.quote) AS quotes
FROM persistmem.messages m
JOIN unnest(%(thread_ids)s::text[], %(ids)s::text[]) AS wanted(thread_id, id)
  ON m.thread_id = wanted.thread_id AND m.id = wanted.id
WHERE m.namespace = %(namespace)s::text
ORDER BY m.sent_at, m.thread_id, m.position

-- name: uses_of
-- How often memories entered a context, together, and when one of them last did.
SELECT coalesce(sum(u.times), 0)::bigint AS times, max(u.last_used_at) AS last_used_at
FROM persistmem.uses u
WHERE u.namespace = %(namespace)s::text AND u.memory_id = ANY (%(ids)s::uuid[])
