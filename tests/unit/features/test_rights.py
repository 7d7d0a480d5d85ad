"""Capabilities, system calls and security modules of a container, as pages."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from hardentui.__main__ import main
from hardentui.checks.prelude import container
from hardentui.do import said
from hardentui.features.looking.default_profile import DefaultProfile
from hardentui.features.rights.capabilities import capability_page, capability_words
from hardentui.features.rights.page import Rights, rights_of, rights_page
from hardentui.features.rights.seccomp import seccomp_page
from hardentui.features.rights.security_module import Confinement, lsm_page
from hardentui.features.trial.kept_learning import keep_needs, kept_needs
from hardentui.features.trial.learned.needs import CapabilityNeed, Needs
from hardentui.host.files import LocalFiles
from hardentui.model.facts import CapabilitySets, ContainerFacts, EngineFacts, Kernel
from hardentui.model.known import Unread
from hardentui.options import CAP_ADD, CAP_DROP

DEFAULT_RULES: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "syscalls": [
        {
            "names": ["read", "write", "mkdir"],
            "action": "SCMP_ACT_ALLOW",
        },
        {
            "names": ["bpf"],
            "action": "SCMP_ACT_ALLOW",
            "includes": {"caps": ["CAP_BPF"]},
        },
    ],
}
DEFAULT = DefaultProfile("/usr/share/containers/seccomp.json", DEFAULT_RULES)
CHOWN, BPF = frozenset({"CAP_CHOWN"}), frozenset({"CAP_BPF"})


def running(held: frozenset[str], **over: Any) -> Kernel:
    sets = CapabilitySets(
        effective=held,
        permitted=held,
        bounding=held,
    )
    return Kernel(
        pid=7, **{"capabilities": sets, "seccomp_mode": 2, "host_user_namespace": True, **over}
    )


# --- capabilities ---------------------------------------------------------------------------------


def _capability_lines(facts: ContainerFacts) -> list[tuple[str, str]]:
    section = rights_page(
        Rights(
            "web", "", True, capability_page(facts), seccomp_page(facts, DEFAULT), lsm_page(facts)
        )
    )[0]
    return [(line.label, said(line.text)) for line in section.lines]


def _may_have(lines: list[tuple[str, str]]) -> list[str]:
    """What stands below that label."""
    at = next(at for at, (label, _) in enumerate(lines) if label.startswith("may have"))
    below = itertools.takewhile(lambda line: not line[0], lines[at + 1 :])
    return [lines[at][1], *(text for _, text in below)]


def test_the_rights_page_tells_only_where_the_sets_differ() -> None:
    held = frozenset({"CAP_CHOWN", "CAP_KILL", "CAP_FOWNER"})
    live = CapabilitySets(
        effective=held,
        permitted=held | {"CAP_SETUID"},
        bounding=frozenset({"CAP_CHOWN", "CAP_FOWNER", "CAP_SYS_ADMIN"}),
    )
    declared = (CAP_DROP, ("all",)), (CAP_ADD, ("CAP_CHOWN", "CAP_KILL", "CAP_MKNOD"))
    lines = _capability_lines(container(*declared, kernel=Kernel(7, capabilities=live)))
    assert ("has 3", "CHOWN, FOWNER (not declared), KILL (not in the bounding set)") in lines
    assert (
        "can get 2",
        "Leads to the host: SYS_ADMIN (not declared, not in effect, in the bounding set)",
    ) in lines
    assert ("", "SETUID (not declared, not in effect)") in lines
    assert ("declared 1", "MKNOD (not in effect)") in lines


def test_what_a_capability_allows_stands_below_all_else() -> None:
    facts = container(kernel=running(frozenset({"CAP_CHOWN", "CAP_SYS_ADMIN"})))
    pages = rights_page(
        Rights(
            "web", "", True, capability_page(facts), seccomp_page(facts, DEFAULT), lsm_page(facts)
        )
    )
    assert not any("Change the owner" in said(line.text) for line in pages[0].lines)
    meanings = [said(line.text) for line in pages[-1].lines]
    assert "CHOWN: Change the owner and group of any file." in meanings
    assert any(text.startswith("SYS_ADMIN: Mount") for text in meanings)


def test_the_rights_page_of_an_unreadable_kernel_tells_what_is_declared_and_names_the_rest() -> (
    None
):
    lines = _capability_lines(
        container(
            "--cap-drop=all --cap-add=CAP_CHOWN",
            kernel=Unread("no permission"),
        )
    )
    assert ("declared 1", "CHOWN") in lines
    rest = ", ".join(_may_have(lines))
    assert "SYS_ADMIN" in rest
    assert "CHOWN" not in rest.split(", ")
    assert ("not known", "effective and bounding: no permission") in lines


def test_what_earlier_trials_learned_is_told_without_a_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    facts = container(
        kernel=running(frozenset({"CAP_CHOWN", "CAP_KILL"})), inspect={"Image": "a" * 64}
    )
    assert kept_needs(facts) is None
    keep_needs(
        facts,
        Needs(
            capabilities=(CapabilityNeed("CAP_CHOWN", ()),),
            runs=2,
        ),
    )
    learned = kept_needs(facts)
    assert learned is not None
    assert learned.capability_names == CHOWN
    capabilities = rights_of(facts, LocalFiles())[0][0]
    texts = [said(line.text) for line in capabilities.lines]
    assert any("CHOWN (used)" in text for text in texts)
    assert any("KILL (not used)" in text for text in texts)
    assert "used or not: as seen in 2 earlier trials" in texts
    another_image = facts.replace(inspect={"Image": "b" * 64})
    assert kept_needs(another_image) is None
    again = facts.replace(engine=facts.engine.replace(url="unix:///tmp/another/podman.sock"))
    assert kept_needs(again) == learned, "a service that we start has another address each time"
    keep_needs(
        facts,
        Needs(
            capabilities=None,
            unknown={"capabilities": "tracefs is closed to us"},
        ),
    )
    unseen = capability_page(facts, kept_needs(facts))
    assert all(row.used is None for row in unseen.rows)
    assert any("tracefs is closed to us" in line for line in capability_words(unseen))


# --- seccomp --------------------------------------------------------------------------------------


# --- security modules -----------------------------------------------------------------------------

_APPARMOR = EngineFacts(info={"host": {"security": {"apparmorEnabled": True}}})
_SELINUX = EngineFacts(info={"host": {"security": {"selinuxEnabled": True}}})
_NEITHER = EngineFacts(
    info={"host": {"security": {"selinuxEnabled": False, "apparmorEnabled": False}}}
)


@pytest.mark.parametrize(
    ("engine", "label", "state", "offers"),
    [
        (
            _APPARMOR,
            "containers-default-0.62.2 (enforce)",
            Confinement.CONFINED,
            "apparmor_parser",
        ),
        (
            _APPARMOR,
            "web-profile (enforce)",
            Confinement.CONFINED,
            "",
        ),
        (
            _APPARMOR,
            "web-profile (complain)",
            Confinement.COMPLAINING,
            "",
        ),
        (
            _APPARMOR,
            "unconfined",
            Confinement.UNCONFINED,
            "apparmor_parser",
        ),
        (
            _SELINUX,
            "system_u:system_r:container_t:s0:c1,c2",
            Confinement.CONFINED,
            "udica",
        ),
        (
            _SELINUX,
            "system_u:system_r:spc_t:s0",
            Confinement.UNCONFINED,
            "udica",
        ),
        (
            _SELINUX,
            "system_u:system_r:web_policy.process:s0:c1,c2",
            Confinement.CONFINED,
            "",
        ),
        (_NEITHER, "", Confinement.NONE, ""),
    ],
)
def test_the_label_decides_and_a_policy_is_offered_where_none_is(
    engine: EngineFacts,
    label: str,
    state: Confinement,
    offers: str,
) -> None:
    page = lsm_page(
        container(
            kernel=running(CHOWN, lsm_label=label),
            engine=engine,
        )
    )
    assert page.state is state
    assert bool(page.commands) == bool(offers)
    assert offers in " ".join(page.commands)


# --- the commands ---------------------------------------------------------------------------------


def test_the_command_has_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--rights", "--demo", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "hardentui/rights/1"
    assert document["simulated"] is True
    names = {page["container"] for page in document["containers"]}
    assert "shop-web" in names
    assert main(["check", "--rights", "--demo", "shop-web"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("shop-web")
    assert "shop-api" not in told
