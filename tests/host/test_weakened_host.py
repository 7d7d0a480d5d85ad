"""The host checks on a real host that was made weak; each weakness is shown by what it lets others
do.

It is the last module: the machine stays changed.
"""

from __future__ import annotations

import pytest

from tests.host.machine import Machine, MachineFailed, Report
from tests.support.check_report import seen

pytestmark = [
    pytest.mark.host,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]

_SOCKET = "/run/podman/podman.sock"
_UNIT = "/etc/containers/systemd/limited.container"
_DROP_IN = "/etc/containers/containers.conf.d/50-weak.conf"
_WEAKEN = f"""
set -e
useradd --create-home guest
: >/var/lib/systemd/linger/guest
sed -i /^guest:/d /etc/subuid /etc/subgid
sed -i 's/^containers:1000000:/containers:150000:/' /etc/subuid
sysctl -qw kernel.kptr_restrict=0 kernel.dmesg_restrict=0
systemctl -q enable --now podman.socket
chmod 711 /run/podman
chmod 666 {_SOCKET} {_UNIT}
mkdir -p /etc/containers/containers.conf.d
printf '[containers]\\nlabel = false\\nseccomp_profile = "unconfined"\\n' >{_DROP_IN}
"""
_MEND = f"""
set -e
rm {_DROP_IN}
chmod 644 {_UNIT}
systemctl -q disable --now podman.socket
sysctl -qw kernel.kptr_restrict=1 kernel.dmesg_restrict=1 kernel.yama.ptrace_scope=1
sed -i 's/^containers:150000:/containers:1000000:/' /etc/subuid
rm /var/lib/systemd/linger/guest
pkill -KILL -u guest || true
until ! pgrep -u guest; do sleep 0.2; done
userdel -r guest 2>/dev/null
"""
_ARCHIVE = """
set -e
mkdir -p /srv/debian-security
cd /srv/debian-security
package() { # NAME VERSION DEPENDS
    mkdir -p $1/DEBIAN
    cat >$1/DEBIAN/control <<END
Package: $1
Version: $2
Architecture: amd64
Maintainer: Anna
Depends: $3
Description: repaired
END
    dpkg-deb -b $1 $1.deb >/dev/null
    cat $1/DEBIAN/control
    echo "Filename: ./$1.deb"
    echo "Size: $(stat -c %s $1.deb)"
    echo "SHA256: $(sha256sum <$1.deb | cut -d' ' -f1)"
    echo
}
package linux-image-99-repaired 99 busybox-static >new
package busybox-static 9:99 linux-image-99-repaired >>new
mv new Packages
cat >Release <<END
Origin: Debian
Label: Debian-Security
Suite: stable-security
SHA256:
 $(sha256sum <Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages
END
mv /etc/apt/sources.list.d /root/sources.before
mkdir /etc/apt/sources.list.d
echo 'deb [trusted=yes] copy:/srv/debian-security ./' >/etc/apt/sources.list.d/here.list
apt-get update -qq
"""


def possible(machine: Machine, command: str) -> bool:
    """Whether an ordinary user may do that."""
    try:
        machine.run(f"{command} >/dev/null 2>&1", "bench")
    except MachineFailed:
        return False
    return True


@pytest.fixture(scope="module")
def before(machine: Machine) -> Report:
    return machine.report("check host --deep")


@pytest.fixture(scope="module")
def weak(machine: Machine, before: Report) -> Report:
    """What `hardentui check host --deep` says of the weakened machine."""
    machine.run("sh", text=_ARCHIVE)
    machine.run("sh", text=_WEAKEN)
    return machine.report("check host --deep")


def test_updates_are_not_known_without_an_index(before: Report) -> None:
    result = before.finding("bench", "pending-security-updates")
    assert result["status"] == "unknown"
    assert "apt-get update" in result["reason"]


def test_pending_updates(machine: Machine, weak: Report) -> None:
    """A package that is repaired, and one with a new name, as each repaired kernel has."""
    result = weak.finding("bench", "pending-security-updates")
    assert result["status"] == "fail"
    assert "busybox-static" in machine.run("apt list --upgradable 2>/dev/null")
    assert "package manager" in result["evidence"]
    (packages,) = seen(
        {
            **result,
            "evidence": {"": result["evidence"]["package manager"]},
        }
    )
    assert set(packages.split(", ")) == {"busybox-static", "linux-image-99-repaired"}


def test_a_socket_for_everybody(machine: Machine, weak: Report) -> None:
    assert possible(
        machine,
        f"curl -sf --unix-socket {_SOCKET} http://d/v5.0.0/libpod/info",
    )
    result = weak.finding("bench", "exposed-engine-socket")
    assert result["status"] == "fail"
    assert result["severity"] == "critical"
    assert weak.status("bench", "idle-engine-socket") == "fail"


def test_settings_of_the_kernel(machine: Machine, weak: Report) -> None:
    assert possible(machine, "dmesg")
    places = weak.finding("bench", "weak-kernel-settings")["evidence"]
    assert {"kernel.kptr_restrict", "kernel.dmesg_restrict"} <= set(places)


def test_sub_ids(machine: Machine, weak: Report) -> None:
    ranges = "podman unshare cat /proc/self/uid_map 2>/dev/null | wc -l"
    assert machine.run(f"runuser -l bench -c '{ranges}'") == "2"
    assert machine.run(f"runuser -l guest -c '{ranges}'") == "1", "only itself"
    result = weak.finding("bench", "missing-sub-ids")
    assert result["status"] == "fail"
    said = seen(result)
    assert any(sentence.startswith("guest has 0 IDs") for sentence in said), said
    assert any("bench and containers overlap" in sentence for sentence in said), said


def test_a_unit_file_for_everybody(
    machine: Machine,
    weak: Report,
) -> None:
    assert possible(machine, f"test -w {_UNIT}")
    result = weak.finding("bench", "writable-unit-files")
    assert result["status"] == "fail"
    assert _UNIT in result["evidence"]


def test_defaults_of_the_engine(machine: Machine, weak: Report) -> None:
    run = "podman run --rm --network none localhost/bb:1 cat /proc/self/status | grep Seccomp:"
    assert machine.run(run).split() == ["Seccomp:", "0"]
    assert "seccomp" in weak.with_status("fail", "host", "engine")["weak-engine-defaults"]


def test_the_mended_host_is_well_again(
    machine: Machine,
    weak: Report,
) -> None:
    machine.run("sh", text=_MEND)
    failing = machine.report("check host").with_status(
        "fail",
        "host",
        "engine",
    )
    mended = {
        "exposed-engine-socket",
        "idle-engine-socket",
        "weak-kernel-settings",
        "missing-sub-ids",
        "writable-unit-files",
        "weak-engine-defaults",
    }
    assert not mended & set(failing), failing
