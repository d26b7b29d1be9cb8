"""What holds after every fault (I1 to I9), as far as the tables alone can say."""

import psycopg

QUERIES = {
    "I2: a statement has two current rows": (
        "SELECT count(*) FROM (SELECT 1 FROM persistmem.memories WHERE status = 'active' AND identity IS NOT NULL "
        "GROUP BY namespace, identity HAVING count(*) > 1) d"
    ),
    "I2: a key has two current rows": (
        "SELECT count(*) FROM (SELECT 1 FROM persistmem.memories WHERE status = 'active' "
        "GROUP BY namespace, key HAVING count(*) > 1) d"
    ),
    "I2: a turn is the source of two memories of rules": (
        "SELECT count(*) FROM (SELECT 1 FROM persistmem.memories WHERE provenance ->> 'extractor' = 'turns' "
        "GROUP BY namespace, thread_id, provenance -> 'message_ids' HAVING count(*) > 1) d"
    ),
    "I4: a current memory with text lacks its vector": (
        "SELECT count(*) FROM persistmem.memories m WHERE status = 'active' AND text IS NOT NULL AND kind <> 'profile' "
        "AND NOT EXISTS (SELECT FROM persistmem.vectors v WHERE v.namespace = m.namespace AND v.memory_id = m.id AND v.active)"
    ),
    "I4: a memory that is not current has a searched vector": (
        "SELECT count(*) FROM persistmem.vectors v JOIN persistmem.memories m ON m.namespace = v.namespace "
        "AND m.id = v.memory_id WHERE v.active AND m.status <> 'active'"
    ),
    "I4: the sums for ranking are not those of a recount": (
        "SELECT count(*) FROM persistmem.namespaces n, LATERAL (SELECT count(DISTINCT memory_id) AS documents, "
        "coalesce(sum(times), 0) AS terms FROM persistmem.terms w WHERE w.namespace = n.namespace) r "
        "WHERE n.documents <> r.documents OR n.terms <> r.terms"
    ),
    "I5: work is held without an end": (
        "SELECT count(*) FROM persistmem.pending_work WHERE lease IS NOT NULL AND leased_until IS NULL"
    ),
    "I5: an open turn has no work, and nobody will look at it": (
        "SELECT count(*) FROM persistmem.messages m WHERE extracted_at IS NULL AND given_up_at IS NULL AND NOT withheld "
        "AND NOT EXISTS (SELECT FROM persistmem.pending_work w WHERE w.namespace = m.namespace AND w.thread_id = m.thread_id)"
    ),
    "I6: the parent of a checkpoint is missing": (
        "SELECT count(*) FROM checkpoints c WHERE parent_checkpoint_id IS NOT NULL AND NOT EXISTS (SELECT FROM checkpoints p "
        "WHERE p.thread_id = c.thread_id AND p.checkpoint_ns = c.checkpoint_ns AND p.checkpoint_id = c.parent_checkpoint_id)"
    ),
    "I6: a checkpoint lacks a value": (
        "SELECT count(*) FROM checkpoints c, jsonb_each_text(c.checkpoint -> 'channel_versions') v "
        "WHERE NOT c.checkpoint -> 'channel_values' ? v.key AND NOT v.key LIKE '\\_\\_%' AND NOT v.key LIKE 'branch:%' "
        "AND NOT EXISTS (SELECT FROM checkpoint_blobs b WHERE b.thread_id = c.thread_id "
        "AND b.checkpoint_ns = c.checkpoint_ns AND b.channel = v.key AND b.version = v.value)"
    ),
}


def broken(dsn: str) -> dict[str, int]:
    """The invariants that do not hold, with the number of rows that break them."""
    wrong: dict[str, int] = {}
    with psycopg.connect(dsn) as connection:
        for name, query in QUERIES.items():
            (count,) = connection.execute(query.encode()).fetchone() or (0,)
            if count:
                wrong[name] = count
    return wrong
