"""What was hardened before a machine stopped in the middle of all is not done twice."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from hardentui.errors import CannotFix
from hardentui.features.change.journal import Journal
from hardentui.features.harden.host_run import Member, Standing
from hardentui.features.harden.keeping import Struck, hardened_before, picked_up
from hardentui.model.journal import EntryAction
from tests.support.journal import entry

_URL = "unix:///run/podman/podman.sock"
_OTHER = "unix:///run/user/1000/podman/podman.sock"


def _bench() -> Any:
    urls = {"rootful": _URL, "rootless anna": _OTHER}
    opened = SimpleNamespace(
        private_service=False,
        engine=lambda label: SimpleNamespace(facts=SimpleNamespace(url=urls[label])),
    )
    return cast(Any, SimpleNamespace(opened=opened))


def _ready(name: str, engine: str = "rootful") -> Struck:
    member = Member(
        key=f"{engine}/{name}",
        id="",
        name=name,
        engine=engine,
        group=name,
        fingerprint="",
        standing=Standing.READY,
    )
    return Struck(member)


def test_those_in_force_are_known_by_name_and_engine() -> None:
    part = entry(container="web", engine=_URL)
    Journal().write(part)
    holder = entry(action=EntryAction.HARDEN, engine=_URL, parts=(part.id,))
    chosen = (_ready("web"), _ready("web", "rootless anna"), _ready("db"))
    done = hardened_before(_bench(), chosen, holder)
    assert {key: (member.standing, member.entry) for key, member in done.items()} == {
        "rootful/web": (Standing.KEPT, part.id)
    }


def test_why_a_result_is_left_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    rolled_back = entry(container="web", reason="web did not start within 30 s.")
    for refused, said in (
        ((rolled_back,), "It was rolled back: web did not start within 30 s."),
        ((), "Its trial is older than a day, or no longer fits."),
    ):
        task = SimpleNamespace(outset=object, tried_before=lambda: None, refused=refused)
        monkeypatch.setattr(
            "hardentui.features.harden.keeping.Hardening", lambda *_, task=task: task
        )
        row = SimpleNamespace(report=object())
        rows = SimpleNamespace(rows=tuple, refresh=lambda _, row=row: row)
        with pytest.raises(CannotFix) as raised:
            picked_up(cast(Any, SimpleNamespace(containers=rows)), _ready("web"))
        assert raised.value.title == said
