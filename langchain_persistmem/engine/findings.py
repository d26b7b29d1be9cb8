"""What the facts about tables, indexes, rows and work mean; pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_persistmem.types import Finding, Level

Facts = Mapping[str, Any]

_VISIBLE = 0.5
"""Below this share of all-visible pages, index-only scans visit the table all the same."""
_FEW_PAGES = 100


def about_tables(tables: Sequence[Facts], *, said: bool, superuser: bool) -> list[Finding]:
    """Rights, row-level security, and how settled the vectors are."""
    by_name = {each["name"]: each for each in tables}
    return [*_rights(by_name, superuser), *_guards(tables, said), *_settled(by_name)]


def _rights(tables: Mapping[str, Facts], superuser: bool) -> list[Finding]:
    if superuser:  # that is a finding of its own
        return []
    unread = sorted(name for name, each in tables.items() if not each["may_read"])
    found: list[Finding] = []
    if unread:
        fix = "GRANT SELECT ON ALL TABLES IN SCHEMA persistmem TO ..."
        found.append(
            finding("warning", "rights", f"this role may not read: {', '.join(unread)}", "what needs them fails", fix)
        )
    audit = tables.get("audit")
    if audit is not None and audit["owned"]:
        what, why = "this role owns the tables", "it can change all of them, the audit and the policies included"
        fix = "let another role run setup(), and give this one the rights in docs/how-to/run-in-production.md"
        found.append(finding("note", "rights", what, why, fix))
    elif audit is not None and audit["may_change"]:
        what, why = "this role may change the audit", "an audit is worth more if the application can only add to it"
        fix = "REVOKE UPDATE, DELETE, TRUNCATE ON persistmem.audit FROM ..."
        found.append(finding("note", "rights", what, why, fix))
    return found or [ok("rights", "no more than needed on the audit")]


def _guards(tables: Sequence[Facts], said: bool) -> list[Finding]:
    policies = [each for each in tables if each["has_policy"]]
    open_ = sorted(each["name"] for each in policies if not each["guarded"])
    if not policies or len(open_) == len(policies):
        if said:
            why = "Settings.row_level_security promises a lock that is not there"
            what = "row-level security is not enabled"
            return [finding("error", "row_security", what, why, "persistmem rls enable")]
        return [ok("row_security", "not in use")]
    if open_:
        what = f"row-level security is not enabled on: {', '.join(open_)}"
        why = "the other tables have it: these are an open door"
        return [finding("error", "row_security", what, why, "persistmem rls enable")]
    return [ok("row_security", f"enabled on {len(policies)} tables")]


def _settled(tables: Mapping[str, Facts]) -> list[Finding]:
    found: list[Finding] = []
    off = sorted(name for name, each in tables.items() if each["vacuum_off"])
    if off:
        fix = "; ".join(f"ALTER TABLE persistmem.{name} RESET (autovacuum_enabled)" for name in off)
        why = "they swell, and searches slow down"
        found.append(finding("warning", "autovacuum", f"autovacuum is off on: {', '.join(off)}", why, fix))
    for name in ("vectors", "words"):
        table = tables.get(name)
        if table is None or max(table["pages"], table["live"] // 50) < _FEW_PAGES:
            continue
        share = table["all_visible"] / table["pages"] if table["pages"] else 0.0
        if share < _VISIBLE:
            what = f"{share:.0%} of the table {name} is settled (all-visible)"
            why = (
                "its covering index is read beside the table instead of alone: searches take about three times as long"
            )
            found.append(finding("warning", "vacuum", what, why, f"VACUUM (ANALYZE) persistmem.{name}"))
    return found or [ok("vacuum", "the search tables are settled")]


def about_indexes(indexes: Sequence[Facts]) -> list[Finding]:
    """Indexes whose building was broken off, and those that searching needs."""
    broken = [each["name"] for each in indexes if not each["valid"]]
    found = [
        finding(
            "error",
            "indexes",
            f"the index {name} is not valid",
            "it costs every write and serves no search",
            f"REINDEX INDEX {name}",
        )
        for name in broken
    ]
    there = {str(each["name"]).rpartition(".")[2] for each in indexes}
    for name in sorted(_NEEDED - there):
        why = "searches, or writes that rely on it, read whole tables or fail"
        fix = f"create it as the file schema.sql of this package does (look for {name})"
        found.append(finding("error", "indexes", f"the index {name} is missing", why, fix))
    return found or [ok("indexes", f"{len(indexes)} indexes are valid")]


_NEEDED = frozenset(
    (
        "vectors_scan", "vectors_pkey", "words_pkey", "memories_pkey", "memories_current_key", "memories_current_identity",
        "messages_pkey", "namespaces_pkey", "audit_pkey",
    )
)  # fmt: skip


def about_orphans(orphans: Sequence[Facts]) -> list[Finding]:
    """Rows whose memory or namespace is not there."""
    found = [
        finding(
            "error",
            "orphans",
            f"{each['orphans']:,} rows of the table {each['name']} belong to nothing",
            "they can be left of a person who was erased, or of a restore that left something out",
            _delete_orphans(each["name"]),
        )
        for each in orphans
        if each["orphans"]
    ]
    return found or [ok("orphans", "every row belongs to something")]


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
    what = f"the counters of words are wrong in {counters['wrong']:,} of {counters['looked_at']:,} namespaces"
    fix = (
        "UPDATE persistmem.namespaces n SET documents = (SELECT count(DISTINCT memory_id) FROM persistmem.words w "
        "WHERE w.namespace = n.namespace), words = (SELECT coalesce(sum(times), 0) FROM persistmem.words w "
        "WHERE w.namespace = n.namespace)"
    )
    return [finding("warning", "counters", what, "words are weighed wrongly in recall", fix)]


def about_vectors(vectors: Facts, model: str | None) -> list[Finding]:
    """Memories without a vector, and vectors of other models."""
    found: list[Finding] = []
    models: Mapping[str, int | None] = vectors["models"]
    if model is not None and models and model not in models:
        what = f"the database knows {', '.join(sorted(models))}, and this was opened with {model}"
        why = "vectors of two models cannot be compared: every search is refused"
        fix = "open with that model, or run persistmem reembed; the same under another name: Settings(embedding_model=...)"
        found.append(finding("error", "embeddings", what, why, fix))
    others = sorted(name for name, number in models.items() if number and model in models and name != model)
    if others:
        what = f"there are vectors of another model: {', '.join(others)}"
        why = "they take space, and are searched by nobody who opens with this model"
        found.append(finding("note", "embeddings", what, why, "persistmem reembed --drop-others --embeddings ..."))
    if not models:
        why = "nothing can be remembered until the embedding model is registered"
        found.append(finding("note", "embeddings", "no embedding model is registered", why, "call setup()"))
    if vectors["missing"]:
        what = f"{vectors['missing']:,} current memories have no vector of this model"
        why = "they are found by words only; so are all items of a store without an index"
        found.append(finding("note", "embeddings", what, why, "persistmem reembed --embeddings ..."))
    return found or [ok("embeddings", "every memory has its vector")]


def about_work(work: Facts) -> list[Finding]:
    """What nobody works on, and what waits for a person."""
    found: list[Finding] = []
    for name, level, what, why, fix in _WORK:
        if work[name]:
            found.append(finding(level, name, what.format(work[name]), why, fix))
    return found or [ok("work", "nothing is stuck and nothing waits for a person")]


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
        "dead_letters() has the reason; once that is gone: retry(thread_id)",
    ),
    ("review", "note", "{:,} memories wait for review", "they are not recalled", "review(), then approve() or reject()"),
    (
        "erasures", "error", "{:,} erasures were begun and never verified", "something of a person may be left",
        "persistmem erasures resume",
    ),
)  # fmt: skip


def finding(level: Level, name: str, what: str, why: str, fix: str | None) -> Finding:
    """Something that is to be said."""
    return Finding(level=level, name=name, what=what, why=why, fix=fix)


def ok(name: str, what: str) -> Finding:
    """All is well in this respect."""
    return Finding(level="ok", name=name, what=what, why="", fix=None)
