"""Public sets are read as they are published: who said what when, what is asked, and which turns answer it."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from langchain_persistmem.__main__ import main
from langchain_persistmem.errors import InvalidInputError
from langchain_persistmem.evaluation.public_sets import read_public_set

LOCOMO: Any = [
    {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Nora", "speaker_b": "Tom",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [
                {"speaker": "Nora", "dia_id": "D1:1", "text": "I planted a fig tree."},
                {"speaker": "Tom", "dia_id": "D1:2", "text": "Look at this!", "blip_caption": "a boat on a lake"},
            ],
            "session_2_date_time": "10:05 am on 1 June, 2023",
            "session_2": [{"speaker": "Nora", "dia_id": "D2:1", "text": "The fig tree has leaves now."}],
        },
        "qa": [
            {"question": "What did Nora plant?", "answer": "a fig tree", "evidence": ["D1:1", "D9:9"], "category": 4},
            {"question": "What did Tom plant?", "evidence": [], "category": 5},
        ],
    }
]  # fmt: skip
REALTALK: Any = {
    "name": {"speaker_1": "Emil", "speaker_2": "Lea"},
    "session_1": [
        {"clean_text": "I start at the bakery today", "speaker": "Emil", "date_time": "29.12.2023, 06:50:07", "dia_id": "D1:1"},
        {"clean_text": "", "speaker": "Lea", "date_time": "29.12.2023, 07:00:00", "dia_id": "D1:2"},
    ],
    "session_1_date_time": "29.12.2023, 06:50:07",
    "qa": [{"question": "When did Emil start?", "answer": "29 December", "evidence": ["D1:1"], "category": 2}],
}  # fmt: skip
LONG_MEM_EVAL: Any = [
    {
        "question_id": "q7", "question_type": "single-session-user", "question": "Where do I live?", "answer": "Oslo",
        "question_date": "2023/06/03 (Sat) 15:47", "answer_session_ids": ["s2"],
        "haystack_session_ids": ["s1", "s2"], "haystack_dates": ["2023/05/20 (Sat) 15:08", "2023/05/21"],
        "haystack_sessions": [
            [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}],
            [{"role": "user", "content": "I live in Oslo.", "has_answer": True}],
        ],
    },
    {
        "question_id": "q8_abs", "question_type": "single-session-user", "question": "What is my dog called?",
        "question_date": "2023/06/03 (Sat) 15:47", "haystack_session_ids": ["s1"], "haystack_dates": ["2023/05/20"],
        "haystack_sessions": [[{"role": "user", "content": "I have a cat.", "has_answer": True}]],
    },
]  # fmt: skip


def write(document: Any, path: Path) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_locomo_has_two_people_sessions_with_times_and_captions_of_pictures(tmp_path: Path) -> None:
    found = read_public_set(write(LOCOMO, tmp_path / "locomo10.json"))
    (user,) = found.users
    assert [(turn["speaker"], turn["text"], turn["ts"]) for turn in user["turns"]] == [
        ("Nora", "I planted a fig tree.", "2023-05-08T13:56:00+00:00"),
        ("Tom", "Look at this! [a boat on a lake]", "2023-05-08T13:57:00+00:00"),
        ("Nora", "The fig tree has leaves now.", "2023-06-01T10:05:00+00:00"),
    ]
    asked = [(question["category"], question["gold"]) for question in found.questions]
    assert asked == [("single-hop", [user["turns"][0]["id"]]), ("adversarial", [])]


def test_realtalk_has_messages_with_times_of_their_own(tmp_path: Path) -> None:
    packed = tmp_path / "Chat_1.json.gz"
    packed.write_bytes(gzip.compress(json.dumps(REALTALK).encode()))
    found = read_public_set(packed)
    (user,), (question,) = found.users, found.questions
    assert [turn["ts"] for turn in user["turns"]] == ["2023-12-29T06:50:07+00:00"]
    assert (question["category"], question["gold"]) == ("temporal", [user["turns"][0]["id"]])


def test_long_mem_eval_has_a_history_for_each_question_and_marks_what_answers_it(tmp_path: Path) -> None:
    found = read_public_set(write(LONG_MEM_EVAL, tmp_path / "longmemeval_s.json"))
    assert [question["category"] for question in found.questions] == ["single-session-user", "abstention"]
    assert [question["asked_at"] for question in found.questions] == ["2023-06-03T15:47:00+00:00"] * 2
    gold = found.questions[0]["gold"]
    assert [turn["text"] for turn in found.users[0]["turns"] if turn["id"] in gold] == ["I live in Oslo."]
    assert found.questions[1]["gold"] == []


@pytest.mark.parametrize("text", ["{}", "[]x", "7", '[{"conversation": {}}]', '{"haystack_sessions": 3}', ""])
def test_what_is_no_public_set_is_refused_by_the_name_of_the_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=r"other\.json"):
        read_public_set(path)


@pytest.mark.slow
def test_the_command_measures_a_public_set_and_says_whether_any_category_is_served_worse(
    tmp_path: Path, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(LOCOMO, tmp_path / "locomo10.json")
    compressor = "tests.evaluation.test_public_sets:reverse"
    out = tmp_path / "out"
    assert main(["eval", str(path), "--out", str(out), "--dsn", database, "--reranker", compressor]) == 0
    found = json.loads((out / "results.json").read_text())
    assert list(found["systems"]) == ["persistmem", "cosine", "BM25", "re-ranked"]
    assert set(found["rule"]) == {"all", "single-hop"}
    assert found["rule"]["all"]["R@5"]["kept"] is True
    assert "never a point below the better of the others: kept" in capsys.readouterr().out


def reverse() -> Any:
    from tests.runtime.models.test_reranker import ScriptedCompressor

    return ScriptedCompressor(order=lambda documents: documents[::-1], calls=[])
