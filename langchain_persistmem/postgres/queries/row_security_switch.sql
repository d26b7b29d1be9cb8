-- name: row_security
-- The tables with policies: whether row-level security is enabled there, forced on the owner too, and binds this role;
-- and which roles may see all namespaces at once, none being named where every role may.
SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       row_security_active(c.oid) AS binding, pg_get_userbyid(c.relowner) AS owner, r.rolsuper OR r.rolbypassrls AS above,
       ARRAY(SELECT a.rolname::text FROM pg_roles a WHERE a.oid = ANY (p.polroles) ORDER BY a.rolname) AS everywhere_to,
       EXISTS (SELECT 1 FROM unnest(p.polroles) AS o(role) WHERE o.role = 0 OR pg_has_role(o.role, 'USAGE')) AS everywhere
FROM pg_class c
JOIN pg_roles r ON r.rolname = current_user
JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'persistmem_all_namespaces'
WHERE c.relnamespace = to_regnamespace('persistmem')
ORDER BY c.relname

-- name: enable_row_security
-- Rows are shown by the policies only; to the tables' owner too, who would be exempt.
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY

-- name: disable_row_security
-- The policies stay, and mean nothing.
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY

-- name: grant_everywhere
-- Who may see all namespaces at once, if the transaction says so.
ALTER POLICY persistmem_all_namespaces ON {table} TO {roles}
