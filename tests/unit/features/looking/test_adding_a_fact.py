"""A new fact is a field and a function. Those of CONTRIBUTING.md are added to a copy of the program."""

import pytest

from hardentui.features.looking.readers import OF_LOCAL_ENGINES, READERS
from hardentui.model.facts import ContainerFacts
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


def test_every_reader_reads_a_fact_of_its_name() -> None:
    assert READERS.keys() <= ContainerFacts.facts
    assert READERS.keys() > OF_LOCAL_ENGINES
