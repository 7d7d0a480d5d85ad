"""The first look: rows from the list call, and a workbench that goes on from them."""

import json
import threading
from pathlib import Path

import pytest

from hardentui.errors import EngineUnreachable, HardenError
from hardentui.features.first_look import FirstLook
from hardentui.features.opening.opened import Begun
from hardentui.features.views import Selection
from tests.support.hostile import Scripted, answer

_PING = answer(b"OK", "200 OK", "Libpod-API-Version: 5.4.2", "Server: Libpod/5.4.2 (linux)")
_LIST = answer(
    json.dumps(
        [{"Id": "a" * 64, "Names": ["web"], "Image": "nginx", "State": "running", "Pid": 7, "StartedAt": 1}]
    ).encode(),
    "200 OK",
)


def test_the_workbench_goes_on_from_the_list_that_was_shown(tmp_path: Path) -> None:
    with Scripted(tmp_path, (_PING,), (_LIST,)) as engine:
        look = FirstLook.open(Selection(url=f"unix://{engine.path}"))
        rows = look.rows()
        bench = look.workbench()
        assert len(engine.requests) == 2, "the list is asked for once"
        assert [(row.name, row.image, row.state) for row in rows] == [("web", "nginx", "running")]
        assert bench.opened is look.opened
        assert [request.what.partition("/libpod")[2] for request in bench.opened.log.newest()] == [
            "/_ping",
            "/containers/json?all=true",
        ], "the log tells what was asked before the workbench was there"
        look.close()


def test_a_list_that_fails_fails_when_it_is_asked_for(tmp_path: Path) -> None:
    with Scripted(tmp_path, (_PING,), (Scripted.CLOSE,)) as engine:
        look = FirstLook.open(Selection(url=f"unix://{engine.path}"))
        with pytest.raises(EngineUnreachable):
            look.rows()
        assert look.workbench().opened is look.opened
        look.close()


def test_work_that_was_begun_gives_its_result_or_its_error() -> None:
    def broken() -> int:
        raise ZeroDivisionError("a fault of ours")

    assert Begun(lambda: 7).result() == 7
    begun = Begun(broken)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="a fault of ours"):
            begun.result()


def test_work_that_does_not_end_is_waited_for_with_a_limit() -> None:
    end = threading.Event()
    begun = Begun(lambda: end.wait(60), "Reading the host", limit=0.05)
    with pytest.raises(HardenError, match="Reading the host did not finish"):
        begun.result()
    end.set()
