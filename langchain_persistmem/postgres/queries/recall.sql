-- part: asked_words
asked AS MATERIALIZED (
    -- The query's words, any of which may match: requiring all of them would find nothing. Further terms come in groups, each
    -- of which counts as one word ("buy bought", the forms of an irregular one), or as a share of one, such as a part of a token.
    SELECT word, coalesce(min(term), word) AS one, max(weight) AS weight
    FROM (
        SELECT lexeme AS word, NULL AS term, 1::float8 AS weight
        FROM unnest(to_tsvector(%(language)s::regconfig, %(query)s::text))
        UNION ALL
        -- In a sub-select, the array is as long for the planner whatever it holds, and one plan as good as one for each.
        SELECT forms.word, groups.term, groups.weight
        FROM unnest((SELECT %(terms)s::text[]), (SELECT %(weights)s::float8[])) AS groups(term, weight),
             unnest(string_to_array(groups.term, ' ')) AS form,
             unnest(CASE WHEN form ^@ '=' THEN ARRAY[substr(form, 2)]
                    ELSE tsvector_to_array(to_tsvector(%(language)s::regconfig, form)) END) AS forms(word)
    ) found
    GROUP BY word
)

-- part: rarity
rarity AS MATERIALIZED (
    -- BM25's inverse document frequency, in the whole namespace; a word that no memory has is the rarest.
    SELECT known.one, known.words, known.memories,
           known.weight * ln(1 + (greatest(size.documents, known.memories) - known.memories + 0.5) / (known.memories + 0.5)) AS idf
    FROM (
        SELECT asked.one, array_agg(asked.word) AS words, max(asked.weight) AS weight, sum(counted.memories)::float8 AS memories
        FROM asked
        CROSS JOIN LATERAL (
            -- Counted here and read again below: a frequent word is in thousands of memories, and to keep them takes longer.
            SELECT count(*) AS memories
            FROM persistmem.terms w
            WHERE w.namespace = %(namespace)s::text AND w.term = asked.word
        ) counted
        GROUP BY asked.one
    ) known
    CROSS JOIN size
)

-- part: bm25
-- include: rarity
, worded AS MATERIALIZED (
    -- BM25 with k1 = 1.2 and b = 0.75, the values that are customary and were measured. In this order no number is a numeric.
    SELECT w.memory_id,
           sum(r.idf * w.times * 2.2 / (w.times + 1.2 * (0.25 + w.length / size.usual_length * 0.75))) AS lexical
    FROM rarity r
    CROSS JOIN size
    CROSS JOIN LATERAL unnest(r.words) AS form
    CROSS JOIN LATERAL (
        SELECT w.memory_id, w.times, w.length
        FROM persistmem.terms w
        WHERE w.namespace = %(namespace)s::text AND w.term = form AND {terms_condition}
        OFFSET 0
    ) w
    GROUP BY w.memory_id
)

-- part: recall_asked
-- include: asked_words
, size AS MATERIALIZED (
    SELECT n.documents::float8 AS documents, greatest(n.terms::float8 / greatest(n.documents, 1), 1) AS usual_length,
           n.hnsw_index
    FROM persistmem.namespaces n
    -- No row, and so no answer, while the person has paused memory, or in a conversation off the record.
    WHERE n.namespace = %(namespace)s::text
      AND (%(own_view)s::boolean OR (n.consent <> 'paused' AND NOT EXISTS (
               SELECT 1 FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
               AND t.thread_id = %(thread_id)s::text AND t.off_record)))
)

