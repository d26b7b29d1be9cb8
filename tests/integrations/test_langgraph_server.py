"""docs/examples/langgraph-server under `langgraph dev`: its memories and threads are in our tables, and each user's own.

A real server process, asked over HTTP as a client would ask it. Its way to the internet is a proxy that answers
nobody: see the last test.
"""

import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk.client import SyncLangGraphClient

from tests.support.langgraph_dev import Server, a_project

pytestmark = [
    pytest.mark.ci,
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("langgraph_api") is None or find_spec("langgraph_cli") is None,
        reason="langgraph dev is not installed; run: uv sync --group langgraph-server (langgraph-cli[inmem])",
    ),
]

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "run-under-langgraph-server.md"
MINE = ("memories", "ada")
TELLS = "My sister Nora plays the cello."
ASKS = "Which instrument does my sister play?"


@pytest.fixture(scope="module")
def knocks() -> Iterator[socket.socket]:
    """A proxy that answers nobody; who asks for the internet waits in its queue."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture(scope="module")
def running(server: str, template: str, knocks: socket.socket) -> Iterator[Server]:
    """The example as it is in docs, started."""
    with a_project(server, template, knocks) as project:
        project.start()
        yield project


@pytest.fixture
def ada(running: Server) -> SyncLangGraphClient:
    return running.client("ada")


@pytest.fixture
def bob(running: Server) -> SyncLangGraphClient:
    return running.client("bob")


def say(client: SyncLangGraphClient, thread_id: str | None, text: str, *, graph: str = "agent", **options: Any) -> Any:
    """Run a graph and return the state's values."""
    message = {"messages": [{"role": "user", "content": text}]}
    return client.runs.wait(thread_id, graph, input=message, **options)


def recalled(client: SyncLangGraphClient, question: str, **options: Any) -> str:
    """What the agent is shown for a question in a thread of its own."""
    return say(client, a_thread(client), question, **options)["memory_context"]


def answered(state: Any) -> str:
    return state["messages"][-1]["content"]


def a_thread(client: SyncLangGraphClient) -> str:
    return client.threads.create()["thread_id"]


def refused(attempt: Callable[[], object]) -> int:
    """The status with which the server refuses."""
    with pytest.raises(httpx.HTTPStatusError) as refusal:
        attempt()
    return refusal.value.response.status_code


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def checkpoints(server: Server, thread_id: str) -> int:
    return server.rows("SELECT count(*) FROM checkpoints WHERE thread_id = %s", thread_id)[0][0]


def test_items_put_over_http_are_rows_of_ours_and_come_back(running: Server, ada: SyncLangGraphClient) -> None:
    places = (*MINE, "places")
    ada.store.put_item(places, "home", {"text": "Ada lives in Turin.", "since": 2019})
    ada.store.put_item(places, "work", {"text": "Ada works beside the river.", "since": 2022})
    stored = running.rows(
        "SELECT key, text FROM persistmem.memories WHERE namespace = 'memories/ada/places' ORDER BY key"
    )
    assert stored == [("home", "Ada lives in Turin."), ("work", "Ada works beside the river.")]
    item = ada.store.get_item(places, "home")
    assert (item["key"], item["value"]) == ("home", {"text": "Ada lives in Turin.", "since": 2019})
    assert tuple(item["namespace"]) == places
    assert item["created_at"] <= item["updated_at"]
    assert ada.store.get_item(places, "nothing") is None
    found = ada.store.search_items(places, query="In which town does she live?", limit=1)["items"]
    assert [(each["key"], each["score"] > 0) for each in found] == [("home", True)]
    filtered = ada.store.search_items(places, filter={"since": {"$gt": 2020}})["items"]
    assert [each["key"] for each in filtered] == ["work"]
    second = ada.store.search_items(places, limit=1, offset=1)["items"]
    assert [each["key"] for each in second] == ["home"]
    assert ada.store.list_namespaces(prefix=[*MINE])["namespaces"] == [[*places]]
    assert ada.store.list_namespaces(suffix=["places"], max_depth=2)["namespaces"] == [[*MINE]]
    for key in ("home", "work"):
        ada.store.delete_item(places, key)
    assert ada.store.search_items(places)["items"] == []
    assert running.rows("SELECT FROM persistmem.memories WHERE namespace = 'memories/ada/places'") == []


