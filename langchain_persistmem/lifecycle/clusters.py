"""Groups of memories that belong together, by the cosines of their vectors; pure, the same for any order of its input."""

from collections.abc import Mapping, Sequence
from uuid import UUID

Pair = tuple[int, int, float]
"""Two positions in a list of memories, and the cosine of their vectors."""


def clusters(pairs: Sequence[Pair], *, similar: float, least: int, most: int) -> list[list[int]]:
    """Groups whose members resemble each other on average, so that no chain of neighbours joins strangers.

    The most similar pair is joined first. Two groups become one if the mean cosine between them is
    at least ``similar``; a pair that is not given counts as 0.

    Args:
        pairs: cosines, each pair once.
        similar: the least mean cosine between two groups that are joined.
        least: smaller groups are dropped.
        most: no group grows larger.

    Returns:
        The positions of each group in order, the groups by their first position.
    """
    cosine = {(min(one, other), max(one, other)): similarity for one, other, similarity in pairs}
    group_of: dict[int, list[int]] = {position: [position] for pair in cosine for position in pair}
    # Greedy average linkage. Ties are broken by position, so that a run after a crash makes the same groups.
    for (one, other), similarity in sorted(cosine.items(), key=lambda item: (-item[1], item[0])):
        own_group, other_group = group_of[one], group_of[other]
        if similarity < similar:
            break
        if (
            own_group is other_group
            or len(own_group) + len(other_group) > most
            or _between(own_group, other_group, cosine) < similar
        ):
            continue
        own_group += other_group
        for position in other_group:
            group_of[position] = own_group
    groups = {id(group): sorted(group) for group in group_of.values() if len(group) >= least}
    return sorted(groups.values())


def _between(own_group: Sequence[int], other_group: Sequence[int], cosine: Mapping[tuple[int, int], float]) -> float:
    similarities = (cosine.get((min(one, other), max(one, other)), 0.0) for one in own_group for other in other_group)
    return sum(similarities) / (len(own_group) * len(other_group))


def stars(neighbours: Mapping[UUID, Sequence[UUID]]) -> list[list[UUID]]:
    """Groups around a memory each, the largest first: a memory and what resembles it, none of it in two groups."""
    members: set[UUID] = set()
    groups: list[list[UUID]] = []
    for centre, near in sorted(neighbours.items(), key=lambda item: (-len(item[1]), item[0])):
        if centre in members:
            continue
        group = [centre, *(memory for memory in near if memory not in members)]
        members.update(group)
        groups.append(group)
    return groups
