"""The full record of one memory, for a person who asks about its origin."""

from dataclasses import dataclass
from datetime import datetime

from langchain_persistmem.types.records import Change, Memory, Turn


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryRecord:
    """A memory with its origin and its changes; ``str()`` makes a readable text of it."""

    memory: Memory
    """The current version, or, where none is current, the latest."""
    messages: tuple[Turn, ...]
    """The stored messages behind its versions, oldest first."""
    quotes: tuple[tuple[str, ...], ...]
    """Of each of ``messages``, in their order: its words on which the memory rests, where they were noted."""
    missing_messages: tuple[str, ...]
    """The ids of messages behind it that are not stored, or not any more."""
    versions: tuple[Memory, ...]
    """Every version under its key, this one included, and what they replaced; the latest first."""
    changes: tuple[Change, ...]
    """Its changes and their reasons, newest first."""
    uses: int
    """Number of contexts that contained it, in whatever version."""
    used_at: datetime | None
    """The time of the last such context."""

    def __str__(self) -> str:
        memory, source = self.memory, self.memory.provenance
        about = [memory.kind, memory.status, *(["pinned"] if memory.pinned else [])]
        lines = [memory.text or memory.key, f"{', '.join(about)}; key {memory.key}"]
        lines.append(f"true since {_date(memory.valid_from)}, recorded {_date(memory.recorded_at)}")
        origin = f"from the {source.source}" + (f" ({memory.speaker})" if memory.speaker else "")
        lines.append(origin + (f", in thread {source.thread_id}" if source.thread_id else ""))
        makers = [part for part in (source.extractor, source.model, source.prompt_version) if part]
        lines += [f"made by {', '.join(makers)}"] if makers else []
        lines.append(f"confirmed {memory.confirmations} times, confidence {memory.confidence:.2f}")
        lines.append(f"in {self.uses} contexts" + (f", last {_date(self.used_at)}" if self.used_at else ""))
        lines += ["messages:"] if self.messages or self.missing_messages else []
        lines += [f"  {_date(turn.sent_at)} {turn.role}: {_line(turn.text)}" for turn in self.messages]
        lines += [f"  {id}: not stored" for id in self.missing_messages]
        other_versions = [version for version in self.versions if version.id != memory.id]
        lines += ["other versions:"] if other_versions else []
        lines += [
            f"  {_date(sibling.valid_from)} {sibling.status}: {_line(sibling.text or sibling.key)}"
            for sibling in other_versions
        ]
        lines += ["changes:"] if self.changes else []
        lines += [f"  {_date(change.changed_at)} {change.change}: {change.reason}" for change in self.changes]
        return "\n".join(lines)


def _date(moment: datetime) -> str:
    return moment.date().isoformat()


def _line(text: str) -> str:
    return " ".join(text.split())
