"""On a host whose /usr is read-only, no advice names what is refused there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from hardentui.checks import all_checks
from hardentui.checks.prelude import facts_of
from hardentui.features.opening.doctor import Machine, examine
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.release import release_of
from hardentui.model.facts import ContainerFacts
from hardentui.model.host import HostFacts
from hardentui.model.known import Unread
from hardentui.reading.host_words import (
    Updater,
    to_confine,
    to_install,
    to_restore_default_files,
    to_upgrade,
    updater_of,
)

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
REFUSED = re.compile(
    r"\b(?:apt-get|apt|dnf|yum|zypper)\s+(?:-\S+\s+)*(?:install|reinstall|patch|update|upgrade)\b"
    r"|security=apparmor|apparmor_parser|aa-enforce|grubby|grub2?-mkconfig"
)
IN_AN_IMAGE = "in the Containerfile of the host's image: RUN dnf install -y "


def files_of(name: str) -> RecordedFiles:
    release, present = HOSTS[name]
    texts = {"/etc/os-release": release, **dict.fromkeys(present, "")}
    return RecordedFiles({"text": texts})


def said_by_checks(release: dict[str, str]) -> Iterator[str]:
    """What every failing example of a check says and advises on such a host."""
    for check in all_checks():
        for facts in facts_of(check.fails):
            if isinstance(facts, HostFacts):
                facts = facts.replace(os_release=release)
            elif isinstance(facts, ContainerFacts) and check.id.startswith("apparmor-"):
                continue  # of hosts that have AppArmor
            verdict = check.verdict(facts)
            yield from (verdict.reason, *verdict.commands)


@pytest.mark.parametrize("name", HOSTS)
def test_no_check_and_no_line_of_the_doctor_advises_what_is_refused_there(name: str) -> None:
    """Law: over all checks and all lines."""
    files = files_of(name)
    release = dict(release_of(files))
    machine = Machine(
        files=files,
        run=lambda arguments, seconds: Unread("no"),
        which=lambda program: None,
        generator=lambda: None,
        skipped=(),
    )
    lines = [f"{line.value} {line.fix}" for line in examine(machine)]
    words = (to_upgrade(release), to_restore_default_files(release), (to_confine(release),))
    texts = [*said_by_checks(release), *lines, *(text for group in words for text in group)]
    assert len(texts) > 200
    bad = [text for text in texts if REFUSED.search(text.replace(IN_AN_IMAGE, ""))]
    assert not bad
    assert any("sk" in line and to_install(release, "skopeo") in line for line in lines)


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
