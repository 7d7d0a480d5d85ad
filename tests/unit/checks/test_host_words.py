"""On a host whose /usr is read-only, no advice names what is refused there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hardentui
from hardentui.checks import all_checks
from hardentui.checks.prelude import facts_of
from hardentui.engine.locate import Environment
from hardentui.features.opening.doctor import Machine, examine
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.place import Place
from hardentui.host.release import release_of
from hardentui.model.facts import ContainerFacts
from hardentui.model.host import HostFacts
from hardentui.model.known import Unread, known
from hardentui.reading.host_words import (
    Updater,
    to_add_kernel_argument,
    to_change_file,
    to_confine,
    to_install,
    to_install_hardentui,
    to_relabel_all,
    to_restore_default_files,
    to_upgrade,
    updater_of,
)
from hardentui.reading.selinux_words import to_label

HOSTS = {
    "MicroOS": ('ID="opensuse-microos"\nID_LIKE="suse opensuse"\n', ()),
    "Leap Micro": ('ID="opensuse-leap-micro"\nID_LIKE="suse opensuse"\n', ()),
    "SL Micro 6": ('ID="sl-micro"\nID_LIKE="suse"\n', ()),
    "SLE Micro 5": ('ID="sle-micro"\nID_LIKE="suse"\n', ()),
    "a renamed Micro": ('ID="edge"\nID_LIKE="suse"\n', ("/usr/sbin/transactional-update",)),
    "Fedora CoreOS": ("ID=fedora\nVARIANT_ID=coreos\n", ()),
    "RHEL CoreOS": ('ID="rhcos"\nID_LIKE="rhel fedora"\n', ()),
    "Silverblue": ("ID=fedora\nOSTREE_VERSION='42'\n", ("/run/ostree-booted",)),
    "image mode": ("ID=rhel\nID_LIKE=fedora\n", ("/run/ostree-booted", "/usr/bin/bootc")),
}
_PACKAGES = (
    r"\b(?:apt-get|apt|dnf|yum|zypper|apk)\s+(?:-\S+\s+)*"
    r"(?:install|reinstall|patch|update|upgrade|add)\b"
)
_BELOW_USR = (
    r"(?<!run )\b(?:chmod|chown|install|cp|mv|tee|rm|ln|touch)\s[^|;&]*\s/(?:usr|s?bin|lib)/"
)
REFUSED = re.compile(
    rf"{_PACKAGES}|{_BELOW_USR}|security-opt[ =]apparmor=|security=apparmor|apparmor_parser|aa-enforce|grubby"
    r"|grub2?-mkconfig|update-grub|kernel command line|fixfiles|touch /\.autorelabel|pipx? install"
    r"|nft add rule inet filter"
)
"""What a read-only /usr, an SELinux host or a host without Debian's nftables.conf does not do."""
IN_AN_IMAGE = re.compile(r"in the Containerfile of the host's image: .*RUN dnf install -y ")
CHANGES_A_HOST = re.compile(
    rf"{_PACKAGES}|{_BELOW_USR}|security=apparmor|apparmor_parser|aa-enforce|grubby|grub2?-mkconfig"
    r"|update-grub|kernel command line|fixfiles|\.autorelabel|nft add|firewall-cmd|\bufw (?:route|prepend)"
    r"|semanage|restorecon|setenforce|pipx? install"
)
WORDS = {
    "reading/firewall_words.py",
    "reading/host_words.py",
    "reading/selinux_words.py",
}
OF_APPARMOR_HOSTS = {
    "checks/step10_runtime_protection/confinement.py",
    "features/rights/security_module.py",
    "writers/profiles.py",
}
OF_IMAGES = {"checks/step01_minimal_base_images/image_base.py"}
"""The build lines of examples."""
OF_HOSTS_WITH_IT = {
    "checks/step05_security_contexts/mandatory_access.py",
    "checks/step05_security_contexts/mounts.py",
    "features/opening/doctor.py",
    "host/packages.py",
}
"""SELinux's own words where SELinux is, and apt's where apt is."""


def files_of(name: str) -> RecordedFiles:
    release, present = HOSTS[name]
    texts = {"/etc/os-release": release, **dict.fromkeys(present, "")}
    return RecordedFiles({"text": texts})


def said_by_checks(release: dict[str, str]) -> Iterator[str]:
    """What every failing example of a check says and advises on such a host."""
    for check in all_checks():
        for facts in facts_of(check.fails):
            if check.id.startswith("apparmor-"):
                continue  # of hosts that have AppArmor
            if isinstance(facts, HostFacts):
                facts = facts.replace(os_release=release)
            elif isinstance(facts, ContainerFacts):
                host = known(lambda: facts.host, else_=None) or HostFacts()  # noqa: B023
                facts = facts.replace(host=host.replace(os_release=release))
            verdict = check.verdict(facts)
            yield from (verdict.reason, *verdict.commands)


