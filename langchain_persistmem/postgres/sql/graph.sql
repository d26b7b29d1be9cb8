-- name: search_graph
-- The store's search of one large namespace with none below it: along the graph of its shelf, and all that is not on it exactly.
-- One row at least, which says whether this was the right way: if not, nothing is known, and the general statement is.
WITH size AS MATERIALIZED (
    -- What the graph's scan heeds is set here, for as long as the statement lasts: the scan's condition is read before it begins.
    SELECT n.documents,
           set_config('hnsw.ef_search', least(%(effort)s::float8 * greatest(n.documents / 5000.0, 1) ^ 0.4, 1000)::integer::text, true)
               IS NOT NULL
           AND set_config('hnsw.iterative_scan', %(further)s::text, true) IS NOT NULL AS ready
    FROM persistmem.namespaces n
    WHERE n.namespace = %(namespace)s::text AND n.shelf = {shelf} AND n.consent <> 'paused'
      AND NOT EXISTS (SELECT FROM persistmem.namespaces below
                      WHERE below.namespace >= %(from)s::text AND below.namespace < %(until)s::text)
), fresh AS MATERIALIZED (
    -- What was written last is on no shelf, and compared exactly; where that is much, the graph is not what saves time.
    SELECT v.memory_id, -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
    FROM persistmem.vectors v
    WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint AND v.shelf IS NULL AND v.active
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND (SELECT ready FROM size)
    LIMIT %(most)s::bigint + 1
), walked AS MATERIALIZED (
    -- The namespace is wrapped, lest the planner take the rows of one for few, and read and sort them all.
    SELECT v.memory_id, -({vector} <#> %(embedding)s::halfvec) AS similarity
    FROM persistmem.vectors v
    WHERE {on_shelf}
      AND nullif(v.namespace = %(namespace)s::text, false) IS NOT NULL
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND (SELECT ready AND (SELECT count(*) FROM fresh) <= %(most)s::bigint FROM size)
    ORDER BY {vector} <#> %(embedding)s::halfvec
    LIMIT {shortlist}
), near AS MATERIALIZED (
    SELECT memory_id, max(similarity) AS similarity
    FROM (SELECT memory_id, similarity FROM fresh UNION ALL SELECT memory_id, similarity FROM walked) each
    GROUP BY memory_id
), verdict AS MATERIALIZED (
    -- Items of many parts may leave too few others.
    SELECT coalesce((
        SELECT (SELECT count(*) FROM fresh) <= %(most)s::bigint
               AND least(%(reach)s::bigint, size.documents) <= (SELECT count(*) FROM near)
        FROM size), false) AS fits
)
SELECT verdict.fits, found.*
FROM verdict
LEFT JOIN (
    SELECT m.*, best.similarity
    FROM (
        SELECT memory_id, similarity FROM near ORDER BY similarity DESC FETCH FIRST (%(reach)s::bigint) ROWS WITH TIES
    ) best
    CROSS JOIN LATERAL (
        -- One by one: where nearly all memories are of one namespace, a join would be planned as a scan of them.
        SELECT * FROM persistmem.memories k
        WHERE k.namespace = %(namespace)s::text AND k.id = best.memory_id
          AND k.status = 'active' AND (k.expires_at IS NULL OR k.expires_at > %(now)s::timestamptz)
        OFFSET 0
    ) m
    ORDER BY best.similarity DESC, m.updated_at DESC, m.key
    LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint
) found ON verdict.fits
ORDER BY found.similarity DESC, found.updated_at DESC, found.key

-- name: recall_graph
-- Recall in one large namespace: the nearest along the graph of its shelf, and all that is not on it exactly. As search_graph it
-- says whether this was the right way.
WITH asked AS MATERIALIZED (
    SELECT lexeme AS word FROM unnest(to_tsvector(%(language)s::regconfig, %(query)s::text))
    UNION
    SELECT unnest(%(words)s::text[])
), size AS MATERIALIZED (
    -- What the graph's scan heeds is set here, for as long as the statement lasts: the scan's condition is read before it begins.
    SELECT n.documents::float8 AS documents, greatest(n.words::float8 / greatest(n.documents, 1), 1) AS usual_length,
           set_config('hnsw.ef_search', least(%(effort)s::float8 * greatest(n.documents / 5000.0, 1) ^ 0.4, 1000)::integer::text, true)
               IS NOT NULL
           AND set_config('hnsw.iterative_scan', %(further)s::text, true) IS NOT NULL AS ready
    FROM persistmem.namespaces n
    WHERE n.namespace = %(namespace)s::text AND n.shelf = {shelf}
      AND (%(own_view)s::boolean OR (n.consent <> 'paused' AND NOT EXISTS (
               SELECT FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
               AND t.thread_id = %(thread_id)s::text AND t.off_record)))
), fresh AS MATERIALIZED (
    SELECT v.memory_id, -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
    FROM persistmem.vectors v
    WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint AND v.shelf IS NULL AND v.active
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND (SELECT ready FROM size)
    LIMIT %(most)s::bigint + 1
), walked AS MATERIALIZED (
    SELECT v.memory_id, -({vector} <#> %(embedding)s::halfvec) AS similarity
    FROM persistmem.vectors v
    WHERE {on_shelf}
      AND nullif(v.namespace = %(namespace)s::text, false) IS NOT NULL
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND (SELECT ready AND (SELECT count(*) FROM fresh) <= %(most)s::bigint FROM size)
    ORDER BY {vector} <#> %(embedding)s::halfvec
    LIMIT {shortlist}
), near AS MATERIALIZED (
    SELECT memory_id, max(similarity) AS similarity
    FROM (SELECT memory_id, similarity FROM fresh UNION ALL SELECT memory_id, similarity FROM walked) each
    GROUP BY memory_id
    ORDER BY max(similarity) DESC, memory_id
    LIMIT %(candidates)s::bigint
), verdict AS MATERIALIZED (
    SELECT coalesce((
        SELECT (SELECT count(*) FROM fresh) <= %(most)s::bigint
               AND least(%(candidates)s::bigint, size.documents) <= (SELECT count(*) FROM near)
        FROM size), false) AS fits
), sample AS MATERIALIZED (
    -- A fair one: those of the lowest hashes, which an index has in their order.
    SELECT v.memory_id, v.part
    FROM persistmem.vectors v
    WHERE v.namespace = %(namespace)s::text AND v.model = %(model)s::smallint
      AND nullif(v.active AND v.shelf IS NOT NULL, false) IS NOT NULL
      AND (v.expires_at IS NULL OR v.expires_at > %(now)s::timestamptz)
      AND (SELECT fits FROM verdict)
    ORDER BY uuid_hash(v.memory_id)
    LIMIT %(sample)s::bigint
), statistics AS MATERIALIZED (
    -- What is usual.
    SELECT (SELECT documents FROM size)::bigint AS count, coalesce(avg(similarity), 0) AS mean,
           coalesce(stddev_pop(similarity), 0) AS deviation
    FROM (
        SELECT -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
        FROM sample s
        JOIN persistmem.vectors v ON v.namespace = %(namespace)s::text AND v.memory_id = s.memory_id
                                 AND v.model = %(model)s::smallint AND v.part = s.part
    ) compared
), matched AS MATERIALIZED (
    SELECT w.memory_id, w.word, w.times, w.length
    FROM asked
    JOIN persistmem.words w ON w.namespace = %(namespace)s::text AND w.word = asked.word
), rarity AS MATERIALIZED (
    -- BM25's inverse document frequency; a word that no memory has is the rarest.
    SELECT asked.word,
           ln(1 + (greatest(size.documents, known.memories) - known.memories + 0.5) / (known.memories + 0.5)) AS idf
    FROM asked
    CROSS JOIN size
    LEFT JOIN (SELECT word, count(*) AS counted FROM matched GROUP BY word) m USING (word)
    CROSS JOIN LATERAL (SELECT coalesce(m.counted, 0) AS memories) known
), worded AS MATERIALIZED (
    -- BM25 with k1 = 1.2 and b = 0.75, the values that are customary and were measured.
    SELECT m.memory_id,
           sum(r.idf * m.times * 2.2 / (m.times + 1.2 * (0.25 + 0.75 * m.length / size.usual_length))) AS lexical
    FROM matched m
    JOIN rarity r USING (word)
    CROSS JOIN size
    GROUP BY m.memory_id
    ORDER BY 2 DESC, 1
    LIMIT %(candidates)s::bigint
), always AS (
    -- How to behave is told by the user and the operator; what others say so is searched like any memory.
    SELECT m.id AS memory_id
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.kind = 'procedural' AND m.status = 'active' AND m.text IS NOT NULL
      AND m.source IN ('user', 'operator')
    ORDER BY m.importance DESC, m.id
    LIMIT %(instructions)s::bigint
), candidates AS (
    SELECT memory_id, max(similarity) AS similarity, max(lexical) AS lexical, bool_or(always) AS always
    FROM (
        SELECT memory_id, similarity, NULL::float8 AS lexical, false AS always FROM near
        UNION ALL
        SELECT memory_id, NULL, lexical, false FROM worded
        UNION ALL
        SELECT memory_id, NULL, NULL, true FROM always
    ) found
    GROUP BY memory_id
)
SELECT verdict.fits, found.*
FROM verdict
LEFT JOIN (
    SELECT m.*, c.always, coalesce(u.times, 0) AS uses, s.count, s.mean, s.deviation,
           (SELECT coalesce(sum(idf), 0) * 2.2 FROM rarity) AS lexical_max,
           -- What was a candidate for one signal only is looked up for the other.
           -- Where its vector is still to be made there is none, and NULL.
           coalesce(c.similarity, (
               SELECT max(-(v.{embedding} <#> %(embedding)s::halfvec))
               FROM persistmem.vectors v
               WHERE v.namespace = %(namespace)s::text AND v.memory_id = m.id AND v.model = %(model)s::smallint AND v.active
           )) AS similarity,
           coalesce(c.lexical, (
               SELECT sum(r.idf * w.times * 2.2 / (w.times + 1.2 * (0.25 + 0.75 * w.length / size.usual_length)))
               FROM rarity r
               JOIN persistmem.words w ON w.namespace = %(namespace)s::text AND w.word = r.word AND w.memory_id = m.id
           ), 0) AS lexical
    FROM candidates c
    CROSS JOIN size
    CROSS JOIN statistics s
    CROSS JOIN LATERAL (
        SELECT * FROM persistmem.memories k
        WHERE k.namespace = %(namespace)s::text AND k.id = c.memory_id
          AND k.status = 'active' AND (k.expires_at IS NULL OR k.expires_at > %(now)s::timestamptz)
        OFFSET 0
    ) m
    LEFT JOIN persistmem.uses u ON u.namespace = %(namespace)s::text AND u.memory_id = c.memory_id
) found ON verdict.fits
