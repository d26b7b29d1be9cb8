"""The rules of the diagnosis on a cluster of Citus; pure."""

from langchain_persistmem.operations.diagnosis_rules import finding, ok
from langchain_persistmem.postgres.queries.table_locations import Cluster
from langchain_persistmem.types.records import Finding


def about_cluster(cluster: Cluster | None, *, row_security: bool, role: str) -> list[Finding]:
    """The findings on the nodes and on what lies where; none without the extension.

    Args:
        row_security: ``Settings.row_level_security``.
        role: the role, quoted.
    """
    if cluster is None:
        return []
    findings: list[Finding] = []
    if cluster.node:
        what = f"this is node {cluster.node} of a cluster of Citus, and not its coordinator"
        why = "the queue of work, the registry of indexes and the checkpoints lie on the coordinator"
        findings.append(finding("error", "citus", what, why, "give the coordinator's connection string"))
    if cluster.misplaced:
        findings.append(_about_misplaced(cluster))
    if cluster.propagate_set_commands != "local" and cluster.is_distributed:
        what = f"citus.propagate_set_commands is {cluster.propagate_set_commands!r} for this role"
        why = "with row-level security the other nodes do not learn whose memories are meant, and show none"
        fix = f"ALTER ROLE {role} SET citus.propagate_set_commands = 'local'"
        findings.append(finding("error" if row_security else "note", "citus", what, why, fix))
    summary = f"Citus {cluster.version}, coordinator, rows on {cluster.holders} nodes"
    return findings or [ok("citus", summary)]


def _about_misplaced(cluster: Cluster) -> Finding:
    if not cluster.is_distributed:
        what = f"Citus {cluster.version} is in this database, and no table is distributed"
        return finding("note", "citus", what, "all rows lie on the coordinator", "persistmem distribute")
    what = f"these tables do not lie where they belong: {', '.join(cluster.misplaced)}"
    why = "statements that join them with the others are refused"
    return finding("error", "citus", what, why, "persistmem distribute, after each setup()")
