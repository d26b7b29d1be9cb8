"""How a real, small chat model fares with the life stories: figures for people to read, nothing that could fail.

    uv run --group model python -m tests.support.measure_life_stories --most 12

Every session is one call of the model; on two cores a call takes some 10 to 40 seconds.
"""

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from langchain_openai import ChatOpenAI

from langchain_persistmem import ExtractionError, PersistMem, Settings
from tests.support.model_server import MODEL_NAME, serve
from tests.support.stories import STORIES, Story, sessions


def main() -> None:
    """Play the stories with the model and print how many of their expectations are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=12, help="stories, spread over the themes (default: 12)")
    most = parser.parse_args().most
    met: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="persistmem-", ignore_cleanup_errors=True) as folder, serve() as url:
        model = ChatOpenAI(
            base_url=url, api_key="not-needed", model=MODEL_NAME, temperature=0, max_tokens=400, max_retries=0
        )
        settings = Settings(data_dir=Path(folder) / "data", worker=False)
        with PersistMem.open(model=model, settings=settings) as memory:
            memory.setup()
            for number, param in enumerate(STORIES[:: max(1, len(STORIES) // most)][:most]):
                (story,) = param.values
                met += _play(memory, story, f"-{number}")
                print(f"{param.id}: {dict(met)}", flush=True)


def _play(memory: PersistMem, story: Story, suffix: str) -> Counter[str]:
    met: Counter[str] = Counter(stories=1)
    for session in sessions(story):
        try:
            memory.observe(session["messages"], thread_id=session["thread"], user_id=session["user"] + suffix)
        except ExtractionError:
            met["sessions without a usable answer"] += 1
    texts = [str(each.text).casefold() for each in memory.list(limit=1000, user_id=f"ada{suffix}")]

    def current(words: Any) -> bool:
        wanted = [words] if isinstance(words, str) else words
        return any(all(word.casefold() in text for word in wanted) for text in texts)

    remembered, gone = story["end"].get("remembered", []), story["end"].get("gone", [])
    met["to be remembered"] += len(remembered)
    met["remembered"] += sum(current(words) for words in remembered)
    met["to be gone"] += len(gone)
    met["gone"] += sum(not current(words) for words in gone)
    return met


if __name__ == "__main__":
    main()
