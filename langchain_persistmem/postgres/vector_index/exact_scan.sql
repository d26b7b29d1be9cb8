-- part: exact_scan
-- The vectors of one namespace: an index-only scan of its part of `vectors_scan`, or of the table where vectors are wide.
FROM persistmem.vectors v
WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint AND v.active
  AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
