-- Terms are folded and cut in another way now; decision 32 has the design. This file only says whose are still to be made anew:
-- that happens in the background, batch by batch, before all else that a namespace of before waits for.
ALTER TABLE persistmem.rewrites DROP CONSTRAINT rewrites_step_check;
ALTER TABLE persistmem.rewrites ADD CONSTRAINT rewrites_step_check CHECK (step IN ('terms', 'memories', 'turns'));
ALTER TABLE persistmem.rewrites ALTER COLUMN step SET DEFAULT 'terms';
-- What exists is in form 1 or 2; what begins from now on begins in form 3.
ALTER TABLE persistmem.namespaces ALTER COLUMN form SET DEFAULT 3;
INSERT INTO persistmem.rewrites (namespace, generation, step, due_at, created_at)
SELECT namespace, generation, 'terms', now(), now() FROM persistmem.namespaces
ON CONFLICT (namespace) DO UPDATE SET step = 'terms', memory_id = NULL, due_at = excluded.due_at;