-- part: recall_candidates
near AS MATERIALIZED (
    -- The best memories by their best part. As no memory has more than `parts` of them, the first
    -- candidates * parts rows hold enough memories: exact, without grouping all that were compared.
    SELECT memory_id, max(similarity) AS similarity
    FROM (
        SELECT memory_id, similarity FROM compared ORDER BY similarity DESC, memory_id
        LIMIT %(candidates)s::bigint * (SELECT parts FROM statistics)
    ) best
    GROUP BY memory_id
    ORDER BY max(similarity) DESC, memory_id
    LIMIT %(candidates)s::bigint
),
-- include: bm25
, always AS (
    -- How to behave is told by the user and the operator; what others say so is searched like any memory.
    SELECT m.id AS memory_id
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.kind = 'procedural' AND m.status = 'active' AND m.text IS NOT NULL
      AND m.source IN ('user', 'operator')
    ORDER BY m.importance DESC, m.id
    LIMIT %(instructions)s::bigint
), after AS (
    -- What was said after each of the best by words: an answer has few words of its question.
    SELECT w.memory_id
    FROM (SELECT memory_id FROM worded ORDER BY lexical DESC, memory_id LIMIT %(hits_with_next_turn)s::bigint) best
    CROSS JOIN LATERAL (
        SELECT m.thread_id, m.position
        FROM persistmem.memories m
        WHERE m.namespace = %(namespace)s::text AND m.id = best.memory_id AND m.position IS NOT NULL
        OFFSET 0
    ) turn
    CROSS JOIN LATERAL (
        SELECT next.namespace, next.turn_id AS memory_id
        FROM persistmem.messages next
        WHERE next.namespace = %(namespace)s::text AND next.thread_id = turn.thread_id AND next.position = turn.position + 1
          AND next.turn_id IS NOT NULL
        OFFSET 0
    ) w
    WHERE {terms_condition}
), dated AS (
    -- What was told in a time that the question speaks of, the nearest first; nothing is looked at where it speaks of none. The
    -- arrays stand in sub-selects, as that of the terms does, for one plan.
    SELECT m.memory_id
    FROM (
        SELECT memory_id, max(similarity) AS similarity
        FROM compared
        WHERE cardinality((SELECT %(period_starts)s::timestamptz[])) > 0
        GROUP BY memory_id
        ORDER BY max(similarity) DESC, memory_id
        LIMIT %(nearest_for_period)s::bigint
    ) nearest
    CROSS JOIN LATERAL (
        SELECT m.id AS memory_id
        FROM persistmem.memories m
        WHERE m.namespace = %(namespace)s::text AND m.id = nearest.memory_id
          AND EXISTS (SELECT p.start FROM unnest((SELECT %(period_starts)s::timestamptz[]), (SELECT %(period_ends)s::timestamptz[])) AS p (start, until)
                      WHERE m.valid_from >= p.start AND m.valid_from < p.until)
        OFFSET 0
    ) m
    LIMIT %(candidates)s::bigint
), candidates AS (
    SELECT memory_id, bool_or(always) AS always
    FROM (
        SELECT memory_id, false AS always FROM near
        UNION ALL
        SELECT memory_id, false FROM dated
        UNION ALL
        (SELECT memory_id, false FROM worded ORDER BY lexical DESC, memory_id LIMIT %(candidates)s::bigint)
        UNION ALL
        SELECT memory_id, false FROM after
        UNION ALL
        SELECT memory_id, true FROM always
    ) found
    GROUP BY memory_id
), resting AS MATERIALIZED (
    -- The statements that rest on turns among the candidates: they are candidates too, and share the turns' evidence.
    SELECT w.memory_id, w.turn_id
    FROM candidates c
    CROSS JOIN LATERAL (
        SELECT l.namespace, l.memory_id, l.turn_id
        FROM persistmem.memory_turns l
        WHERE l.namespace = %(namespace)s::text AND l.turn_id = c.memory_id
        OFFSET 0
    ) w
    WHERE {terms_condition}
), both_layers AS (
    SELECT memory_id, bool_or(always) AS always, array_remove(array_agg(turn_id), NULL) AS turn_ids
    FROM (
        SELECT memory_id, always, NULL::uuid AS turn_id FROM candidates
        UNION ALL
        SELECT memory_id, false, turn_id FROM resting
    ) layers
    GROUP BY memory_id
), signals AS (
    -- Full joins, and a condition that lets them stay so: the planner expects one candidate, and would look through all that was
    -- found by words for each; so it has to hash them.
    SELECT memory_id, c.always, c.turn_ids, near.similarity, coalesce(w.lexical, 0) AS lexical
    FROM both_layers c
    FULL JOIN near USING (memory_id)
    FULL JOIN worded w USING (memory_id)
    WHERE c.always IS NOT DISTINCT FROM true OR c.always IS NOT DISTINCT FROM false
)
-- One row in any case, which has the statistics and says whether another statement would be right.
SELECT verdict.*, found.*, (
           SELECT json_build_array(count, mean, deviation, (SELECT coalesce(sum(idf), 0) * 2.2 FROM rarity),
                                   (SELECT json_agg(one) FROM rarity WHERE memories > 0)) FROM statistics
       )::text AS statistics
