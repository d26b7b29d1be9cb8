"""`persistmem eval`: figures that can be checked by hand, and runs that go on where they stopped."""

import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from langchain_persistmem import LocalEmbeddings
from langchain_persistmem.__main__ import main
from langchain_persistmem.evaluation.embedding_cache import EmbeddingCache
from langchain_persistmem.evaluation.metrics import interval, scores, separation

pytestmark = pytest.mark.slow

SAID = {
    "maya": [
        ("m1", "kitchen", "user", "I moved to Oslo in March and rent a small flat by the harbour."),
        ("m2", "kitchen", "assistant", "Congratulations on the move! How do you like the city?"),
        ("m3", "kitchen", "user", "I love it, and my sister Ingrid visits every other weekend."),
        ("m4", "garden", "user", "I planted tomatoes, but the snails ate all of them."),
        ("m5", "garden", "user", "Next year I will try copper tape against the snails."),
    ],
    "tom": [
        ("t1", "work", "user", "Our release slipped to October because the audit took longer."),
        ("t2", "work", "user", "Priya leads the audit, she is very thorough."),
        ("t3", "sport", "user", "I run ten kilometres every Sunday with my dog Rex."),
    ],
}
ASKED = [
    ("q1", "maya", "Where does Maya live?", "facts", ["m1"]),
    ("q2", "maya", "What happened to the tomatoes and what against it?", "two turns", ["m4", "m5"]),
    ("q3", "tom", "Who leads the audit?", "facts", ["t2"]),
    ("q4", "tom", "Which violin does Tom play?", "unanswerable", []),
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    chats, questions = tmp_path / "chats.jsonl", tmp_path / "questions.jsonl.gz"
    users = [
        {
            "user_id": user,
            "turns": [
                {
                    "id": id,
                    "session": session,
                    "ts": f"2026-03-0{place + 1}T10:00:00",
                    "role": role,
                    "text": text,
                    "speaker": role,
                }
                for place, (id, session, role, text) in enumerate(turns)
            ],
        }
        for user, turns in SAID.items()
    ]
    chats.write_text("".join(json.dumps(user) + "\n" for user in users))
    rows = [
        {
            "qid": id,
            "user_id": user,
            "query": query,
            "asked_at": "2026-04-01T09:00:00",
            "category": category,
            "gold": gold,
        }
        for id, user, query, category, gold in ASKED
    ]
    questions.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return chats, questions


def run(files: tuple[Path, Path], out: Path, dsn: str, *more: str) -> int:
    return main(["eval", *map(str, files), "--out", str(out), "--dsn", dsn, *more])


def test_the_metrics_are_those_that_can_be_counted_by_hand() -> None:
    found = scores(
        ["a", "b", "c", "d", "e", "f"], ["b", "f", "z"], dict.fromkeys("abcde", "one") | {"f": "two", "z": "three"}
    )
    assert found["R@5"] == pytest.approx(1 / 3)
    assert found["R@10"] == pytest.approx(2 / 3)
    assert (found["all@10"], found["any@10"], found["MRR"]) == (0.0, 1.0, 0.5)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert found["nDCG@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(7)) / ideal)
    assert found["sR@5"] == pytest.approx(2 / 3)


def test_nothing_found_counts_as_nothing() -> None:
    assert set(scores([], ["a"], {"a": "one"}).values()) == {0.0}


def test_the_interval_holds_the_mean_and_narrows_with_more_questions() -> None:
    few, many = interval([0.0, 1.0] * 10), interval([0.0, 1.0] * 1000)
    assert few[0] < 0.5 < few[1]
    assert many[1] - many[0] < few[1] - few[0]
    assert interval([0.0, 1.0] * 10) == few, "the same answers give the same interval"


def test_separation_is_the_share_of_pairs_in_the_right_order() -> None:
    assert separation([0.9, 0.5], [0.5, 0.1]) == pytest.approx(3.5 / 4)
    assert separation([0.9], []) is None


def test_every_system_answers_and_the_figures_are_written(
    files: tuple[Path, Path], tmp_path: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(files, tmp_path / "out", database) == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(found["systems"]) == ["persistmem", "cosine", "BM25"]
    for system in found["systems"].values():
        assert system["categories"]["all"]["n"] == 3
        assert system["categories"]["two turns"]["R@10"]["mean"] == 1.0
    assert found["context"]["evidence"] == 1.0
    assert found["systems"]["persistmem"]["auroc"] == 1.0
    assert (tmp_path / "out" / "results.png").read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    assert "persistmem" in shown
    assert "of the evidence" in shown
    assert all(len(line.rstrip()) <= 80 for line in shown.splitlines() if "/" not in line), "readable at 80 columns"


def test_an_interrupted_run_goes_on_and_asks_nothing_twice(
    files: tuple[Path, Path], tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert run(files, out, database, "--json") == 0
    whole = json.loads((out / "results.json").read_text())
    answers = (out / "answers.jsonl").read_bytes().splitlines(keepends=True)
    (out / "answers.jsonl").write_bytes(b"".join(answers[:4]) + answers[4][:10])  # cut in the middle of a line
    asked: list[str] = []
    original = LocalEmbeddings.embed_documents
    monkeypatch.setattr(
        LocalEmbeddings, "embed_documents", lambda self, texts: asked.extend(texts) or original(self, texts)
    )
    assert run(files, out, database, "--json") == 0
    again = json.loads((out / "results.json").read_text())
    assert [line[:30] for line in (out / "answers.jsonl").read_bytes().splitlines()[:4]] == [
        line[:30] for line in answers[:4]
    ]
    assert len((out / "answers.jsonl").read_bytes().splitlines()) == len(answers)
    assert _means(again) == _means(whole)
    assert asked == [], "vectors of the first run were kept"


def _means(found: dict[str, Any]) -> dict[str, Any]:
    return {name: each["categories"]["all"]["R@5"]["mean"] for name, each in found["systems"].items()}


def test_two_runs_are_not_mixed(
    files: tuple[Path, Path], tmp_path: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(files, tmp_path / "out", database, "--json") == 0
    files[0].write_text(files[0].read_text().replace("Oslo", "Bergen"))
    assert run(files, tmp_path / "out", database, "--json") == 2
    assert "--out" in capsys.readouterr().err


def test_only_the_first_users_are_asked_about(files: tuple[Path, Path], tmp_path: Path, database: str) -> None:
    assert run(files, tmp_path / "out", database, "--json", "--users", "1", "--leave-out", "two turns") == 0
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    assert found["systems"]["BM25"]["categories"]["all"]["n"] == 1
    assert found["systems"]["BM25"]["categories"]["two turns"]["n"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gold": ["m9"]}, "m9"),
        ({"gold": "m1"}, "gold"),
        ({"user_id": "nobody"}, "user_id"),
        ({"query": ""}, "query"),
        ({"asked_at": "yesterday"}, "asked_at"),
        ({"qid": None}, "qid"),
    ],
)
def test_a_bad_question_is_named_with_its_line(
    files: tuple[Path, Path],
    tmp_path: Path,
    database: str,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    said: str,
) -> None:
    rows = [json.loads(line) for line in gzip.decompress(files[1].read_bytes()).splitlines()]
    rows[1] |= change
    files[1].write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run(files, tmp_path / "out", database) == 2
    error = capsys.readouterr().err
    assert "line 2" in error
    assert said in error


def test_a_text_is_embedded_once(tmp_path: Path, embeddings: LocalEmbeddings) -> None:
    asked: list[str] = []

    class Counting(LocalEmbeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            asked.extend(texts)
            return super().embed_documents(texts)

    first = EmbeddingCache(Counting(), "counting", tmp_path / "vectors.sqlite")
    one = first.embed_documents(["tea", "coffee", "tea"])
    first.close()
    second = EmbeddingCache(Counting(), "counting", tmp_path / "vectors.sqlite")
    assert second.embed_documents(["tea", "coffee", "tea"]) == one
    second.close()
    assert asked == ["tea", "coffee"]