def test_what_is_wrong_with_an_item_is_the_callers_fault_and_not_a_crash(ada: SyncLangGraphClient) -> None:
    for attempt in (
        lambda: ada.store.search_items(MINE, filter={"since": {"$unknown": 1}}),
        lambda: ada.store.put_item(MINE, "k", {"text": "Ends too \x00 early."}),
        lambda: ada.store.put_item((*MINE, "n" * 600), "k", {"text": "A label beyond all bounds."}),
    ):
        assert refused(attempt) in (400, 422)
    assert ada.store.get_item(MINE, "k") is None


def test_what_a_run_remembers_is_an_item_and_an_item_is_recalled_in_a_run(ada: SyncLangGraphClient) -> None:
    say(ada, a_thread(ada), "My bicycle is green.")
    found = ada.store.search_items(MINE, query="colour of the bicycle", limit=1)["items"]
    assert [each["value"]["text"] for each in found] == ["My bicycle is green."]
    ada.store.put_item(MINE, "dentist", {"text": "The dentist is Doctor Rossi."})
    assert "Doctor Rossi" in recalled(ada, "Who is my dentist?")
    ada.store.delete_item(MINE, "dentist")
    assert "Doctor Rossi" not in recalled(ada, "Who is my dentist?")


def test_runs_on_a_thread_are_checkpoints_of_ours_and_a_second_run_continues(
    running: Server, ada: SyncLangGraphClient
) -> None:
    thread = a_thread(ada)
    say(ada, thread, "Good morning.")
    after_one = checkpoints(running, thread)
    assert after_one > 0
    state = say(ada, thread, "Good evening.")
    assert [each["content"] for each in state["messages"] if each["type"] == "human"] == [
        "Good morning.",
        "Good evening.",
    ]
    assert checkpoints(running, thread) > after_one
    current = ada.threads.get_state(thread)
    assert current["values"]["messages"] == state["messages"]
    assert current["next"] == []
    history = ada.threads.get_history(thread, limit=100)
    assert len(history) == checkpoints(running, thread)
    assert len({each["checkpoint"]["checkpoint_id"] for each in history}) == len(history)
    earlier = ada.threads.get_state(thread, checkpoint=history[-1]["checkpoint"])
    assert not earlier["values"].get("messages")
    ada.threads.update_state(thread, {"memory_context": "corrected"})
    assert ada.threads.get_state(thread)["values"]["memory_context"] == "corrected"


def test_a_run_that_is_interrupted_resumes(running: Server, ada: SyncLangGraphClient) -> None:
    thread = a_thread(ada)
    say(ada, thread, "Book a table.", graph="asking")
    waiting = ada.threads.get_state(thread)
    assert waiting["next"] == ["ask"]
    assert waiting["tasks"][0]["interrupts"][0]["value"] == "Which day?"
    assert ada.threads.get(thread)["status"] == "interrupted"
    assert running.rows("SELECT FROM checkpoint_writes WHERE thread_id = %s AND channel = '__interrupt__'", thread)
    done = ada.runs.wait(thread, "asking", command={"resume": "Monday"})
    assert answered(done) == "Booked for Monday."
    stopped = say(ada, thread := a_thread(ada), "Stop before you answer.", interrupt_before=["answer"])
    assert len(stopped["messages"]) == 1
    assert ada.threads.get_state(thread)["next"] == ["answer"]
    assert len(ada.runs.wait(thread, "agent", input=None)["messages"]) == 2


def test_a_copied_thread_has_the_history_and_goes_its_own_way(running: Server, ada: SyncLangGraphClient) -> None:
    thread = a_thread(ada)
    say(ada, thread, "Book a table.", graph="asking")
    copied: str = ada.threads.copy(thread)["thread_id"]
    assert copied != thread
    assert checkpoints(running, copied) == checkpoints(running, thread) > 0
    owners = running.rows("SELECT DISTINCT metadata->>'thread_id' FROM checkpoints WHERE thread_id = %s", copied)
    assert owners == [(copied,)]
    known, same = (ada.threads.get_history(each, limit=100) for each in (thread, copied))
    assert [each["values"] for each in same] == [each["values"] for each in known]
    assert {each["checkpoint"]["thread_id"] for each in same} == {copied}
    done = ada.runs.wait(copied, "asking", command={"resume": "Friday"})
    assert answered(done) == "Booked for Friday."
    assert ada.threads.get_state(thread)["next"] == ["ask"]
    assert answered(ada.runs.wait(thread, "asking", command={"resume": "Monday"})) == "Booked for Monday."


def test_the_server_misses_nothing_in_the_checkpointer(running: Server) -> None:
    log = running.log.read_text()
    assert "Using custom checkpointer: AsyncPersistMemSaver" in log
    assert "Custom checkpointer missing" not in log


