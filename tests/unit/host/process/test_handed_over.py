"""Host files that a container has open: told by the mount they are on, as the kernel numbers it."""

from __future__ import annotations

from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.handed_over import read_handed_over
from hardentui.model.facts import HandedFile
from hardentui.model.known import Unreadable

MODE = {"uid": 0, "gid": 0, "size": 0, "mtime": 0.0, "device": 3, "inode": 9}
OPEN = {
    "0": ("/dev/null", 99),
    "1": ("pipe:[12]", 15),
    "2": ("socket:[13]", 9),
    "3": ("/srv/secrets", 51),
    "4": ("/data/log", 70),
    "5": ("/etc/hostname", 52),
    "6": ("/memfd:crun (deleted)", 1),
}


def test_only_files_on_mounts_that_the_container_lacks_were_handed_over() -> None:
    files = RecordedFiles(
        {
            "text": {
                "/proc/7/mountinfo": "69 1 0:9 / / rw - overlay o rw\n70 69 8:1 /d /data rw - ext4 a rw\n",
                **{f"/proc/7/fdinfo/{n}": f"pos:\t0\nmnt_id:\t{mount}\n" for n, (_, mount) in OPEN.items()},
            },
            "links": {f"/proc/7/fd/{n}": path for n, (path, _) in OPEN.items()},
            "stats": {
                "/proc/7/fd/3": {"mode": 0o040755, **MODE},
                "/proc/7/fd/5": {"mode": 0o100644, **MODE},
            },
            "dirs": {"/proc/7/fd": sorted(OPEN)},
        }
    )
    assert read_handed_over(files, 7) == (
        HandedFile(3, "/srv/secrets", True),
        HandedFile(5, "/etc/hostname", False),
    )


def test_what_may_not_be_looked_at_is_not_known() -> None:
    assert isinstance(read_handed_over(RecordedFiles({"complete": True}), 7), Unreadable)
