"""Verdicts about the host, each decided by trying it: as another account, or as a container.

A case makes one weakness, tries what it lets others do, asks for the verdict, and takes it back.
Where the attempt fails, the check has to pass: an open mode below a closed directory is no hole.
"""

from __future__ import annotations

import pytest
from msgspec import Struct

from tests.host.machine import Machine
from tests.host.test_weakened_host import possible

pytestmark = [
    pytest.mark.host,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]

_SOCKET = "/run/podman/podman.sock"
_INFO = "/v5.0.0/libpod/info"
_ACL = f"""python3 - <<'END'
import os, pwd, struct
rows = [(1, 6, -1), (2, 6, pwd.getpwnam("bench").pw_uid), (4, 6, -1), (16, 6, -1), (32, 0, -1)]
value = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *row) for row in rows)
os.setxattr("{_SOCKET}", "system.posix_acl_access", value)
END"""
_UNIT = """
cat >/etc/systemd/system/nightly.service <<END
[Service]
Type=oneshot
ExecStart=/bin/sh -c "/opt/nightly/run.sh"
END
mkdir -p /opt/nightly
echo '#!/bin/sh' >/opt/nightly/run.sh
chmod 755 /opt/nightly/run.sh
"""
_CLEAN_UNIT = "rm -rf /etc/systemd/system/nightly.service /opt/nightly"
_APPEND = "sh -c 'echo touch /root/was-here >>/opt/nightly/run.sh'"
_AUTH = "/home/other/.config/containers/auth.json"
_USER = f"""
useradd --create-home other
mkdir -p /var/lib/systemd/linger; : >/var/lib/systemd/linger/other
mkdir -p {_AUTH.rpartition("/")[0]}
echo '{{"auths": {{"quay.io": {{"auth": "c2VjcmV0"}}}}}}' >{_AUTH}
chown -R other:other /home/other
chmod 644 {_AUTH}
"""
_CLEAN_USER = (
    "rm -f /var/lib/systemd/linger/other; loginctl terminate-user other; userdel -rf other; true"
)


class Case(Struct, frozen=True):
    """One weakness.

    Attributes:
        attempt: what `bench`, an ordinary account, tries.
        open: the attempt works.
        check: the check that has to say so, and the kind of subject that it is about.
    """

    name: str
    weaken: str
    attempt: str
    open: bool
    check: str
    mend: str
    kind: str = "host"


_CURL = "curl -sf -m 60"
_BACK = "systemctl restart podman.socket"
CASES = (
    Case(
        "an entry of an ACL",
        f"systemctl restart podman.socket; chmod 711 /run/podman; {_ACL}",
        f"{_CURL} --unix-socket {_SOCKET} http://d{_INFO}",
        True,
        "exposed-engine-socket",
        _BACK,
    ),
    Case(
        "everybody, below a closed directory",
        f"systemctl restart podman.socket; chmod 700 /run/podman; chmod 666 {_SOCKET}",
        f"{_CURL} --unix-socket {_SOCKET} http://d{_INFO}",
        False,
        "exposed-engine-socket",
        _BACK,
    ),
    Case(
        "a link of docker's clients into a closed directory",
        f"systemctl restart podman.socket; chmod 700 /run/podman; ln -sfn {_SOCKET} "
        "/run/docker.sock",
        f"{_CURL} --unix-socket /run/docker.sock http://d{_INFO}",
        False,
        "exposed-engine-socket",
        f"rm /run/docker.sock; {_BACK}",
    ),
    Case(
        "a second service at another path",
        "systemd-run -q --unit second podman system service -t 0 unix:///srv/second.sock; "
        "until [ -S /srv/second.sock ]; do sleep 1; done; chmod 666 /srv/second.sock",
        f"{_CURL} --unix-socket /srv/second.sock http://d{_INFO}",
        True,
        "exposed-engine-socket",
        "systemctl stop second; rm -f /srv/second.sock",
    ),
    Case(
        "a script of a unit",
        f"{_UNIT} chmod 757 /opt/nightly/run.sh",
        _APPEND,
        True,
        "writable-unit-files",
        _CLEAN_UNIT,
    ),
    Case(
        "a script of a unit in a closed directory",
        f"{_UNIT} chmod 757 /opt/nightly/run.sh; chmod 700 /opt/nightly",
        _APPEND,
        False,
        "writable-unit-files",
        _CLEAN_UNIT,
    ),
)


def verdict(machine: Machine, case: Case) -> str:
    result = machine.report("check host").with_status("fail", case.kind)
    return "fail" if case.check in result else "other"


@pytest.mark.parametrize(
    "case",
    CASES,
    ids=lambda case: case.name,
)
def test_the_verdict_is_what_an_account_can_do(
    machine: Machine,
    case: Case,
) -> None:
    machine.run(case.weaken)
    try:
        assert possible(machine, case.attempt) == case.open
        assert (verdict(machine, case) == "fail") == case.open
    finally:
        machine.run(case.mend)
    assert verdict(machine, case) != "fail"


