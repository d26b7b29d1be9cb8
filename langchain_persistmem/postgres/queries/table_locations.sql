-- name: has_citus
-- Whether the extension is in this database, before anything of it is named.
SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') AS citus

-- name: citus_cluster
-- The version of Citus, the node that answers (0 is the coordinator), and how many others hold rows.
SELECT e.extversion AS version, (SELECT l.groupid FROM pg_dist_local_group l) AS node,
       (SELECT count(*) FROM pg_dist_node n WHERE n.noderole = 'primary' AND n.isactive AND n.shouldhaveshards) AS holders,
       current_setting('citus.propagate_set_commands') AS propagate_set_commands
FROM pg_extension e
WHERE e.extname = 'citus'

-- name: citus_tables
-- Our tables, and how the rows of each lie: by their namespaces, whole on every node, or on the coordinator alone.
SELECT c.relname AS name,
       CASE WHEN p.partmethod = 'h' THEN 'distributed' WHEN p.repmodel = 't' THEN 'reference' ELSE 'local' END AS location
FROM pg_class c
LEFT JOIN pg_dist_partition p ON p.logicalrelid = c.oid
WHERE c.relnamespace = to_regnamespace('persistmem') AND c.relkind IN ('r', 'p')
ORDER BY c.relname

-- name: own_foreign_keys
-- The foreign keys between our tables, as the statements that make them.
SELECT k.conname AS name, c.relname AS table, pg_get_constraintdef(k.oid) AS definition
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
WHERE k.contype = 'f' AND c.relnamespace = to_regnamespace('persistmem')
ORDER BY c.relname, k.conname

-- name: drop_foreign_key
-- For as long as the tables move: one that has moved may not be referred to by one that has not.
ALTER TABLE {table} DROP CONSTRAINT {key}

-- name: add_foreign_key
-- It holds within one namespace, and so on one node.
ALTER TABLE {table} ADD CONSTRAINT {key} {definition}

-- name: move_tables_in_turn
-- Citus moves several shards at once, each over a connection of its own; a key to a table on every node forbids that.
SET LOCAL citus.multi_shard_modify_mode TO 'sequential'

-- name: copy_to_every_node
-- A small table that is read beside every other.
SELECT create_reference_table({table})

-- name: distribute_first
-- The table that says how many shards there are; the others lie with it.
SELECT create_distributed_table({table}, 'namespace', colocate_with => 'none', shard_count => {shards})

-- name: distribute_beside
-- A table whose rows lie where the namespace's own row is.
SELECT create_distributed_table({table}, 'namespace', colocate_with => {first})

-- name: drop_local_rows
-- What was copied to the nodes stays on the coordinator's disk, unseen by every statement and so by every erasure.
SELECT truncate_local_data_after_distributing_table({table})

-- name: gather
-- All rows of a table on the coordinator again.
SELECT undistribute_table({table})
