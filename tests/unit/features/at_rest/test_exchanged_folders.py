"""Files in place as root, in the folder of another account that exchanges folders and links while
we work: nothing is written where that account may not write."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hardentui.__main__ import main
from hardentui.features.at_rest.sources import Sources
from hardentui.files import write_bundle

ANNA = 60123
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root works in another's folder")
UNIT = "[Container]\nImage=docker.io/library/nginx:1\nPodmanArgs=--privileged\n"
WRITES = "hardentui.features.at_rest.in_place.write_bundle"
FIX = ("fix", "--all", "--in-place")


class Place:
    """Anna's folder with one unit in a sub-folder, and a folder of root's that she would like to
    write to."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "cron.d"
        self.root.mkdir(mode=0o755)
        self.units = directory / "anna"
        self.sub = self.units / "sub"
        self.aside = self.units / "aside"
        self.sub.mkdir(parents=True)
        (self.sub / "job.container").write_text(UNIT)
        for path in (self.units, self.sub, self.sub / "job.container"):
            os.chown(path, ANNA, ANNA)

    def to_root(self) -> None:
        """What stood as sub leads into the folder of root's."""
        self.sub.rename(self.aside)
        self.sub.symlink_to(self.root)
        os.chown(self.sub, ANNA, ANNA, follow_symlinks=False)

    def back(self) -> None:
        self.sub.unlink()
        self.aside.rename(self.sub)


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Place(Path(directory))


def test_untouched_it_is_written_there(place: Place) -> None:
    assert main([*FIX, str(place.units)]) == 0
    assert "--privileged" not in (place.sub / "job.container").read_text()
    assert (place.sub / "job.container").stat().st_uid == ANNA


@pytest.mark.parametrize("moment", ["resolved", "checked", "opened"])
def test_a_folder_that_becomes_a_link_leads_nowhere(
    place: Place,
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between each two steps: the path is resolved, compared with what was given, opened."""
    if moment == "resolved":  # it is a link while the path is resolved, and a folder again after
        resolve, is_below = os.path.realpath, Sources.is_below_resolved

        def while_linked(path: str) -> str:
            place.to_root()
            try:
                return str(resolve(path))
            finally:
                place.back()

        monkeypatch.setattr(
            "hardentui.features.at_rest.in_place.os.path.realpath",
            _only_of(place, while_linked, resolve),
        )
        monkeypatch.setattr(Sources, "is_below_resolved", is_below)
    elif moment == "checked":
        monkeypatch.setattr(
            Sources, "is_below_resolved", _after_reading(place, Sources.is_below_resolved)
        )
    else:
        monkeypatch.setattr(WRITES, _before(place.to_root, write_bundle))
    assert main([*FIX, str(place.units)]) == 2
    assert list(place.root.iterdir()) == []


def test_a_file_that_was_read_elsewhere_is_not_written_here(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link while it is read, a folder with the same text when it is written: nothing is left."""
    (place.root / "job.container").write_text(UNIT)
    other = place.root.parent / "other"  # not among the units, else it would be written, too
    other.mkdir()
    (other / "job.container").write_text(UNIT)

    def exchange() -> None:
        place.sub.rename(place.aside)
        other.rename(place.sub)

    monkeypatch.setattr(WRITES, _before(exchange, write_bundle))
    assert main([*FIX, str(place.units)]) == 2
    assert sorted(path.name for path in place.sub.iterdir()) == ["job.container"]
    assert (place.sub / "job.container").read_text() == UNIT


def test_what_changed_meanwhile_leaves_nothing_in_anothers_folder(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change() -> None:
        (place.sub / "job.container").write_text("[Container]\n")

    monkeypatch.setattr(WRITES, _before(change, write_bundle))
    assert main([*FIX, str(place.units)]) == 2
    assert [path.name for path in place.sub.iterdir()] == ["job.container"]


@pytest.mark.long
@pytest.mark.timeout(280)
def test_no_flipping_of_links_gets_a_file_into_a_folder_of_root(place: Place) -> None:
    flip = (
        "import os\n"
        f"os.chdir({str(place.units)!r}); os.symlink({str(place.root)!r}, 'link')\n"
        "while True:\n"
        "    os.rename('sub', 'aside'); os.rename('link', 'sub')\n"
        "    os.rename('sub', 'link'); os.rename('aside', 'sub')\n"
    )
    with subprocess.Popen(
        ["/usr/bin/python3", "-I", "-c", flip], user=ANNA, group=ANNA, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(300):
                main([*FIX, str(place.units)])
                assert list(place.root.iterdir()) == []
        finally:
            process.kill()


def _before(do: Callable[[], None], then: Callable[..., object]) -> Callable[..., object]:
    def both(*arguments: object, **named: object) -> object:
        do()
        return then(*arguments, **named)

    return both


def _after_reading(place: Place, check: Callable[..., bool]) -> Callable[..., bool]:
    """The check says what is true, and then the folder becomes a link."""

    def checked(self: object, real: str) -> bool:
        answer = check(self, real)
        if real.endswith("job.container") and not place.sub.is_symlink():
            place.to_root()
        return answer

    return checked


def _only_of(
    place: Place, special: Callable[[str], str], usual: Callable[..., str]
) -> Callable[..., str]:
    """The special one for the unit, once its text was read."""

    def resolved(path: str, **named: object) -> str:
        if str(path) == str(place.sub / "job.container") and _written(path):
            return special(path)
        return str(usual(path, **named))

    return resolved


def _written(path: str) -> bool:
    """Whether the caller is about to write."""
    import traceback

    return any(frame.name == "_write_in_place" for frame in traceback.extract_stack())
