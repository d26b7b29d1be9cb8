-- Many vectors of one namespace, and wide ones: compared by the signs of their dimensions first, and the likeliest exactly.

-- The table is written anew once. Generated, so it cannot say anything else than the vector does.
ALTER TABLE persistmem.vectors ADD COLUMN sketch "bit" NOT NULL
    GENERATED ALWAYS AS (binary_quantize(coalesce(embedding, wide))) STORED;
ALTER TABLE persistmem.vectors ALTER sketch SET STORAGE PLAIN;
CREATE INDEX vectors_sketch ON persistmem.vectors (namespace, model)
    INCLUDE (memory_id, part, expires_at, sketch) WHERE active;