FROM verdict
LEFT JOIN LATERAL (
    SELECT
-- include: memory
           , c.always, coalesce(u.times, 0) AS uses, c.lexical, c.turn_ids,
           -- Words of a turn that say what is not true any more.
           CASE WHEN m.is_turn AND m.id IN (SELECT turn_id FROM resting) THEN ARRAY(
               SELECT coalesce(l.quote, '')
               FROM persistmem.memory_turns l
               JOIN persistmem.memories s ON s.namespace = %(namespace)s::text AND s.id = l.memory_id
               WHERE l.namespace = %(namespace)s::text AND l.turn_id = m.id AND s.status <> 'active')
           ELSE '{{}}' END AS past_quotes,
           -- What was a candidate for its words only is looked up for its meaning. Where its vector is still to be made
           -- there is none, and NULL.
           coalesce(c.similarity, (
               SELECT max(-(v.{embedding} <#> %(embedding)s::halfvec))
               FROM persistmem.vectors v
               WHERE v.namespace = %(namespace)s::text AND v.memory_id = m.id AND v.model = %(model)s::smallint AND v.active
           )) AS similarity
    FROM signals c
    CROSS JOIN LATERAL (
        -- One by one, and so written that no index but the primary key fits: see search_exact.
        SELECT m.*
        FROM persistmem.memories m
        WHERE m.namespace = %(namespace)s::text AND m.id = c.memory_id AND m.status IS NOT DISTINCT FROM 'active'
          AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
        OFFSET 0
    ) m
    LEFT JOIN LATERAL (
        SELECT u.times FROM persistmem.uses u WHERE u.namespace = %(namespace)s::text AND u.memory_id = c.memory_id OFFSET 0
    ) u ON true
) found ON true

-- name: recall
-- Everything that ranking needs, in one round trip: candidates by meaning and by words, each with both signals. All vectors
-- of the namespace are compared.
WITH
-- include: recall_asked
{chosen}
, verdict AS MATERIALIZED (
    SELECT hnsw_index IS NOT NULL AND %(look_for_hnsw)s::boolean AS other FROM size
), compared AS MATERIALIZED (
    SELECT v.memory_id, v.part, -(v.{embedding} <#> %(embedding)s::halfvec) AS similarity
    -- include: exact_scan
      AND (SELECT NOT other FROM verdict)
      AND {vectors_condition}
), statistics AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE part = 0) AS count, coalesce(avg(similarity), 0) AS mean,
           coalesce(stddev_pop(similarity), 0) AS deviation, coalesce(max(part), 0) + 1 AS parts
    FROM compared
),
-- include: recall_candidates

-- name: recall_at
-- What was true at a moment, superseded memories included. These are in neither index: their texts come with the question, and
-- are parsed with it. Exact, and slower than recall.
WITH
-- include: asked_words
, valid AS MATERIALIZED (
    SELECT m.id
    FROM persistmem.memories m
    WHERE m.namespace = %(namespace)s::text AND m.text IS NOT NULL
      AND m.status IN ('active', 'superseded', 'archived')
      AND m.valid_from <= %(at)s::timestamptz AND (m.valid_until IS NULL OR m.valid_until > %(at)s::timestamptz)
      AND (m.expires_at IS NULL OR m.expires_at > %(now)s::timestamptz)
      AND (%(own_view)s::boolean OR NOT (
               EXISTS (SELECT 1 FROM persistmem.namespaces n WHERE n.namespace = %(namespace)s::text AND n.consent = 'paused')
               OR EXISTS (SELECT 1 FROM persistmem.threads t WHERE t.namespace = %(namespace)s::text
                          AND t.thread_id = %(thread_id)s::text AND t.off_record)))
      AND {condition}
), compared AS MATERIALIZED (
    SELECT v.memory_id, max(-(v.{embedding} <#> %(embedding)s::halfvec)) AS similarity
    FROM valid
    JOIN persistmem.vectors v ON v.namespace = %(namespace)s::text AND v.memory_id = valid.id AND v.model = %(model)s::smallint
    GROUP BY v.memory_id
), statistics AS MATERIALIZED (
    SELECT count(*) AS count, coalesce(avg(similarity), 0) AS mean, coalesce(stddev_pop(similarity), 0) AS deviation
    FROM compared
), past AS MATERIALIZED (
-- include: parsed_rows
), parsed AS MATERIALIZED (
    SELECT p.memory_id, p.word, p.times, sum(p.times) OVER (PARTITION BY p.memory_id) AS length
    FROM past p
    UNION ALL
    SELECT w.memory_id, w.term, w.times, w.length
    FROM asked
    JOIN persistmem.terms w ON w.namespace = %(namespace)s::text AND w.term = asked.word
), size AS MATERIALIZED (
    SELECT (SELECT count(*) FROM valid)::float8 AS documents,
           coalesce((SELECT greatest(n.terms::float8 / greatest(n.documents, 1), 1)
                     FROM persistmem.namespaces n WHERE n.namespace = %(namespace)s::text), 1) AS usual_length
), rarity AS MATERIALIZED (
    SELECT asked.one, array_agg(DISTINCT asked.word) AS words, count(DISTINCT p.memory_id) AS memories,
           max(asked.weight)
           * ln(1 + (size.documents - count(DISTINCT p.memory_id) + 0.5) / (count(DISTINCT p.memory_id) + 0.5)) AS idf
    FROM asked
    CROSS JOIN size
    LEFT JOIN parsed p ON p.word = asked.word AND p.memory_id IN (SELECT id FROM valid)
    GROUP BY asked.one, size.documents
), worded AS MATERIALIZED (
    SELECT p.memory_id, sum(r.idf * p.times * 2.2 / (p.times + 1.2 * (0.25 + p.length / size.usual_length * 0.75))) AS lexical
    FROM parsed p
    JOIN rarity r ON p.word = ANY (r.words)
    CROSS JOIN size
    GROUP BY p.memory_id
)
SELECT
-- include: memory
       , false AS always, coalesce(u.times, 0) AS uses, c.similarity, coalesce(w.lexical, 0) AS lexical,
       ARRAY(SELECT l.turn_id FROM persistmem.memory_turns l
             WHERE l.namespace = %(namespace)s::text AND l.memory_id = m.id) AS turn_ids,
       -- Whatever of a turn was not true at that moment is not told apart here: nothing is quoted of it.
       CASE WHEN m.is_turn THEN '{{""}}'::text[] ELSE '{{}}' END AS past_quotes, (
           SELECT json_build_array(count, mean, deviation, (SELECT coalesce(sum(idf), 0) * 2.2 FROM rarity),
                                   (SELECT json_agg(one) FROM rarity WHERE memories > 0)) FROM statistics
       )::text AS statistics
FROM compared c
LEFT JOIN worded w ON w.memory_id = c.memory_id
JOIN persistmem.memories m ON m.namespace = %(namespace)s::text AND m.id = c.memory_id
LEFT JOIN persistmem.uses u ON u.namespace = %(namespace)s::text AND u.memory_id = c.memory_id
