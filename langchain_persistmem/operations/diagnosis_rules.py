"""Findings from facts about tables, indexes, rows and work; pure. Those about the server: ``server_rules.py``."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_persistmem.types.records import Finding, Level

Facts = Mapping[str, Any]

_VISIBLE = 0.5
"""Below this share of all-visible pages, index-only scans visit the table all the same."""
_FEW_PAGES = 100


def about_tables(tables: Sequence[Facts], *, expected: bool, superuser: bool) -> list[Finding]:
    """Rights, row-level security, and how settled the vectors are."""
    by_name = {table["name"]: table for table in tables}
    return [*_rights(by_name, superuser), *_guards(tables, expected), *_check_vacuum(by_name)]


def _rights(tables: Mapping[str, Facts], superuser: bool) -> list[Finding]:
    if superuser:  # that is a finding of its own
        return []
    unread = sorted(name for name, table in tables.items() if not table["may_read"])
    findings: list[Finding] = []
    if unread:
        fix = "GRANT SELECT ON ALL TABLES IN SCHEMA persistmem TO ..."
        findings.append(
            finding("warning", "rights", f"this role may not read: {', '.join(unread)}", "what needs them fails", fix)
        )
    audit = tables.get("audit")
    if audit is not None and audit["owned"]:
        fact, why = "this role owns the tables", "it can change all of them, the audit and the policies included"
        fix = "let another role run setup(), and give this one the rights in docs/how-to/run-in-production.md"
        findings.append(finding("note", "rights", fact, why, fix))
    elif audit is not None and audit["may_change"]:
        fact, why = "this role may change the audit", "an audit is worth more if the application can only add to it"
        fix = "REVOKE UPDATE, DELETE, TRUNCATE ON persistmem.audit FROM ..."
        findings.append(finding("note", "rights", fact, why, fix))
    return findings or [ok("rights", "no more than needed on the audit")]


def about_grants(missing: Sequence[Facts]) -> list[Finding]:
    """Rights that this role lacks to be an application's, or a reader."""
    if not missing:
        return [ok("grants", "this role has what it needs")]
    fact = "this role lacks " + "; ".join(f"{right['rights']} on {right['object']}" for right in missing)
    fix = "call setup() as the owner of the tables, who grants it; or, as their owner: " + "; ".join(
        right["command"] for right in missing
    )
    return [finding("warning", "grants", fact, "what needs them fails", fix)]


def _guards(tables: Sequence[Facts], expected: bool) -> list[Finding]:
    policies = [table for table in tables if table["has_policy"]]
    open_ = sorted(policy["name"] for policy in policies if not policy["guarded"])
    if not policies or len(open_) == len(policies):
        if expected:
            why = "Settings.row_level_security promises a lock that is not there"
            fact = "row-level security is not enabled"
            return [finding("error", "row_security", fact, why, "persistmem rls enable")]
        return [ok("row_security", "not in use")]
    if open_:
        fact = f"row-level security is not enabled on: {', '.join(open_)}"
        why = "the other tables have it: these are an open door"
        return [finding("error", "row_security", fact, why, "persistmem rls enable")]
    return [ok("row_security", f"enabled on {len(policies)} tables")]