@pytest.mark.parametrize("name", HOSTS)
def test_no_check_and_no_line_of_the_doctor_advises_what_is_refused_there(name: str) -> None:
    """Law: over all checks and all lines."""
    files = files_of(name)
    release = dict(release_of(files))
    lines = list(said_by_the_doctor(files))
    words = (
        *to_upgrade(release),
        *to_restore_default_files(release),
        to_confine(release),
        to_relabel_all(release),
        to_add_kernel_argument(release, "a=1"),
        to_change_file(release, "/usr/bin/crun", "chmod o-w -- /usr/bin/crun"),
        to_install_hardentui(release),
        *to_label(release, "/srv/web"),
    )
    texts = [*said_by_checks(release), *lines, *words]
    assert len(texts) > 250
    assert not [text for text in texts if REFUSED.search(IN_AN_IMAGE.sub("", text))]
    assert any("sk" in line and to_install(release, "skopeo") in line for line in lines)
    assert any("/usr is read-only" in line and "hardentui.rpm" in line for line in lines)


def said_by_the_doctor(files: RecordedFiles) -> Iterator[str]:
    """Everything missing: no Podman, no limits, no security module; as root and as a user."""
    for uid in (0, 1000):
        machine = Machine(
            files=files,
            run=lambda arguments, seconds: Unread("no"),
            which=lambda program: None,
            generator=lambda: None,
            environment=Environment(uid=uid),
            skipped=(),
        )
        yield from (f"{line.value} {line.fix}" for line in examine(machine))


def test_only_the_rooms_of_words_name_what_changes_a_host() -> None:
    """Law: over the package, so that no later sentence can name a package manager by itself."""
    root = Path(hardentui.__file__).parent
    elsewhere = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and CHANGES_A_HOST.search(text):
                elsewhere.add(str(path.relative_to(root)))
    assert elsewhere == WORDS | OF_APPARMOR_HOSTS | OF_IMAGES | OF_HOSTS_WITH_IT


def test_in_a_toolbox_a_program_is_installed_where_it_is_looked_up() -> None:
    """The toolbox of SLE Micro is a Tumbleweed with zypper; its host is not changed for skopeo."""
    toolbox = 'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n'
    machine = Machine(
        place=Place("a toolbox container", 0),
        files=files_of("SL Micro 6"),
        beside=RecordedFiles({"text": {"/etc/os-release": toolbox}}),
        run=lambda arguments, seconds: Unread("no"),
        which=lambda program: None,
        generator=lambda: None,
        environment=Environment(uid=0),
        skipped=(),
    )
    lines = {line.what: line.fix for line in examine(machine)}
    assert lines["skopeo"] == "sudo zypper install skopeo"
    assert lines["trivy"] == "sudo zypper install trivy"


@pytest.mark.parametrize("name", HOSTS)
def test_a_file_below_usr_is_changed_where_it_can_be(name: str) -> None:
    release = release_of(files_of(name))
    command = "chmod o-w -- {}"
    for path in ("/usr/bin/crun", "/lib/systemd/x", "/usr/bin/../lib/x"):
        said = to_change_file(release, path, command.format(path))
        assert "transactional-update run chmod" in said or "host's image: change it there" in said
        assert "reboot" in said
    of_bootc = updater_of(release) is Updater.BOOTC
    for path in ("/usr/local/bin/crun", "/opt/web/prepare.sh"):
        assert ("host's image" in to_change_file(release, path, "x")) is of_bootc
    for path in ("/etc/containers/storage.conf", "/var/lib/x", "/srv/usr/x"):
        assert to_change_file(release, path, "x") == "x"


@pytest.mark.parametrize(
    ("name", "updater", "install"),
    [
        ("SL Micro 6", Updater.TRANSACTIONAL, "transactional-update pkg install audit"),
        ("a renamed Micro", Updater.TRANSACTIONAL, "transactional-update pkg install audit"),
        ("Fedora CoreOS", Updater.RPM_OSTREE, "rpm-ostree install audit"),
        ("image mode", Updater.BOOTC, "RUN dnf install -y audit"),
    ],
)
def test_a_package_is_installed_with_the_tool_of_the_host(
    name: str,
    updater: Updater,
    install: str,
) -> None:
    release = release_of(files_of(name))
    assert updater_of(release) is updater
    assert install in to_install(release, "auditd")


def test_microos_rolls_and_micro_is_patched() -> None:
    assert "transactional-update dup" in to_upgrade(release_of(files_of("MicroOS")))[0]
    assert "transactional-update patch" in to_upgrade(release_of(files_of("SL Micro 6")))[0]


def test_other_hosts_keep_their_package_manager() -> None:
    assert to_install({"ID": "debian"}, "auditd") == "sudo apt-get install auditd"
    assert to_install({"ID": "opensuse-leap"}, "podman") == "sudo zypper install podman"
    assert to_install({"ID": "rocky", "ID_LIKE": "rhel"}, "skopeo") == "sudo dnf install skopeo"
    assert to_install({"ID": "plan9"}, "skopeo") == "install the package skopeo"
    assert to_change_file({"ID": "debian"}, "/usr/bin/crun", "chmod x") == "chmod x"
    assert to_relabel_all({"ID": "fedora"}) == "fixfiles onboot && systemctl reboot"
    assert not to_install_hardentui({"ID": "debian"})
