-- part: exact_scan
-- The vectors of one namespace: an index-only scan of its part of `vectors_scan`, or of the table where vectors are wide.
-- Its name stands in a sub-select, so that the planner takes every namespace for equally large, and one plan as good as one for each:
-- for those that are smaller than most it would plan anew with each search, which takes longer than the search.
FROM persistmem.vectors v
WHERE v.namespace = (SELECT %(namespace)s::text) AND v.model = %(model)s::smallint AND v.active
  AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
