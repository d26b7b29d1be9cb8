"""Findings from facts about the server: versions, settings, roles, clock and pooler; pure."""

import re
from collections.abc import Sequence
from datetime import datetime

from langchain_persistmem.operations.diagnosis_rules import Facts, finding, ok, quote_name
from langchain_persistmem.settings import Settings
from langchain_persistmem.types.records import Finding

_OLDEST, _NEWEST = 15, 18
_SAFE_MINOR = {15: 18, 16: 14, 17: 10, 18: 4}
"""The releases of 14 May 2026: before them any role that may run SQL can corrupt the server's memory (CVE-2026-6473)."""
_VECTOR_REFUSED, _VECTOR_HOLE, _VECTOR_SOUND = (0, 8, 0), (0, 8, 2), (0, 8, 4)
_CLOCKS = 10.0
"""Seconds by which two clocks may differ."""


def about_versions(server: Facts) -> list[Finding]:
    """PostgreSQL and pgvector."""
    return [*_postgres(int(server["server_version"])), *_pgvector(server)]


def _postgres(number: int) -> list[Finding]:
    major, minor = number // 10_000, number % 10_000
    version = f"PostgreSQL {major}.{minor}"
    if major < _OLDEST:
        return [
            finding(
                "error", "postgresql", f"{version} is too old", "the schema needs 15 or later", "upgrade the server"
            )
        ]
    if minor < _SAFE_MINOR.get(major, 0):
        return [
            finding(
                "error",
                "postgresql",
                f"{version} has known security holes",
                "before the releases of May 2026 any role that may run SQL can corrupt the server's memory (CVE-2026-6473)",
                f"upgrade to {major}.{_SAFE_MINOR[major]} or later; a minor upgrade needs no dump",
            )
        ]
    if major > _NEWEST:
        return [finding("note", "postgresql", f"{version} is newer than what this version was tested with", "", None)]
    return [ok("postgresql", version)]


def _pgvector(server: Facts) -> list[Finding]:
    version = server["vector_version"]
    if version is None:
        there = server["vector_available"]
        return [
            finding(
                "error",
                "pgvector",
                "the extension vector is not " + ("created in this database" if there else "installed on this server"),
                "memories are found by their vectors",
                "call setup() as a role that may create it, or: CREATE EXTENSION vector"
                if there
                else "install its package, such as postgresql-18-pgvector, then call setup()",
            )
        ]
    numbers = tuple(int(number) for number in re.findall(r"\d+", str(version))[:3])
    numbers += (0,) * (3 - len(numbers))
    upgrade = "upgrade its package, then: ALTER EXTENSION vector UPDATE"
    if numbers < _VECTOR_REFUSED:
        return [finding("error", "pgvector", f"pgvector {version} is too old", "halfvec and 0.8 are needed", upgrade)]
    if numbers < _VECTOR_SOUND:
        hole = "a parallel HNSW build can read other tables' data or crash the server (CVE-2026-3172)"
        why = hole if numbers < _VECTOR_HOLE else "vacuuming an HNSW index can fail or corrupt it"
        return [finding("warning", "pgvector", f"pgvector {version} has known faults", why, upgrade)]
    return [ok("pgvector", f"pgvector {version}")]


def about_migrations(missing: Sequence[str] | None, there: bool) -> list[Finding]:
    """The finding about the schema: it is that of this code, or not."""
    if not there or missing is None:
        return [finding("error", "schema", "setup() has not been run here", "there are no tables yet", "call setup()")]
    if missing:
        fact = f"the database has not been through {', '.join(missing)}"
        return [finding("error", "schema", fact, "the code and the tables have to fit each other", "call setup()")]
    return [ok("schema", "up to date")]


def about_server(server: Facts, settings: Settings, *, now: datetime) -> list[Finding]:
    """Settings of the server, the role and the connection."""
    return [
        *_durability(server),
        *_limits(server, settings),
        *_role(server),
        *_text(server, settings),
        *_clock(server, now),
        *_pooler(server, settings),
    ]


