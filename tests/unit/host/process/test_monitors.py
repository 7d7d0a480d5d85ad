"""What engines run for the containers that run now."""

import json
import stat
from typing import Any

import pytest

from hardentui.host.files.reader import interpreters
from hardentui.host.files.recorded import RecordedFiles, RecordingFiles
from hardentui.host.machine import read_programs_of_containers
from hardentui.host.process.capabilities import read_process_table
from hardentui.model.host import Program

_BUNDLE = "/var/lib/containers/storage/overlay-containers/abc/userdata"
_COMMAND = (
    f"/usr/bin/conmon -c abc -r /srv/crun -b {_BUNDLE} -n web --exit-command /usr/bin/podman --token s3"
)
_CONFIG = {
    "process": {"env": ["PW=s3"]},
    "hooks": {"prestart": [{"path": "/srv/hook", "args": ["hook", "s3"]}], "poststop": None},
    "mounts": [{"destination": "/run/podman-init", "source": "/srv/init"}, {"destination": "/proc"}],
}


def tree(inside: bool = False, uid: int = 0, writable: str = "") -> RecordedFiles:
    plain = {"gid": 0, "size": 20, "mtime": 7.0, "inode": 1, "device": 1}
    stats: dict[str, Any] = {"/proc/7": {**plain, "mode": stat.S_IFDIR | 0o555, "uid": uid}}
    if writable:
        stats[writable] = {**plain, "mode": stat.S_IFREG | 0o777, "uid": 0}
    return RecordedFiles(
        {
            "text": {
                "/proc/7/cmdline": _COMMAND.replace(" ", "\0") + "\0",
                "/proc/7/status": "Name:\tconmon\nPid:\t7\nNSpid:\t7" + "\t2" * inside + "\n",
                f"{_BUNDLE}/config.json": json.dumps(_CONFIG),
                **dict.fromkeys(("/usr/bin/conmon", "/usr/bin/podman", "/srv/crun", "/srv/hook"), ""),
                "/srv/init": "",
            },
            "stats": stats,
        }
    )


def programs(files: Any) -> dict[str, Program]:
    return {
        program.file.path: program
        for program in read_programs_of_containers(files, read_process_table(files))
    }


@pytest.mark.parametrize("path", ["/srv/crun", "/usr/bin/conmon"])
def test_who_can_change_them_is_told(path: str) -> None:
    named = programs(tree(writable=path))
    assert [name for name, program in named.items() if program.file.dangers] == [path]


def test_a_process_in_a_container_cannot_pose_as_a_monitor() -> None:
    assert programs(tree(inside=True)) == {}


def test_saved_facts_tell_the_same_without_secrets() -> None:
    recording = RecordingFiles(tree())
    live = programs(recording)
    document = recording.document()
    assert programs(RecordedFiles(json.loads(json.dumps(document)))) == live
    assert "s3" not in json.dumps(document)


@pytest.mark.parametrize(
    ("content", "result"),
    [
        ("#!/srv/sh\nid", ("/srv/sh",)),
        ("#! /usr/bin/env /opt/python -I\n", ("/usr/bin/env", "/opt/python")),
        ("#!/usr/bin/env bash\n", ("/usr/bin/env",)),
        ("#!/bin/sh -e /srv/x\n", ("/bin/sh",)),
        ("#!\n", ()),
        ("\x7fELF#!/bin/sh", ()),
    ],
)
def test_the_interpreter_of_a_script(content: str, result: tuple[str, ...]) -> None:
    assert interpreters(RecordedFiles({"text": {"/x": content}}), "/x") == result


def test_only_the_first_line_of_a_script_is_saved() -> None:
    recording = RecordingFiles(RecordedFiles({"text": {"/x": "#!/bin/sh\nexport PW=s3\n"}}))
    assert interpreters(recording, "/x") == ("/bin/sh",)
    assert recording.document()["text"] == {"/x": "#!/bin/sh"}
