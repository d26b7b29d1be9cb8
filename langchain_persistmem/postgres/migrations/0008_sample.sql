-- The sample of a large namespace, by which recall knows what is usual there, lies together with its vectors: it was looked up
-- one by one. An eighth of what is on a shelf is in it.

DROP INDEX persistmem.vectors_sample;
CREATE INDEX vectors_sample ON persistmem.vectors (namespace, model, uuid_hash(memory_id))
    INCLUDE (memory_id, part, expires_at, embedding)
    WHERE nullif(active AND shelf IS NOT NULL AND uuid_hash(memory_id) & 7 = 0, false) IS NOT NULL;