def _durability(server: Facts) -> list[Finding]:
    findings: list[Finding] = []
    for name in ("fsync", "full_page_writes"):
        if server[name] != "on":
            fact = f"{name} is {server[name]}"
            fix = f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()"
            findings.append(
                finding("error", "durability", fact, "a crash of the machine can destroy the database", fix)
            )
    if server["synchronous_commit"] == "off":
        why = "a crash loses what was acknowledged in the last moments"
        findings.append(
            finding("warning", "durability", "synchronous_commit is off", why, "SET synchronous_commit = on")
        )
    for name in ("autovacuum", "track_counts"):
        if server[name] != "on":
            why = "tables swell, searches slow down, and in the end the server stops"
            fix = f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()"
            findings.append(finding("error", "autovacuum", f"{name} is {server[name]}", why, fix))
    return findings or [ok("durability", "fsync, full_page_writes, synchronous_commit and autovacuum are on")]


def _limits(server: Facts, settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    name = "idle_in_transaction_session_timeout"
    if server[name] in ("0", "0ms"):
        why = "a process that freezes within a transaction keeps its locks for ever"
        fix = f"ALTER ROLE {quote_name(server['role'])} SET {name} = '60s'"
        findings.append(finding("note", "timeouts", f"{name} is not set", why, fix))
    if server["statement_timeout"] in ("0", "0ms") and settings.statement_seconds is None:
        why = "nothing ends a statement that hangs: Settings.statement_seconds is None, too"
        fix = f"ALTER ROLE {quote_name(server['role'])} SET statement_timeout = '60s'"
        findings.append(finding("warning", "timeouts", "statement_timeout is not set", why, fix))
    free = server["max_connections"] - server["reserved_connections"]
    if settings.pool_max > free:
        fact = f"Settings.pool_max is {settings.pool_max}, and the server has {free} connections for all"
        fix = "lower pool_max, put PgBouncer in front, or raise max_connections"
        findings.append(finding("warning", "connections", fact, "the pool cannot get what it may ask for", fix))
    if server["replica"] or server["read_only"] == "on":
        fact = "this server is a replica" if server["replica"] else "this role's transactions are read-only"
        findings.append(finding("note", "read_only", fact, "memories are read here, and cannot be written", None))
    return findings


def _role(server: Facts) -> list[Finding]:
    role = quote_name(server["role"])
    if server["superuser"]:
        why = "no policy and no missing right binds it; whoever gets hold of the application has the whole server"
        fix = "use a role with the rights in docs/how-to/run-in-production.md"
        return [finding("warning", "role", f"the role {role} is a superuser", why, fix)]
    if server["bypasses"]:
        why = "policies of row-level security do not bind it"
        return [finding("warning", "role", f"the role {role} has BYPASSRLS", why, f"ALTER ROLE {role} NOBYPASSRLS")]
    return [ok("role", f"the role {role} is no superuser's")]


def _text(server: Facts, settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    if server["encoding"] != "UTF8":
        why = "what the encoding does not have cannot be stored"
        fix = "create the database anew: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        findings.append(finding("error", "encoding", f"the database is in {server['encoding']}", why, fix))
    if not server["has_language"]:
        fact = f"there is no text search configuration {settings.language!r}"
        why = "nothing can be written or searched"
        findings.append(finding("error", "language", fact, why, "set Settings.language to one that \\dF lists"))
    return findings or [ok("text", f"UTF8, {settings.language}")]


def _clock(server: Facts, now: datetime) -> list[Finding]:
    apart = (server["now"] - now).total_seconds()
    if abs(apart) <= _CLOCKS:
        return [ok("clock", "this machine's and the server's agree")]
    fact = f"the server's clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this machine's"
    why = "times to live, recency and dates are off by as much"
    return [finding("warning", "clock", fact, why, "let both follow a time server (NTP)")]


def _pooler(server: Facts, settings: Settings) -> list[Finding]:
    pid = server.get("connection_pid")
    if pid is None or pid == server["backend_pid"]:
        return []
    if settings.prepare_threshold is None:
        return [ok("pooler", "a pooler is in front, and statements are not prepared")]
    why = "before PgBouncer 1.21, or with max_prepared_statements = 0, prepared statements fail behind it"
    fact = "a pooler, such as PgBouncer, is in front, and statements are prepared"
    return [finding("note", "pooler", fact, why, "set Settings.prepare_threshold=None where it is older")]
