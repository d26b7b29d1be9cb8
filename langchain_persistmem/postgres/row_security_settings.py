"""The settings of a transaction by which the policies of row-level security know what it may see.

The policies (at the end of ``schema.sql``) show a transaction what it says that it is about, and nothing if it says
nothing. They are the second lock: every statement names its namespace in its WHERE as well.
"""

from collections.abc import Sequence

from langchain_persistmem.postgres.transaction import Transaction, set_locally
from langchain_persistmem.types.namespace import EVERYWHERE, Reach, Several, Within, encode


def reach_settings(reach: Reach) -> dict[str, str]:
    """The settings of a transaction that say what it is about: all four, so that none that a session has widens it."""
    reaches = reach.reaches if isinstance(reach, Several) else (reach,)
    everywhere = EVERYWHERE in reaches
    exact = list(dict.fromkeys(encode(reach) for reach in reaches if not isinstance(reach, Within)))
    within = list(
        dict.fromkeys(encode(reach.prefix) + "/" for reach in reaches if isinstance(reach, Within) and reach.prefix)
    )
    return {
        "persistmem.namespace": exact[0] if len(exact) == 1 else "",
        "persistmem.namespaces": _array(exact) if len(exact) > 1 else "",
        "persistmem.prefixes": _array(within) if within else "",
        "persistmem.all_namespaces": "on" if everywhere else "off",
    }


async def see_everything(tx: Transaction) -> None:
    """For setup(), which may move rows whether or not ``Settings.row_level_security`` is on."""
    await set_locally(tx, reach_settings(EVERYWHERE))


def _array(texts: Sequence[str]) -> str:
    """``texts`` as PostgreSQL writes a text[]."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
