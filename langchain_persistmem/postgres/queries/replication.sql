-- name: write_position
-- How far the primary's log has come: a replica that has replayed so much shows all that was committed before.
SELECT pg_current_wal_insert_lsn()::text AS position

-- name: has_replayed
-- Whether a replica has come so far; a server that is none shows everything.
SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= %(position)s::pg_lsn AS replayed
