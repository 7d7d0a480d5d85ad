"""Open files of the host in a container."""

import stat
from typing import Any

from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.process.proc import read_left_open
from hardentui.model.facts import Kernel
from hardentui.model.known import Unread

_OPEN = {
    "0": ("/dev/null", 90, stat.S_IFCHR),
    "1": ("pipe:[5]", 15, stat.S_IFIFO),
    "3": ("/", 91, stat.S_IFDIR),
    "4": ("/srv/web", 20, stat.S_IFDIR),
    "5": ("/etc/shadow", 91, stat.S_IFREG),
    "6": ("/tmp/x (deleted)", 91, stat.S_IFREG),
    "7": ("/dev/sda", 92, stat.S_IFBLK),
    "8": ("/srv/shop", 91, stat.S_IFDIR),
}


def tree(**more: Any) -> RecordedFiles:
    plain = {"uid": 0, "gid": 0, "size": 0, "mtime": 7.0, "inode": 1, "device": 1}
    return RecordedFiles(
        {
            "text": {
                "/proc/7/mountinfo": "20 1 0:44 / / rw - overlay overlay rw\n",
                **{
                    f"/proc/7/fdinfo/{n}": f"pos:\t0\nmnt_id:\t{mount}\n"
                    for n, (_, mount, _) in _OPEN.items()
                },
            },
            "links": {f"/proc/7/fd/{n}": path for n, (path, _, _) in _OPEN.items()},
            "stats": {f"/proc/7/fd/{n}": {**plain, "mode": mode} for n, (_, _, mode) in _OPEN.items()},
            "dirs": {"/proc/7/fd": list(_OPEN)},
            **more,
        }
    )


def test_directories_disks_and_files_of_other_mounts_are_told() -> None:
    assert read_left_open(tree(), Kernel(7)) == {
        "/proc/1/fd/3": "/",
        "/proc/1/fd/5": "/etc/shadow",
        "/proc/1/fd/7": "/dev/sda",
        "/proc/1/fd/8": "/srv/shop/",
    }


def test_without_permission_it_is_not_known() -> None:
    assert isinstance(read_left_open(tree(dirs={}, errors={"/proc/7/fd": "EACCES"}), Kernel(7)), Unread)
