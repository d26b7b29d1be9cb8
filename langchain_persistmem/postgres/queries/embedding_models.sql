-- name: list_models
-- The embedding models whose vectors are here; a handful of rows.
SELECT model AS id, name, dimensions, background_mean, background_deviation
FROM persistmem.embedding_models
ORDER BY id

-- name: add_model
-- Give a model its number; a second process that does the same at the same time gets the same one.
INSERT INTO persistmem.embedding_models
    (model, name, dimensions, background_mean, background_deviation, recorded_at)
SELECT coalesce(max(model), 0) + 1, %(name)s::text, %(dimensions)s::integer,
       %(background_mean)s::float8, %(background_deviation)s::float8, %(now)s::timestamptz
FROM persistmem.embedding_models
ON CONFLICT (name) DO NOTHING
