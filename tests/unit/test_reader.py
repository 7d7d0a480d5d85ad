"""What strangers wrote is read by a process without rights; what ends it is one sentence
about that document."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardentui import account, reader
from hardentui.features.at_rest.sources import SourceFile
from hardentui.features.at_rest.trees import read_trees
from hardentui.features.trial.learned.programs import Programs
from hardentui.lib.frames import ReaderKind, Request
from hardentui.lib.image import ImageInventory
from hardentui.lib.yaml_nodes import YamlNode
from hardentui.model.host_scan import HostScan
from hardentui.reader import NotRead, ReadingStopped, TooMuchToRead, read_apart
from hardentui.scanners.reports import ImageReport
from tests.support import hostile_reader
from tests.support.hostile_reader import TRIES

ROOT = os.geteuid() == 0
LYNIS = b"lynis_version=3\nreport_datetime_end=2026-01-01 00:00:00\n"
REPORT = b'{"schema": "hardentui/scan/1", "scanner": "x", "scanned": "2026-01-01T00:00:00Z"}'
HONEST: dict[ReaderKind, tuple[bytes, type]] = {
    ReaderKind.YAML: (b"a: 1", tuple[YamlNode, ...]),
    ReaderKind.HOST_SCAN: (LYNIS, HostScan),
    ReaderKind.IMAGE_REPORT: (REPORT, ImageReport),
    ReaderKind.INVENTORY: (b"", ImageInventory),
    ReaderKind.PROGRAMS: (b"", Programs),
}


@pytest.fixture(autouse=True)
def readers() -> Iterator[dict[ReaderKind, list[reader._Reader]]]:
    """No process of another test is used, none is left."""
    kept = dict(reader._IDLE)
    reader._IDLE.clear()
    yield reader._IDLE
    for left in (each for some in reader._IDLE.values() for each in some):
        left.close()
    reader._IDLE.clear()
    reader._IDLE.update(kept)


@pytest.fixture
def taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = account.our_module

    def theirs(module: str, *words: str) -> list[str]:
        return ours(module.replace("hardentui.reader_process", hostile_reader.__name__), *words)

    monkeypatch.setattr(account, "our_module", theirs)


def _ask(document: str, stop: threading.Event | None = None) -> str:
    return read_apart(ReaderKind.YAML, [document.encode()], str, stop=stop)


@pytest.mark.parametrize("kind", HONEST)
def test_it_has_no_right_and_every_limit(
    kind: ReaderKind, readers: dict[ReaderKind, list[reader._Reader]]
) -> None:
    document, of = HONEST[kind]
    assert read_apart(kind, [document], of) is not None
    place = Path(f"/proc/{readers[kind][0]._process.pid}")
    status = dict(
        line.split(":\t", 1)
        for line in (place / "status").read_text().splitlines()
        if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == 0
    assert (status["Uid"].split() == ["65534"] * 4) is ROOT
    limits = {
        line[:26].strip(): line[26:].split()[:2]
        for line in (place / "limits").read_text().splitlines()
    }
    for limit in ("open files", "processes", "file size", "core file size"):
        assert limits[f"Max {limit}"] == ["0", "0"]
    assert limits["Max address space"] == [str(kind.memory)] * 2
    assert kind.seconds <= int(limits["Max cpu time"][0]) <= kind.seconds + 30
    assert (place / "oom_score_adj").read_text().strip() == "1000"


@pytest.mark.usefixtures("taken_over")
@pytest.mark.parametrize("what", TRIES)
def test_a_parser_that_is_taken_over_reaches_nothing(what: str) -> None:
    if what == "signal its parent" and not ROOT:
        pytest.skip("it is the same account's")
    assert _ask(what).startswith("refused: ")


@pytest.mark.usefixtures("taken_over")
@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("memory", "reading it takes more than 1 GiB of memory"),
        ("time", "reading it takes more than 20 seconds of the processor"),
        ("crash", "its reader has failed (SIGSEGV)"),
        ("leave", "its reader has failed"),
        ("garbage", "what was read of it is more than is kept"),
    ],
)
def test_what_ends_it_is_one_sentence_and_the_next_document_is_read(what: str, why: str) -> None:
    assert _ask("first") == "first"
    with pytest.raises(TooMuchToRead) as refused:
        _ask(what)
    assert str(refused.value) == why
    assert _ask("next") == "next"


@pytest.mark.usefixtures("taken_over")
def test_it_is_ended_with_the_work_that_it_is_for() -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(ReadingStopped):
        _ask("sleep", stop)


def test_one_process_reads_all_documents_of_a_kind(
    readers: dict[ReaderKind, list[reader._Reader]],
) -> None:
    for number in range(5):
        (tree,) = read_trees(SourceFile("", "a.yaml", f"a: {number}"))
        assert tree.word("a") == str(number)
    assert len(readers[ReaderKind.YAML]) == 1


def test_a_process_that_is_expected_is_there_before_its_first_document(
    readers: dict[ReaderKind, list[reader._Reader]],
) -> None:
    reader.expect(ReaderKind.YAML)
    (started,) = readers[ReaderKind.YAML]
    reader.expect(ReaderKind.YAML)
    read_apart(ReaderKind.YAML, [b"a: 1"], tuple[YamlNode, ...])
    assert readers[ReaderKind.YAML] == [started]


def test_a_process_forked_from_ours_shares_no_reader(
    readers: dict[ReaderKind, list[reader._Reader]],
) -> None:
    read_apart(ReaderKind.YAML, [b"a: 1"], tuple[YamlNode, ...])
    child = os.fork()
    if not child:
        os._exit(len(readers))
    assert os.waitpid(child, 0)[1] == 0


def test_a_process_forked_while_a_reader_is_taken_can_take_one() -> None:
    is_held, seconds = threading.Event(), 0.3

    def take() -> None:
        with reader._LOCK:
            is_held.set()
            threading.Event().wait(seconds)

    taking = threading.Thread(target=take)
    taking.start()
    assert is_held.wait(10)
    child = os.fork()
    if not child:
        os._exit(not reader._LOCK.acquire(timeout=10 * seconds))
    taking.join()
    assert os.waitpid(child, 0)[1] == 0


def test_an_answer_before_the_end_of_a_long_document_ends_it(
    readers: dict[ReaderKind, list[reader._Reader]],
) -> None:
    """An archive that is damaged at its beginning is not sent to its end."""
    sent: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(1_000):
            sent.append(number)
            yield b"\xff" * (1 << 20)

    programs = read_apart(ReaderKind.PROGRAMS, parts(), Programs, Request())
    assert programs.gap
    assert len(sent) < 1_000
    assert not readers[ReaderKind.PROGRAMS]


def test_where_no_process_can_be_started_it_is_not_read_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(account, "our_module", lambda *_: ["/nonexistent/python"])
    with pytest.raises(NotRead, match="no process can be started to read it"):
        _ask("a")
