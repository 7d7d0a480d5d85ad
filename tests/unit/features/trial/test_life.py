"""What a twin can be asked for: signals that it handles, logs that it writes, directories it may
fill."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from hardentui.features.trial.empty_directories import empty_directories
from hardentui.features.trial.life import handles, open_logs
from hardentui.host.files import Files, FileStat


class _Proc:
    """A /proc of a few files, and links that end with the name of their target."""

    def __init__(
        self,
        texts: Mapping[str, str],
        links: Mapping[str, str] | None = None,
    ) -> None:
        self._texts, self._links = texts, links or {}

    def read_text(
        self,
        path: str,
        limit: int = 1 << 20,
    ) -> str:
        if path not in self._texts:
            raise FileNotFoundError(path)
        return self._texts[path]

    def read_bytes(
        self,
        path: str,
        limit: int = 1 << 20,
    ) -> bytes:
        return self.read_text(path).encode()

    def read_link(self, path: str) -> str:
        return self._links[path]

    def list_dir(self, path: str) -> tuple[str, ...]:
        inside = [
            link.removeprefix(f"{path}/") for link in self._links if link.startswith(f"{path}/")
        ]
        return tuple(sorted(inside))

    def stat(
        self,
        path: str,
        follow: bool = True,
    ) -> FileStat:
        raise FileNotFoundError(path)

    def read_attribute(self, path: str, name: str) -> bytes:
        raise FileNotFoundError(path)

    def exists(self, path: str) -> bool:
        return path in self._texts

    def named_by(self, account: int) -> Files:
        return self


def _process(
    pid: int,
    name: str,
    *,
    caught: int = 0,
    blocked: int = 0,
    children: str = "",
) -> dict[str, str]:
    status = f"Name:\t{name}\nSigBlk:\t{blocked:016x}\nSigIgn:\t0\nSigCgt:\t{caught:016x}\n"
    return {
        f"/proc/{pid}/comm": f"{name}\n",
        f"/proc/{pid}/status": status,
        f"/proc/{pid}/task/{pid}/children": children,
    }


HUP = 1 << (signal.SIGHUP - 1)


@pytest.mark.parametrize(
    ("processes", "handled"),
    [
        (_process(7, "nginx", caught=HUP), True),
        (_process(7, "app", blocked=HUP), True),  # it reads the signal from a descriptor
        (_process(7, "sleep"), False),
        (_process(7, "app", caught=HUP << 1), False),
        (
            {
                **_process(
                    7,
                    "catatonit",
                    blocked=HUP,
                    children="8",
                ),
                **_process(8, "sleep"),
            },
            False,
        ),
        (
            {
                **_process(
                    7,
                    "tini",
                    blocked=HUP,
                    children="8",
                ),
                **_process(8, "app", caught=HUP),
            },
            True,
        ),
        ({}, False),
    ],
    ids=[
        "caught",
        "blocked",
        "neither",
        "another",
        "only by init",
        "past init",
        "ended",
    ],
)
def test_a_signal_is_sent_to_who_handles_it(
    processes: dict[str, str],
    handled: bool,
) -> None:
    files: Files = _Proc(processes)
    assert handles(files, 7, signal.SIGHUP) is handled


def test_the_logs_are_those_that_its_processes_have_open_for_writing() -> None:
    texts = {
        **_process(7, "app", children="8"),
        **_process(8, "worker"),
    }
    links = {}
    for pid, number, path, flags in (
        (7, 3, "/var/log/app/access.log", "0102001"),
        (7, 4, "/var/log/app/old.log", "0100000"),  # only read
        (7, 5, "/srv/data.db", "02"),
        (7, 6, "/dev/null", "02"),
        (7, 9, "/var/log/app/gone.log (deleted)", "02"),
        (8, 3, "/srv/logs/worker", "01"),
        (8, 4, "/var/log/app/access.log", "01"),
    ):
        links[f"/proc/{pid}/fd/{number}"] = path
        texts[f"/proc/{pid}/fdinfo/{number}"] = f"pos:\t0\nflags:\t{flags}\n"
    assert list(open_logs(_Proc(texts, links), 7)) == [
        "/var/log/app/access.log",
        "/srv/logs/worker",
    ]


def test_directories_that_wait_to_be_filled(tmp_path: Path) -> None:
    for path in (
        "srv/app/uploads",
        "var/lib/app",
        "usr/share/empty",
        "etc/app.d",
        "home",
        "var/log/app",
        "full",
    ):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "full" / "file").write_text("x")
    (tmp_path / "elsewhere").symlink_to("/tmp")
    assert set(empty_directories(str(tmp_path))) == {
        "/srv/app/uploads",
        "/var/lib/app",
        "/var/log/app",
    }
    assert empty_directories(str(tmp_path / "none")) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="files get another owner")
def test_what_every_image_has_waits_if_this_image_gave_it_away(tmp_path: Path) -> None:
    for path in ("srv", "var/cache", "opt"):
        (tmp_path / path).mkdir(parents=True)
    for path in ("srv", "var/cache"):
        os.chown(tmp_path / path, 1000, 1000)
    assert set(empty_directories(str(tmp_path))) == {"/srv", "/var/cache"}