@pytest.mark.parametrize("mode", ["755", "700"])
def test_passwords_of_registries_below_a_home(
    machine: Machine,
    mode: str,
) -> None:
    machine.run(f"{_USER} chmod {mode} /home/other")
    try:
        readable = possible(machine, f"cat {_AUTH}")
        assert readable == (mode == "755")
        trust = (
            "from hardentui.host.files import LocalFiles;"
            "from hardentui.host.podman.trust import read_trust;"
            "from hardentui.model.spec import Version;"
            "import pwd; uid = pwd.getpwnam('other').pw_uid;"
            "trust = read_trust(LocalFiles(), home='/home/other', uid=uid, version=Version(5, 4, 2));"
            "print(bool(trust.auth_files[0].readers))"
        )
        assert machine.run(f'cd /opt/hardentui && python3 -c "{trust}"') == str(readable)
    finally:
        machine.run(_CLEAN_USER)


_CONF = "/etc/containers/containers.conf.d/50-weak.conf"
_SECCOMP = (
    "podman run --rm --network none --security-opt apparmor=unconfined localhost/bb:1 sh -c "
    "'grep ^Seccomp: /proc/self/status; busybox linux64 -R id'"
)


def test_an_annotation_for_all_containers_switches_the_filter_off(machine: Machine) -> None:
    """With a filter that allows everything the kernel still says that there is one."""
    assert "Function not implemented" in machine.run(f"{_SECCOMP} 2>&1 || true")
    machine.run(f"mkdir -p {_CONF.rpartition('/')[0]}")
    machine.write(
        _CONF,
        '[containers]\nannotations = ["run.oci.seccomp_bpf_data=BgAAAAAA/38="]\n',
    )
    try:
        assert "Function not implemented" not in machine.run(f"{_SECCOMP} 2>&1 || true")
        result = machine.report("check host").finding("rootful", "weak-engine-defaults")
        assert (result["status"], result["severity"]) == ("fail", "critical")
    finally:
        machine.run(f"rm {_CONF}")


def test_a_file_that_only_the_service_reads(machine: Machine) -> None:
    """A container that is made through the API runs without a filter; one from the command line
    does not."""
    place = "/etc/systemd/system/podman.service.d/override.conf"
    machine.write(
        "/srv/override.conf",
        '[containers]\nseccomp_profile = "unconfined"\n',
    )
    machine.write(
        place,
        "[Service]\nEnvironment=CONTAINERS_CONF_OVERRIDE=/srv/override.conf\n",
    )
    machine.run(
        "systemctl daemon-reload; systemctl stop podman.service; systemctl restart podman.socket"
    )
    try:
        remote = (
            f"podman --url unix://{_SOCKET} run --rm --network none localhost/bb:1 cat "
            "/proc/self/status"
        )
        assert "Seccomp:\t0" in machine.run(remote)
        result = machine.report("check host").finding("rootful", "weak-engine-defaults")
        assert result["status"] == "fail"
        assert "/srv/override.conf" in result["reason"]
    finally:
        machine.run(
            f"rm -r {place} /srv/override.conf; systemctl daemon-reload; systemctl stop "
            "podman.service"
        )


def test_a_handler_of_core_dumps_that_a_container_can_write(machine: Machine) -> None:
    """The container writes the program, something crashes, and the kernel runs it as root of the
    host."""
    before = machine.run("cat /proc/sys/kernel/core_pattern")
    machine.run(
        "mkdir -p /srv/shared; printf '#!/bin/sh\\n' >/srv/shared/handler; chmod 755 "
        "/srv/shared/handler"
    )
    machine.run(
        "echo '|/srv/shared/handler %p' >/proc/sys/kernel/core_pattern; rm -f /root/handled"
    )
    try:
        machine.run(
            "podman run --rm --network none -v /srv/shared:/s localhost/bb:1 sh -c "
            "'printf \"#!/bin/sh\\nid -u >/root/handled\\n\" >/s/handler'"
        )
        machine.run("ulimit -c unlimited; sh -c 'kill -SEGV $$' || true; sleep 1")
        assert machine.run("cat /root/handled") == "0"
        result = machine.report("check host").finding("bench", "weak-kernel-settings")
        assert (result["status"], result["severity"]) == ("fail", "high")
        assert "kernel.core_pattern" in result["evidence"]
    finally:
        machine.run(
            f"echo '{before}' >/proc/sys/kernel/core_pattern; rm -rf /srv/shared /root/handled"
        )


def test_settings_that_make_attacks_easy(machine: Machine) -> None:
    """Addresses of a program are the same twice without ASLR."""
    stack = "grep stack /proc/self/maps"
    machine.run("sysctl -qw kernel.randomize_va_space=0 fs.suid_dumpable=1")
    try:
        assert machine.run(stack, "bench") == machine.run(stack, "bench")
        places = machine.report("check host").finding("bench", "weak-kernel-settings")["evidence"]
        assert {"kernel.randomize_va_space", "fs.suid_dumpable"} <= set(places)
    finally:
        machine.run("sysctl -qw kernel.randomize_va_space=2 fs.suid_dumpable=2")
    assert machine.run(stack, "bench") != machine.run(stack, "bench")


def test_what_only_looks_like_watching(machine: Machine) -> None:
    """Rule files without auditd, and an empty report."""
    machine.run("mkdir -p /etc/audit/rules.d; echo '-w / -p wa' >/etc/audit/rules.d/all.rules")
    try:
        result = machine.report("check host").with_status("fail", "host")
        assert "not in force" in result["unaudited-engine"]
        assert "no-runtime-sensor" in result
    finally:
        machine.run("rm -r /etc/audit/rules.d")
