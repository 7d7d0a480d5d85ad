"""Where HardenTUI runs, decided from what is seen of process 1 and of the engines."""

import os
from collections.abc import Sequence

import pytest

from hardentui.host.files import LocalFiles
from hardentui.host.place import Place, _Process, decide, view_of_host
from hardentui.host.view import HostView

HOST, BOX = (65024, 2), (41, 7)
FIRST_USERS, OWN_USERS = "user:[4026531837]", "user:[4026532900]"
TOOLBOX = "a toolbox container"


def process(
    pid: int,
    root: tuple[int, int] | None,
    users: str | None = FIRST_USERS,
) -> _Process:
    return _Process(pid, root, users if root else None)


OURS, INNER = process(9, BOX), process(9, BOX, OWN_USERS)
FIRST, HIDDEN = process(1, HOST), process(1, None)


@pytest.mark.parametrize(
    ("ours", "first", "engines", "sign", "expected"),
    [
        pytest.param(
            process(9, HOST),
            FIRST,
            [process(5, HOST)],
            "",
            Place(),
            id="host",
        ),
        pytest.param(
            process(9, HOST), HIDDEN, [process(5, None)], "", Place(), id="host, as a user"
        ),
        pytest.param(
            OURS, FIRST, [process(5, HOST)], TOOLBOX, Place(TOOLBOX, 1), id="toolbox of root"
        ),
        pytest.param(
            OURS,
            FIRST,
            [],
            "",
            Place("a container", 1),
            id="no sign, no engine",
        ),
        pytest.param(
            OURS, HIDDEN, [process(5, HOST)], TOOLBOX, Place(TOOLBOX, 5), id="through engine"
        ),
        pytest.param(
            OURS,
            FIRST,
            [process(5, HOST, OWN_USERS)],
            TOOLBOX,
            Place(TOOLBOX, 1),
            id="a user's engine, from the toolbox of root",
        ),
        pytest.param(
            INNER,
            HIDDEN,
            [process(5, None)],
            TOOLBOX,
            Place(TOOLBOX),
            id="rootless",
        ),
        pytest.param(
            INNER,
            FIRST,
            [],
            TOOLBOX,
            Place(TOOLBOX),
            id="another user namespace",
        ),
        pytest.param(
            OURS,
            process(1, BOX),
            [],
            TOOLBOX,
            Place(TOOLBOX),
            id="own processes",
        ),
        pytest.param(
            OURS,
            process(1, BOX),
            [process(5, BOX)],
            TOOLBOX,
            Place(),
            id="an engine in our container",
        ),
        pytest.param(
            OURS,
            FIRST,
            [process(5, BOX), process(6, HOST)],
            TOOLBOX,
            Place("", 0, frozenset({6})),
            id="an engine here, another outside",
        ),
    ],
)
def test_the_host_is_read_through_its_own_namespaces_or_not_at_all(
    ours: _Process,
    first: _Process,
    engines: Sequence[_Process],
    sign: str,
    expected: Place,
) -> None:
    assert decide(ours, first, engines, sign) == expected


def test_a_host_that_cannot_be_entered_is_not_read() -> None:
    ended = 2**22 + 1  # no such process
    with pytest.raises(OSError, match="No such file"):
        HostView(ended)
    place, files, _ = view_of_host(Place(TOOLBOX, ended))
    assert place.blind
    assert "cannot see the host" in place.unseen
    assert isinstance(files, LocalFiles)


@pytest.mark.skipif(
    os.geteuid() != 0,
    reason="entering namespaces needs root",
)
def test_what_belongs_to_a_process_is_that_of_the_entered_thread() -> None:
    _, files, run = view_of_host(Place(TOOLBOX, os.getpid()))
    assert files.read_link("/proc/self/ns/mnt") == os.readlink("/proc/self/ns/mnt")
    assert files.read_text("/proc/net/unix") != ""
    assert files.stat("/proc/self/mountinfo").size == 0
    assert run(["/bin/echo", "there"], 5) == "there\n"
    assert not files.exists("/no/such/file")
