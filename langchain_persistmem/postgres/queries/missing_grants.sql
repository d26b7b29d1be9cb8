-- name: missing_grants
-- Rights that roles lack, as the GRANT that gives them: of every role that was given any on namespaces, or of the one that asks.
WITH wanted AS (
    SELECT w.kind, w.role, w.privilege, CASE w.kind
               WHEN 'ours' THEN to_regclass('persistmem.' || w.name)::oid
               WHEN 'schema' THEN CASE w.name
                   WHEN 'vector' THEN (SELECT e.extnamespace FROM pg_extension e WHERE e.extname = 'vector')
                   WHEN 'checkpoints' THEN (SELECT c.relnamespace FROM pg_class c WHERE c.oid = to_regclass('checkpoints'))
                   ELSE to_regnamespace('persistmem')::oid END
               ELSE to_regclass(w.name)::oid END AS object
    FROM json_to_recordset(%(wanted)s::json) AS w (kind text, name text, role text, privilege text)
), roles AS (
    SELECT a.grantee AS role, CASE WHEN bool_or(a.privilege_type = 'UPDATE') THEN 'application' ELSE 'reader' END AS kind
    FROM pg_class c, aclexplode(c.relacl) AS a
    WHERE NOT %(own)s::boolean AND c.oid = to_regclass('persistmem.namespaces') AND a.grantee <> c.relowner
      AND a.privilege_type IN ('SELECT', 'UPDATE')
    GROUP BY a.grantee
    UNION ALL
    SELECT r.oid, CASE WHEN has_table_privilege(r.oid, c.oid, 'UPDATE') THEN 'application' ELSE 'reader' END
    FROM pg_class c, pg_roles r
    WHERE %(own)s::boolean AND c.oid = to_regclass('persistmem.namespaces') AND r.rolname = current_user
      AND NOT pg_has_role(c.relowner, 'USAGE')
), missing AS (
    SELECT w.kind, w.object, r.role, string_agg(w.privilege, ', ' ORDER BY w.privilege) AS rights,
           CASE w.kind WHEN 'schema' THEN w.object::regnamespace::text ELSE w.object::regclass::text END AS name,
           CASE w.kind WHEN 'schema' THEN (SELECT n.nspowner FROM pg_namespace n WHERE n.oid = w.object)
                       ELSE (SELECT c.relowner FROM pg_class c WHERE c.oid = w.object) END AS owner
    FROM wanted w
    JOIN roles r ON r.kind = w.role
    WHERE w.object IS NOT NULL AND NOT CASE w.kind
              WHEN 'schema' THEN has_schema_privilege(r.role, w.object, w.privilege)
              WHEN 'sequence' THEN has_sequence_privilege(r.role, w.object, w.privilege)
              ELSE has_table_privilege(r.role, w.object, w.privilege) END
    GROUP BY w.kind, w.object, r.role
)
SELECT m.name AS object, m.rights,
       format('GRANT %%s ON %%s %%s TO %%s', m.rights,
              CASE m.kind WHEN 'schema' THEN 'SCHEMA' WHEN 'sequence' THEN 'SEQUENCE' ELSE 'TABLE' END, m.name,
              CASE WHEN m.role = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(m.role)) END) AS command,
       pg_has_role(m.owner, 'USAGE') AND NOT pg_is_in_recovery()
           AND current_setting('transaction_read_only') = 'off' AS may_grant
FROM missing m
ORDER BY 1, 3
