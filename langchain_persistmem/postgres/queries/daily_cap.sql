-- name: spend_call
-- One more call of the chat model on the server's day: how many there were, this one included, and how long the day lasts.
WITH spent AS (
    INSERT INTO persistmem.model_calls AS c (namespace, day, calls)
    VALUES (%(namespace)s::text, (now() AT TIME ZONE 'UTC')::date, 1)
    ON CONFLICT (namespace, day) DO UPDATE SET calls = c.calls + 1
    RETURNING c.calls
)
SELECT calls, extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day' - now() AT TIME ZONE 'UTC')::float8
                  AS seconds
FROM spent
