"""What watches over the host: what runs counts, not what is installed; what a report says, not its
name."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hardentui.host.machine import read_host
from hardentui.model.known import Known, Unread
from hardentui.model.podman_version import Version
from tests.support.judging import status_of
from tests.support.rooted import Rooted

RULES = "".join(
    f"-w {path} -p wa -k containers\n"
    for path in ("/usr/bin", "/etc/containers", "/run/podman", "/var/lib/containers")
)


def status(
    files: Rooted,
    check_id: str,
    loaded: str | None = None,
) -> str:
    def run(arguments: Sequence[str], seconds: float) -> Known[str]:
        if arguments[0] == "auditctl" and loaded is not None:
            return loaded
        return Unread("it was not asked")

    facts = read_host(
        files,
        version=Version(5, 4, 2),
        run=run,
    )
    return str(status_of(check_id, facts))


def process(
    files: Rooted,
    pid: int,
    command: str,
) -> None:
    files.put(f"/proc/{pid}/cmdline", command.replace(" ", "\0") + "\0")


@pytest.mark.parametrize("sensor", ["falco", "tetragon", "tracee"])
def test_a_sensor_that_is_installed_has_to_run(
    tmp_path: Path,
    sensor: str,
) -> None:
    files = Rooted(tmp_path)
    process(files, 1, "/sbin/init")
    assert status(files, "no-runtime-sensor") == "fail"
    files.put(f"/usr/bin/{sensor}", "")
    assert status(files, "no-runtime-sensor") == "fail"
    process(files, 77, f"/usr/bin/{sensor} -c /etc/x")
    assert status(files, "no-runtime-sensor") == "pass"


def test_rule_files_without_auditd_record_nothing(tmp_path: Path) -> None:
    files = Rooted(tmp_path)
    process(files, 1, "/sbin/init")
    files.put("/etc/audit/rules.d/50-containers.rules", RULES)
    assert status(files, "unaudited-engine") == "fail"
    files.put("/usr/sbin/auditctl", "")
    assert status(files, "unaudited-engine", loaded="No rules\n") == "fail"
    assert status(files, "unaudited-engine", loaded=RULES) == "pass"
    assert (
        status(
            files,
            "unaudited-engine",
            loaded=RULES.replace("-w /etc/containers", "-w /etc/x"),
        )
        == "fail"
    )
    assert (
        status(files, "unaudited-engine") == "fail"
    )  # the kernel was not traced, and auditd does not run
    process(files, 9, "/usr/sbin/auditd")
    assert status(files, "unaudited-engine") == "pass"


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("kernel/randomize_va_space", "0"),
        ("kernel/randomize_va_space", "1"),
        ("fs/suid_dumpable", "1"),
        ("vm/unprivileged_userfaultfd", "1"),
        ("kernel/core_pattern", "|/srv/shared/handler %p"),
        ("kernel/core_pattern", "|/usr/../srv/handler %p"),
        ("kernel/modprobe", "/srv/shared/modprobe"),
    ],
)
def test_settings_of_the_kernel(
    tmp_path: Path,
    knob: str,
    value: str,
) -> None:
    files = Rooted(tmp_path)
    good = {
        "kernel/randomize_va_space": "2",
        "fs/suid_dumpable": "2",
        "kernel/core_pattern": "|/usr/lib/c %p",
    }
    for name, given in good.items():
        files.put(f"/proc/sys/{name}", f"{given}\n")
    assert status(files, "weak-kernel-settings") == "pass"
    files.put(f"/proc/sys/{knob}", f"{value}\n")
    assert status(files, "weak-kernel-settings") == "fail"
