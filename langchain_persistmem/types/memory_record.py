"""All that is known about one memory: what a person is shown who asks where it comes from."""

from dataclasses import dataclass
from datetime import datetime

from langchain_persistmem.types.records import Change, Memory, Turn


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryRecord:
    """A memory with where it comes from and what became of it; ``str()`` makes a readable text of it."""

    memory: Memory
    """The current version, or, where none is current, the latest."""
    messages: tuple[Turn, ...]
    """The stored messages that its versions came from, oldest first."""
    missing_messages: tuple[str, ...]
    """The ids of messages that it came from and that are not stored, or not any more."""
    versions: tuple[Memory, ...]
    """Every version under its key, this one included, and what they replaced; the latest first."""
    changes: tuple[Change, ...]
    """What changed it and why, newest first."""
    uses: int
    """How often it entered a context, in whatever version."""
    used_at: datetime | None
    """When it last did."""

    def __str__(self) -> str:
        memory, source = self.memory, self.memory.provenance
        about = [memory.kind, memory.status, *(["pinned"] if memory.pinned else [])]
        lines = [memory.text or memory.key, f"{', '.join(about)}; key {memory.key}"]
        lines.append(f"true since {_date(memory.valid_from)}, recorded {_date(memory.recorded_at)}")
        said = f"from the {source.source}" + (f" ({memory.speaker})" if memory.speaker else "")
        lines.append(said + (f", in thread {source.thread_id}" if source.thread_id else ""))
        made = [part for part in (source.extractor, source.model, source.prompt_version) if part]
        lines += [f"made by {', '.join(made)}"] if made else []
        lines.append(f"confirmed {memory.confirmations} times, confidence {memory.confidence:.2f}")
        lines.append(f"shown {self.uses} times" + (f", last {_date(self.used_at)}" if self.used_at else ""))
        lines += ["messages:"] if self.messages or self.missing_messages else []
        lines += [f"  {_date(turn.sent_at)} {turn.role}: {_line(turn.text)}" for turn in self.messages]
        lines += [f"  {id}: not stored" for id in self.missing_messages]
        before = [each for each in self.versions if each.id != memory.id]
        lines += ["other versions:"] if before else []
        lines += [f"  {_date(each.valid_from)} {each.status}: {_line(each.text or each.key)}" for each in before]
        lines += ["changes:"] if self.changes else []
        lines += [f"  {_date(each.changed_at)} {each.change}: {each.reason}" for each in self.changes]
        return "\n".join(lines)


def _date(moment: datetime) -> str:
    return moment.date().isoformat()


def _line(text: str) -> str:
    return " ".join(text.split())
