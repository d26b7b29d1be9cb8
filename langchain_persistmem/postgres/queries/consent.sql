-- part: unless_paused
    -- Nobody who has paused memory is answered: every reading statement has this condition on the row of the namespace.
      AND n.consent <> 'paused'

-- name: set_consent
-- What the person allows from now on; who was not known before begins with it.
INSERT INTO persistmem.namespaces AS n (namespace, generation, consent, created_at)
VALUES (%(namespace)s::text, %(generation)s::uuid, %(consent)s::text, %(now)s::timestamptz)
ON CONFLICT (namespace) DO UPDATE SET consent = excluded.consent

-- name: withhold_messages
-- Turns that wait to be learnt from, or were given up, never will be: of the namespace, of a thread, or some of one.
UPDATE persistmem.messages
SET extracted_at = %(now)s::timestamptz, withheld = true, given_up_at = NULL, failure = NULL,
    outcome = 'withheld'
WHERE namespace = %(namespace)s::text AND extracted_at IS NULL
  AND (%(thread_id)s::text IS NULL OR thread_id = %(thread_id)s::text)
  AND (%(ids)s::text[] IS NULL OR id = ANY (%(ids)s::text[]))
RETURNING turn_id

-- name: drop_work
-- Nothing waits for a worker any more, in the namespace or in one thread; whoever holds a lease finds it gone.
DELETE FROM persistmem.pending_work
WHERE namespace = %(namespace)s::text AND (%(thread_id)s::text IS NULL OR thread_id = %(thread_id)s::text)

-- name: set_off_record
-- Whether anything of a thread may be kept; the mark stays when its messages go.
INSERT INTO persistmem.threads AS t (namespace, thread_id, off_record, recorded_at)
VALUES (%(namespace)s::text, %(thread_id)s::text, %(off_record)s::boolean, %(now)s::timestamptz)
ON CONFLICT (namespace, thread_id) DO UPDATE SET off_record = excluded.off_record

-- name: is_off_record
-- Whether a thread is off the record; for writers, asked under the namespace's lock.
SELECT EXISTS (SELECT 1 FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
               AND t.thread_id = %(thread_id)s::text AND t.off_record) AS off_record

-- name: may_recall
-- Whether memories may be put before a model: not while the person has paused memory, nor in a thread off the record.
SELECT NOT EXISTS (SELECT 1 FROM persistmem.namespaces n
                   WHERE n.namespace = %(namespace)s::text AND n.consent = 'paused')
   AND NOT EXISTS (SELECT 1 FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
                   AND t.thread_id = %(thread_id)s::text AND t.off_record) AS allowed
