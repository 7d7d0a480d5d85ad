"""What units run, and who can change it."""

from pathlib import Path

import pytest

from hardentui.host.machine import read_host
from hardentui.host.units.writable import files_of_command
from hardentui.model.finding import Verdict
from hardentui.model.podman_version import Version
from tests.support.judging import judge
from tests.support.rooted import Rooted

PASSWD = "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n"
GROUP = "root:x:0:\nanna:x:1000:\n"


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("/opt/x.sh --now", ("/opt/x.sh",)),
        ("-+/opt/x.sh", ("/opt/x.sh",)),
        (
            "/bin/sh /opt/x.sh /data",
            ("/bin/sh", "/opt/x.sh", "/data"),
        ),
        (
            '/bin/bash -c "cd / && /opt/x.sh; exec /opt/y $HOME"',
            ("/bin/bash", "/opt/x.sh", "/opt/y"),
        ),
        (
            "/usr/bin/env FOO=1 python3 /opt/x.py",
            ("/usr/bin/env", "/opt/x.py"),
        ),
        (
            "/usr/bin/podman run -v /srv/data:/data web",
            ("/usr/bin/podman",),
        ),
        (
            "/usr/bin/timeout 5 /opt/x.sh",
            ("/usr/bin/timeout", "/opt/x.sh"),
        ),
        ("%h/bin/x", ("/root/bin/x",)),
        ("/opt/%i/x", ()),
        ('/opt/x "', ()),
    ],
)
def test_the_files_of_a_command(
    line: str,
    files: tuple[str, ...],
) -> None:
    assert files_of_command(line) == files


def judged(files: Rooted) -> Verdict:
    files.root.chmod(0o755)
    files.put("/etc/passwd", PASSWD)
    files.put("/etc/group", GROUP)
    return judge("writable-unit-files", read_host(files, version=Version(5, 4, 2)))


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("/etc/systemd/system/web.service", "[Service]\nExecStart=/opt/web/x.sh\n"),
        (
            "/etc/systemd/system/web.service.d/a.conf",
            "[Service]\nExecStartPre=-/opt/web/x.sh\n",
        ),
        (
            "/etc/systemd/system/web.service",
            "[Service]\nExecStop=/bin/sh -c '/opt/web/x.sh; true'\n",
        ),
        (
            "/etc/systemd/system/web.service",
            "[Service]\nEnvironmentFile=-/opt/web/x.sh\n",
        ),
        (
            "/etc/containers/systemd/web.container",
            "[Service]\nExecStartPre=/bin/sh /opt/web/x.sh\n",
        ),
        (
            "/etc/containers/systemd/web.container",
            "[Container]\nEnvironmentFile=/opt/web/x.sh\n",
        ),
        ("/etc/containers/systemd/web.kube", "[Kube]\nYaml=/opt/web/x.sh\n"),
        ("/etc/containers/systemd/web.build", "[Build]\nFile=../../../opt/web/x.sh\n"),
    ],
)
def test_what_a_unit_runs_must_be_closed(
    tmp_path: Path,
    unit: str,
    text: str,
) -> None:
    files = Rooted(tmp_path)
    files.put(unit, text)
    script = files.put("/opt/web/x.sh", "#!/bin/sh\n")
    script.chmod(0o755)
    assert judged(files).status == "pass"
    script.chmod(0o757)
    verdict = judged(files)
    assert verdict.status == "fail"
    assert verdict.evidence[0].where == "/opt/web/x.sh"
    assert unit in verdict.evidence[0].saw
    script.parent.chmod(0o700)
    assert judged(files).status == "pass"


def test_a_directory_of_a_script_counts(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    files.put(
        "/etc/systemd/system/web.service",
        "[Service]\nExecStart=/opt/web/x.sh\n",
    )
    files.put("/opt/web/x.sh", "#!/bin/sh\n").parent.chmod(0o777)
    assert judged(files).status == "fail"
