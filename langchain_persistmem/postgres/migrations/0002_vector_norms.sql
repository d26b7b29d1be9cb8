-- The length that the embedding model gave a vector, which is kept at length 1: with it, Euclidean distances and inner
-- products are those of the vector as it was made. Beside the vector, not in the covering index: cosines need no length.
ALTER TABLE persistmem.vectors ADD COLUMN norm real NOT NULL DEFAULT 1;