def _check_vacuum(tables: Mapping[str, Facts]) -> list[Finding]:
    findings: list[Finding] = []
    off = sorted(name for name, table in tables.items() if table["vacuum_off"])
    if off:
        fix = "; ".join(f"ALTER TABLE persistmem.{name} RESET (autovacuum_enabled)" for name in off)
        why = "they swell, and searches slow down"
        findings.append(finding("warning", "autovacuum", f"autovacuum is off on: {', '.join(off)}", why, fix))
    for name in ("vectors", "terms"):
        table = tables.get(name)
        if table is None or max(table["pages"], table["live"] // 50) < _FEW_PAGES:
            continue
        share = table["all_visible"] / table["pages"] if table["pages"] else 0.0
        if share < _VISIBLE:
            fact = f"{share:.0%} of the table {name} is settled (all-visible)"
            why = (
                "its covering index is read beside the table instead of alone: searches take about three times as long"
            )
            findings.append(finding("warning", "vacuum", fact, why, f"VACUUM (ANALYZE) persistmem.{name}"))
    return findings or [ok("vacuum", "the search tables are settled")]


def about_indexes(indexes: Sequence[Facts]) -> list[Finding]:
    """Indexes whose building was broken off, and those that searching needs."""
    invalid = [index["name"] for index in indexes if not index["valid"]]
    findings = [
        finding(
            "error",
            "indexes",
            f"the index {name} is not valid",
            "it costs every write and serves no search",
            f"REINDEX INDEX {name}",
        )
        for name in invalid
    ]
    there = {str(index["name"]).rpartition(".")[2] for index in indexes}
    for name in sorted(_NEEDED - there):
        why = "searches, or writes that rely on it, read whole tables or fail"
        fix = f"create it as the file schema.sql of this package does (look for {name})"
        findings.append(finding("error", "indexes", f"the index {name} is missing", why, fix))
    return findings or [ok("indexes", f"{len(indexes)} indexes are valid")]


_NEEDED = frozenset(
    (
        "vectors_scan", "vectors_pkey", "terms_pkey", "memories_pkey", "memories_current_key", "memories_current_identity",
        "messages_pkey", "namespaces_pkey", "audit_pkey",
    )
)  # fmt: skip


def about_orphans(orphans: Sequence[Facts]) -> list[Finding]:
    """Rows whose memory or namespace is not there."""
    findings = [
        finding(
            "error",
            "orphans",
            f"{orphan['orphans']:,} rows of the table {orphan['name']} belong to nothing",
            "they can be left of a person who was erased, or of a restore that left something out",
            _delete_orphans(orphan["name"]),
        )
        for orphan in orphans
        if orphan["orphans"]
    ]
    return findings or [ok("orphans", "every row belongs to something")]


def _delete_orphans(table: str) -> str:
    if table in ("memories", "messages", "audit"):
        parent = "persistmem.namespaces p WHERE p.namespace = r.namespace"
    else:
        parent = "persistmem.memories p WHERE p.namespace = r.namespace AND p.id = r.memory_id"
    return f"DELETE FROM persistmem.{table} r WHERE NOT EXISTS (SELECT FROM {parent})"  # noqa: S608 - to be read


def about_counters(counters: Facts) -> list[Finding]:
    """The sums that the ranking of words is made from."""
    if not counters["wrong"]:
        return [ok("counters", f"right in {counters['looked_at']:,} namespaces")]
    fact = f"the counters of words are wrong in {counters['wrong']:,} of {counters['looked_at']:,} namespaces"
    fix = (
        "UPDATE persistmem.namespaces n SET documents = (SELECT count(DISTINCT memory_id) FROM persistmem.terms w "
        "WHERE w.namespace = n.namespace), terms = (SELECT coalesce(sum(times), 0) FROM persistmem.terms w "
        "WHERE w.namespace = n.namespace)"
    )
    return [finding("warning", "counters", fact, "words are weighed wrongly in recall", fix)]


def about_vectors(vectors: Facts, model: str | None) -> list[Finding]:
    """Memories without a vector, and vectors of other models."""
    findings: list[Finding] = []
    models: Mapping[str, int | None] = vectors["models"]
    if model is not None and models and model not in models:
        fact = f"the database knows {', '.join(sorted(models))}, and this was opened with {model}"
        why = "vectors of two models cannot be compared: every search is refused"
        fix = "open with that model, or run persistmem reembed; the same under another name: Settings(embedding_model=...)"
        findings.append(finding("error", "embeddings", fact, why, fix))
    other_models = sorted(name for name, number in models.items() if number and model in models and name != model)
    if other_models:
        fact = f"there are vectors of another model: {', '.join(other_models)}"
        why = "they take space, and are searched by nobody who opens with this model"
        findings.append(finding("note", "embeddings", fact, why, "persistmem reembed --drop-others --embeddings ..."))
    if not models:
        why = "nothing can be remembered until the embedding model is registered"
        findings.append(finding("note", "embeddings", "no embedding model is registered", why, "call setup()"))
    if vectors["missing"]:
        fact = f"{vectors['missing']:,} current memories have no vector of this model"
        why = "they are found by words only; so are all items of a store without an index"
        findings.append(finding("note", "embeddings", fact, why, "persistmem reembed --embeddings ..."))
    return findings or [ok("embeddings", "every memory has its vector")]


def about_work(work: Facts) -> list[Finding]:
    """Findings about work that nobody does, and about memories that wait for a person."""
    findings: list[Finding] = []
    for name, level, fact, why, fix in _WORK:
        if work[name]:
            findings.append(finding(level, name, fact.format(work[name]), why, fix))
    if work["rewrites"]:
        findings.append(_about_rewrites(work))
    return findings or [ok("work", "nothing is stuck and nothing waits for a person")]


def _about_rewrites(work: Facts) -> Finding:
    """Namespaces of an older database that have not the present form yet."""
    why = "their turns are recalled once they have; until then they are as complete as they were"
    if work["rewrites_failing"]:
        fact = f"{work['rewrites_failing']:,} namespaces could not be brought to the present form, and are tried again"
        return finding("error", "rewrite", fact, why, "look at the worker's log, then: persistmem maintain")
    fact = f"{work['rewrites']:,} namespaces of an older database are brought to the present form"
    if work["rewrites_stuck"]:
        return finding("warning", "rewrite", f"{fact}, and nothing has moved for a day", why, "persistmem maintain")
    return finding("note", "rewrite", fact, why, "a worker does it; or at once: persistmem maintain")


_WORK: tuple[tuple[str, Level, str, str, str], ...] = (
    (
        "overdue", "warning", "{:,} threads have been due for over an hour, and nobody works on them",
        "nothing is learnt from them", "run a worker: persistmem worker --model ...",
    ),
    (
        "failing", "note", "{:,} threads failed and are tried again", "their turns are stored, and not learnt from yet",
        "look at the worker's log",
    ),
    (
        "dead_letters", "warning", "{:,} turns were given up", "nothing was learnt from them",
        "admin.dead_letters() has the reason; once that is gone: admin.retry(thread_id)",
    ),
    ("review", "note", "{:,} memories wait for review", "they are not recalled", "review.list(), then review.approve() or review.reject()"),
    (
        "erasures", "error", "{:,} erasures were begun and never verified", "something of a person may be left",
        "persistmem erasures resume",
    ),
)  # fmt: skip


def finding(level: Level, name: str, fact: str, why: str, fix: str | None) -> Finding:
    """Something that is to be said."""
    return Finding(level=level, name=name, what=fact, why=why, fix=fix)


def ok(name: str, fact: str) -> Finding:
    """All is well in this respect."""
    return Finding(level="ok", name=name, what=fact, why="", fix=None)


def quote_name(name: str) -> str:
    """A name as PostgreSQL writes it."""
    return '"' + name.replace('"', '""') + '"'