def test_a_run_that_is_rolled_back_leaves_no_checkpoint(running: Server, ada: SyncLangGraphClient) -> None:
    thread = a_thread(ada)
    say(ada, thread, "first", graph="waiting")
    before = checkpoints(running, thread)
    message = {"messages": [{"role": "user", "content": "wait"}]}
    run = ada.runs.create(thread, "waiting", input=message)
    until(lambda: checkpoints(running, thread) > before)
    state = say(ada, thread, "second", graph="waiting", multitask_strategy="rollback")
    told = [each["content"] for each in state["messages"] if each["type"] == "human"]
    assert told == ["first", "second"]
    of_it = "SELECT FROM checkpoints WHERE thread_id = %s AND metadata->>'run_id' = %s"
    assert running.rows(of_it, thread, run["run_id"]) == []


def test_a_deleted_thread_leaves_no_checkpoint(running: Server, ada: SyncLangGraphClient) -> None:
    thread = a_thread(ada)
    say(ada, thread, "Good morning.")
    ada.threads.delete(thread)
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        assert running.rows(f"SELECT FROM {table} WHERE thread_id = %s", thread) == []


def test_what_is_said_in_one_thread_is_known_in_another_and_to_no_other_user(
    ada: SyncLangGraphClient, bob: SyncLangGraphClient
) -> None:
    say(ada, a_thread(ada), TELLS)
    assert TELLS in recalled(ada, ASKS)
    assert TELLS in say(ada, None, ASKS)["memory_context"]  # a run without a thread
    assert "Nora" not in recalled(bob, ASKS)
    assert "Nora" not in str(bob.store.search_items((), query="Nora"))


