"""A new fact is a field and a function. Those of CONTRIBUTING.md are added to a copy of the program."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.features.looking.gather import Gatherer
from hardentui.features.looking.readers import OF_LOCAL_ENGINES, READERS
from hardentui.features.looking.stored import StoredAboutImages
from hardentui.features.opening.opened import Opened
from hardentui.host.files import Files, LocalFiles
from hardentui.host.machine import read_host
from hardentui.model.facts import ONLY_IN_DETAIL, ContainerFacts, EngineFacts, Kernel
from hardentui.model.known import Facts, Unread, known
from hardentui.model.podman_version import Version
from tests.support.program_copy import ProgramCopy

ASK = """
from datetime import UTC, datetime
from types import SimpleNamespace
from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordedConnection
from hardentui.features.looking.gather import Gatherer
from hardentui.host.files.recorded import RecordedFiles
from hardentui.model.facts import EngineFacts
from hardentui.model.known import known

files = RecordedFiles({"text": {"/run/web/hostname": "web.example\\n"}})
opened = SimpleNamespace(
    files=files,
    files_of=lambda engine: files,
    run=None,
    clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
)
engine = Engine(EngineFacts(local=%s), lambda: RecordedConnection({}, {}))
gatherer = Gatherer(engine, opened, None)
document = {"Id": "0" * 64, "Name": "web", "HostnamePath": "/run/web/hostname"}
print(repr(known(lambda: gatherer.container(document).hostname_file)))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> ProgramCopy:
    """A copy of the program with the field and its reader."""
    copy = ProgramCopy(tmp_path_factory.mktemp("copy"))
    copy.add_example("The field, added to")
    copy.add_example("The function, added to")
    return copy


@pytest.mark.parametrize(
    ("local", "answer"),
    [(True, "'web.example'"), (False, "Unread('its /etc/hostname was not read')")],
)
def test_it_is_read_when_it_is_asked_for(
    copy: ProgramCopy,
    local: bool,
    answer: str,
) -> None:
    done = copy.run("-c", ASK % local)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == answer


GIVEN_ELSEWHERE = {
    "peers": "with_peers, once all containers are known",
    "unit_refusal": "files at rest: a running unit was not refused",
    "asked_memory": "a trial, from its twin",
    "empty_directories": "a trial, from its twin",
    "first_uses": "a trial, from its twin",
}
"""Facts of a container that a scan never reads, and who gives them."""


def gathered(document: Mapping[str, Any], *, costly: bool = True) -> ContainerFacts:
    """A container of an engine on this machine, on its real files."""
    files: Files = LocalFiles()
    opened = SimpleNamespace(
        files=files,
        files_of=lambda engine: files,
        run=None,
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )
    engine = Engine(EngineFacts(local=True), lambda: RecordedConnection({}, {}))
    gatherer = Gatherer(engine, cast("Opened", opened), StoredAboutImages(None, None))
    return gatherer.container({"Id": "0" * 64, "Name": "web", **document}, costly=costly)


def without_source(subject: Facts) -> set[str]:
    """The facts that nobody reads: they have their default for ever."""
    given: set[str] = set()
    asked: Facts | None = subject
    while asked is not None:
        given |= asked.__dict__.keys() | asked.waiting.keys()
        asked = asked.__dict__.get("original")
    return {name for name in subject.facts if name not in given and subject.reader_of(name) is None}


def test_a_field_without_a_function_is_noticed() -> None:
    assert without_source(gathered({})) == GIVEN_ELSEWHERE.keys()


def test_every_fact_of_a_process_is_read() -> None:
    container = gathered({"State": {"Status": "running", "Pid": os.getpid()}})
    kernel = container.kernel
    assert isinstance(kernel, Kernel)
    assert not without_source(kernel)


def test_every_fact_of_a_host_is_read() -> None:
    host = read_host(LocalFiles(), version=Version(5, 4))
    assert without_source(host) == {"host_scans"}  # when it is opened: the user names their files


def test_a_scan_of_all_containers_leaves_out_what_is_costly_and_nothing_else() -> None:
    facts = gathered({}, costly=False)
    assert ContainerFacts.costly
    for name, default in ContainerFacts.costly.items():
        expected = ONLY_IN_DETAIL if isinstance(default, Unread) else default
        assert known(getattr, facts, name) == expected
    assert without_source(facts) == GIVEN_ELSEWHERE.keys()


def test_every_reader_reads_a_fact_of_its_name() -> None:
    assert READERS.keys() <= ContainerFacts.facts
    assert READERS.keys() > OF_LOCAL_ENGINES
