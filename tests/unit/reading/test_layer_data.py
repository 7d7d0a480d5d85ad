"""What a container wrote into its own layer, and what of it would be missed."""

import sys

import pytest

from hardentui.model.facts import FileChange
from hardentui.reading.layer_data import LayerData, layer_data


def found(*changes: tuple[str, str, bool | None], mounted: tuple[str, ...] = ()) -> LayerData:
    return layer_data([FileChange(path, kind, directory) for path, kind, directory in changes], mounted)


def test_a_new_file_and_a_changed_one_would_be_missed() -> None:
    seen = found(
        ("/srv", "modified", True), ("/srv/app.db", "modified", False), ("/data/new", "added", False)
    )  # fmt: skip
    assert seen.data == ("/data/new", "/srv/app.db")
    assert seen.directories == ("/data", "/srv")


def test_what_each_start_makes_anew_would_not() -> None:
    seen = found(
        ("/run/nginx.pid", "added", False),
        ("/tmp/x", "added", False),
        ("/etc", "modified", None),
        ("/etc/passwd", "modified", False),
        ("/old", "deleted", False),
        ("/var/lib", "modified", True),
        ("/var/lib/nginx/body", "added", True),
    )
    assert seen == LayerData()


def test_mount_points_are_no_data() -> None:
    seen = found(
        ("/var/lib/db", "added", None),
        ("/var/lib/db/data", "added", None),
        ("/var/lib/db/data/file", "added", False),
        mounted=("/var/lib/db/data",),
    )
    assert seen == LayerData()


def test_logs_are_told_apart() -> None:
    seen = found(("/var/log/web/access.log", "added", False), ("/var/logs", "added", False))
    assert (seen.logs, seen.data) == (("/var/log/web/access.log",), ("/var/logs",))


def test_directories_do_not_stand_inside_each_other_and_hide_no_image() -> None:
    assert found(("/srv/a", "added", False), ("/srv/b/c", "added", False)).directories == ("/srv",)
    assert found(("/etc/app.conf", "modified", False)).directories == ()
    assert found(("/loose", "added", False)).directories == ()


def test_what_a_new_volume_covers_is_not_lost() -> None:
    seen = found(("/srv/a", "added", False), ("/data/b", "added", False))
    assert seen.without(["/srv"]) == LayerData(("/data/b",), (), ("/data",))
    assert seen.without(["/sr"]).data == ("/data/b", "/srv/a")


@pytest.mark.parametrize("path", ["/srv/files/{}", "/srv/files/{}/file"])
def test_twice_as_many_files_are_twice_the_work(path: str) -> None:
    def calls(number: int) -> int:
        count = 0

        def note(*_: object) -> None:
            nonlocal count
            count += 1

        changes = [FileChange(path.format(n), "added", directory=False) for n in range(number)]
        sys.setprofile(note)
        seen = layer_data(changes, ["/mounted"])
        left = seen.without(["/data", *map("/other/{}".format, range(number))])
        sys.setprofile(None)
        assert seen.directories == left.directories == ("/srv/files",), "one volume, not one for each"
        return count

    assert calls(4000) < 2.1 * calls(2000)
