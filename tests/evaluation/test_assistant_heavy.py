"""Where the assistant says most of the words, no sort of question is served worse than by cosine or BM25 alone."""

import json
from pathlib import Path

import pytest

from langchain_persistmem.__main__ import main
from tests.evaluation.assistant_heavy import read_assistant_heavy_set

pytestmark = pytest.mark.slow


def test_no_sort_of_question_to_an_assistant_is_served_worse_than_by_cosine_or_bm25(
    tmp_path: Path, database: str
) -> None:
    found = read_assistant_heavy_set()
    assert sum(len(user["turns"]) for user in found.users) == 300
    assert sum(bool(question["gold"]) for question in found.questions) == 60
    chats, questions = tmp_path / "chats.jsonl", tmp_path / "questions.jsonl"
    chats.write_text("".join(json.dumps(user) + "\n" for user in found.users))
    questions.write_text("".join(json.dumps(question) + "\n" for question in found.questions))
    assert main(["eval", str(chats), str(questions), "--out", str(tmp_path / "out"), "--dsn", database, "--json"]) == 0
    rule = json.loads((tmp_path / "out" / "results.json").read_text())["rule"]
    assert {category for category, by_metric in rule.items() if not all(m["kept"] for m in by_metric.values())} == set()
