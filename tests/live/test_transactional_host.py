"""A host with a read-only /usr and a transactional-update that refuses what the real one refuses:
what HardenTUI advises there works literally, and what it writes goes elsewhere or is refused."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import cannot_run
from tests.support.podman import Bench
from tests.unit.checks.test_host_words import files_of, said_by_checks, said_by_the_doctor

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="its /usr is mounted read-only, by root"),
]

_SIMULATED = Path(__file__).parents[1] / "support" / "transactional_update"
_REFUSES = (
    "#!/bin/sh\necho 'This is a transactional-server, please use transactional-update to update or "
    "modify the system.' >&2\nexit 8\n"
)
_RELEASE = 'ID="sl-micro"\nID_LIKE="suse"\nVERSION_ID="6.1"\nPRETTY_NAME="SUSE Linux Micro 6.1"\n'
_QUADLET = "[Container]\nImage=docker.io/library/nginx:1.27\nPodmanArgs=--privileged\n"
_MOUNT = """
set -eu
mount --bind "$1/os-release" /etc/os-release
mount -t overlay -o "lowerdir=$1/new:/usr" overlay /usr
shift
exec "$@"
"""


class Host:
    """The bench's machine, as SL Micro would look; each script runs in mounts of its own."""

    def __init__(self, bench: Bench, place: Path) -> None:
        self._bench, self._place = bench, place

    def run(self, script: str) -> str:
        """Both outputs of a shell script."""
        words = ("unshare", "--mount", "sh", "-c", _MOUNT, "-", str(self._place))
        state = f"SIMULATED_SNAPSHOTS={self._place}"
        shell = ("env", state, "sh", "-c", f"exec 2>&1; {script}")
        return self._bench.execute(*words, *shell, timeout=600)

    def ours(self, arguments: str) -> str:
        """A command line of HardenTUI; whatever it finds, the script goes on."""
        place = Path(__file__).parents[2]
        ours = f"PYTHONPATH={place} {sys.executable} -m hardentui"
        return f"XDG_STATE_HOME={self._place}/state {ours} {arguments} || echo code $?"


@pytest.fixture(scope="module")
def host(podman: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    place = tmp_path_factory.mktemp("transactional")
    place.chmod(0o755)
    runtime = shutil.which("crun")
    if not runtime:
        cannot_run("a package is missing; run: sudo apt-get install --no-install-recommends crun")
    new = place / "new"
    for directory in ("bin", "sbin", "share/containers/systemd"):
        (new / directory).mkdir(parents=True)
    (new / "bin/sudo").write_text('#!/bin/sh\nexec "$@"\n')
    for name in ("zypper", "rpm"):
        (new / f"bin/{name}").write_text(_REFUSES)
    shutil.copy(_SIMULATED, new / "sbin/transactional-update")
    shutil.copy(str(runtime), new / "bin/crun")
    for file in (*(new / "bin").iterdir(), new / "sbin/transactional-update"):
        file.chmod(0o755)
    (new / "bin/crun").chmod(0o757)
    (new / "share/containers/systemd/web.container").write_text(_QUADLET)
    (place / "os-release").write_text(_RELEASE)
    yield Host(podman, place)
    (place / "os-release").unlink()


def advised(text: str) -> list[str]:
    """The lines of a text that call the host's updater."""
    return re.findall(r"sudo transactional-update [^\n]*", text)


def test_a_program_below_usr_is_repaired_by_what_the_finding_advises(
    host: Host,
    podman: Bench,
) -> None:
    """`chmod` is refused; the advised line works, and counts after the next boot."""
    check = f"check host --check untrusted-engine-programs --details --url {podman.url}"
    report = host.run(host.ours(check))
    lines = advised(report)
    assert "chmod o-w -- /usr/bin/crun" in "\n".join(lines), report
    line = next(line for line in lines if "/usr/bin/crun" in line)
    said = host.run(
        f"chmod o-w /usr/bin/crun; zypper install crun; {line}\n"
        "stat -c 'before %a' /usr/bin/crun; ls /run/reboot-needed\n"
        "transactional-update simulate-boot; stat -c 'after %a' /usr/bin/crun\n" + host.ours(check)
    )
    assert "Read-only file system" in said, "else this is no read-only root"
    assert "please use transactional-update" in said
    assert "before 757" in said
    assert "/run/reboot-needed" in said
    assert "after 755" in said
    assert "/usr/bin/crun world-writable" not in said.partition("after 755")[2]


def test_every_line_for_the_updater_is_taken_by_it(host: Host) -> None:
    """Law: over all checks and all lines of the doctor."""
    release = {"ID": "sl-micro", "ID_LIKE": "suse"}
    texts = [*said_by_checks(release), *said_by_the_doctor(files_of("SL Micro 6"))]
    lines = [line.partition("; or")[0] for text in texts for line in advised(text)]
    plain = (re.search(r"^transactional-update [^\n]*", text) for text in texts)
    lines += [match[0] for match in plain if match]
    lines = [line.replace(" && sudo systemctl reboot", "") for line in lines]
    distinct = [line for line in dict.fromkeys(lines) if "run chmod" not in line]
    assert len(distinct) > 5, distinct
    wanted = "\n".join(f"({line}\n) >/dev/null || echo refused: '{line}'" for line in distinct)
    assert "refused" not in host.run(f"{wanted}\ntrue")


def test_the_doctor_of_such_a_host(host: Host) -> None:
    said = " ".join(host.run(host.ours("doctor")).split())
    assert "transactional-update: /usr is read-only and changes with a reboot" in said
    assert "sudo transactional-update pkg install ./hardentui.rpm" in said
    assert not re.search(r"(zypper|apt-get|dnf) install", said)


def test_a_unit_below_usr_is_not_written_there_and_a_sentence_says_so(host: Host) -> None:
    path = "/usr/share/containers/systemd/web.container"
    said = host.run(host.ours(f"fix {path} --all --in-place") + f"\ncat {path}")
    assert "read-only" in said.lower(), said
    assert "Traceback" not in said
    assert "internal error" not in said
    assert said.rstrip().endswith(_QUADLET.rstrip())