def test_the_code_of_the_how_to_runs(running: Server, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", HOW_TO.read_text(), re.MULTILINE | re.DOTALL)
    exec(block.replace("http://127.0.0.1:2024", running.url), {})
    printed = capsys.readouterr().out
    assert TELLS in printed
    assert printed.endswith("\nAda drinks green tea.\n")


def test_a_run_of_one_user_never_reads_or_writes_the_memory_of_another(
    ada: SyncLangGraphClient, bob: SyncLangGraphClient
) -> None:
    ada.store.put_item(MINE, "secret", {"text": "The safe opens with 47200."})
    asks = "What opens the safe?"
    assert "47200" in recalled(ada, asks)
    assert "47200" not in recalled(bob, asks, config={"configurable": {"user_id": "ada"}})
    assert "47200" not in recalled(bob, asks, context={"user_id": "ada"})
    posed = {"user_id": "ada", "langgraph_auth_user_id": "ada", "langgraph_auth_user": {"identity": "ada"}}
    with suppress(httpx.HTTPStatusError):  # refused by some versions, ignored by others
        assert "47200" not in recalled(bob, asks, config={"configurable": posed})
    say(bob, a_thread(bob), "My parrot is called Kiwi.", config={"configurable": {"user_id": "ada"}})
    assert "Kiwi" not in str(ada.store.search_items((), query="parrot"))
    assert "Kiwi" in str(bob.store.search_items((), query="parrot"))


def test_a_client_reaches_items_of_its_own_only(
    running: Server, ada: SyncLangGraphClient, bob: SyncLangGraphClient
) -> None:
    ada.store.put_item(MINE, "secret", {"text": "The safe opens with 47200."})
    for attempt in (
        lambda: bob.store.get_item(MINE, "secret"),
        lambda: bob.store.search_items(MINE),
        lambda: bob.store.put_item(MINE, "planted", {"text": "Ada owes Bob money."}),
        lambda: bob.store.delete_item(MINE, "secret"),
        lambda: bob.store.list_namespaces(prefix=[*MINE]),
        lambda: bob.store.put_item(("memories", "adam"), "planted", {"text": "Anything."}),
        lambda: bob.store.put_item(("elsewhere",), "planted", {"text": "Anything."}),
    ):
        assert refused(attempt) == 403
    for prefix in ((), ("memories",)):
        assert "47200" not in str(bob.store.search_items(prefix, query="safe", limit=100))
        assert [*MINE] not in bob.store.list_namespaces(prefix=[*prefix])["namespaces"]
    item = ada.store.get_item(MINE, "secret")
    assert item["value"] == {"text": "The safe opens with 47200."}
    studio = httpx.post(
        f"{running.url}/store/items/search",
        json={"namespace_prefix": [*MINE]},
        headers={"x-auth-scheme": "langsmith"},
        trust_env=False,
    )
    assert studio.status_code in (401, 403)
    assert refused(lambda: running.client(None).store.search_items(MINE)) == 401
    assert refused(lambda: running.client("carol").store.search_items(MINE)) == 401


def test_a_client_reaches_threads_of_its_own_only(ada: SyncLangGraphClient, bob: SyncLangGraphClient) -> None:
    say(ada, thread := a_thread(ada), "Good morning.")
    for attempt in (
        lambda: bob.threads.get(thread),
        lambda: bob.threads.get_state(thread),
        lambda: bob.threads.get_history(thread),
        lambda: bob.threads.update(thread, metadata={"owner": "bob"}),
        lambda: bob.threads.delete(thread),
        lambda: say(bob, thread, ASKS),
    ):
        assert refused(attempt) == 404
    assert refused(lambda: bob.threads.copy(thread)) in (404, 409)
    assert {each["metadata"]["owner"] for each in bob.threads.search(metadata={"owner": "ada"})} <= {"bob"}
    assert refused(lambda: bob.assistants.create("agent", config={"configurable": {"user_id": "ada"}})) == 403
    assert len(ada.threads.get_state(thread)["values"]["messages"]) == 2


def test_an_item_that_has_expired_is_erased_while_the_server_runs(running: Server, ada: SyncLangGraphClient) -> None:
    ada.store.put_item(MINE, "brief", {"text": "Gone in a minute."}, ttl=1)
    ada.store.put_item(MINE, "lasting", {"text": "Here for good."})
    kept = "SELECT key FROM persistmem.memories WHERE key IN ('brief', 'lasting') ORDER BY key"
    assert running.rows(kept) == [("brief",), ("lasting",)]
    running.execute("UPDATE persistmem.memories SET expires_at = now() - interval '1 second' WHERE key = 'brief'")
    assert ada.store.get_item(MINE, "brief") is None
    until(lambda: running.rows(kept) == [("lasting",)])


def test_after_a_crash_all_is_there_though_the_server_lost_its_own_records(running: Server) -> None:
    """The second start names store and checkpointer with dots, and gives every worker an event loop of its own."""
    ada = running.client("ada")
    say(ada, told := a_thread(ada), "My aunt Irene lives in Oslo.")
    say(ada, asked := a_thread(ada), "Book a table.", graph="asking")
    ada.store.put_item(MINE, "tea", {"text": "Ada drinks green tea."})
    running.stop(signal.SIGKILL)
    shutil.rmtree(running.folder / ".langgraph_api")
    running.environment["BG_JOB_ISOLATED_LOOPS"] = "true"
    running.configure(
        store={"path": "memory_agent.persist.store"}, checkpointer={"path": "memory_agent.persist.checkpointer"}
    )
    running.start()
    ada = running.client("ada")
    assert ada.store.get_item(MINE, "tea")["value"] == {"text": "Ada drinks green tea."}
    assert "Irene" in recalled(ada, "Where does my aunt live?")
    assert ada.threads.search(ids=[told]) == []
    ada.threads.create(thread_id=told, graph_id="agent")
    before = ada.threads.get_state(told)["values"]["messages"]
    assert [each["content"] for each in before if each["type"] == "human"] == ["My aunt Irene lives in Oslo."]
    after = say(ada, told, "And my uncle is called Per.")["messages"]
    assert after[: len(before)] == before
    assert len(after) == len(before) + 2
    ada.threads.create(thread_id=asked, graph_id="asking")
    assert answered(ada.runs.wait(asked, "asking", command={"resume": "Monday"})) == "Booked for Monday."


def test_without_authentication_the_run_says_whose_memory_and_a_stop_is_clean(
    server: str, template: str, knocks: socket.socket
) -> None:
    with a_project(server, template, knocks) as project:
        project.configure(auth=None)
        project.start()
        client = project.client(None)
        config = {"configurable": {"user_id": "ada"}}
        say(client, thread := a_thread(client), TELLS, config=config)
        assert TELLS in recalled(client, ASKS, config=config)
        assert TELLS in recalled(client, ASKS, context={"user_id": "ada"})
        assert TELLS not in recalled(client, ASKS, config={"configurable": {"user_id": "bob"}})
        with pytest.raises(Exception, match="user_id is empty"):
            say(client, a_thread(client), ASKS)
        assert project.stop() == 0
        project.start()
        assert len(project.client(None).threads.get_state(thread)["values"]["messages"]) == 2


def test_the_server_asks_nobody_on_the_internet(running: Server, knocks: socket.socket) -> None:
    running.client("ada").assistants.search()
    with pytest.raises(BlockingIOError):
        who, _ = knocks.accept()
        with who:
            pytest.fail(f"it asked for {who.recv(1000)!r}")
