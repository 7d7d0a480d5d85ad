"""Vendor overlays: who manages a container, what was set on purpose, what fits."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardentui.checks.prelude import container
from hardentui.errors import ChecklistError
from hardentui.features.checklists.loading import directory_of_ours
from hardentui.features.looking.gather import with_peers
from hardentui.features.vendors.loading import lint, overlays, parse, vendor_of
from hardentui.features.vendors.telling import managed, sentences
from hardentui.harden.explicit import on_purpose
from hardentui.harden.remedy import OptionDiff
from hardentui.model.facts import ContainerFacts, UnitFacts
from hardentui.model.known import later
from hardentui.options import HEALTH_ON_FAILURE, SECRETS
from hardentui.reading.vendors import UNIT_LABEL, delivered_by
from hardentui.systemd.unit_text import head_comments

OURS = sorted(Path(directory_of_ours(), "vendors").glob("*.toml"))


def started_by(unit: str, options: str = "", **labels: str) -> ContainerFacts:
    return container(
        options,
        vendor=later(vendor_of),
        inspect={"Config": {"Labels": {UNIT_LABEL: unit, **labels}}},
    )


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_each_of_ours_is_valid_and_has_a_source_for_each_purpose(path: Path) -> None:
    vendor = lint(str(path))
    assert vendor in overlays()
    assert all(purpose.source and purpose.why.endswith(".") for purpose in vendor.purpose)


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("uyuni-server.service", "uyuni"),
        ("uyuni-db.service", "uyuni"),
        ("uyuni-saline@0.service", "uyuni"),
        ("uyuni-server-attestation@1.service", "uyuni"),
        ("uyuni-proxy-squid.service", "uyuni-proxy"),
        ("pulp-worker@3.service", "foreman"),
        ("foreman-recurring@daily.service", "foreman"),
        ("ceph-11111111-2222-3333-4444-555555555555@mon.a.service", "cephadm"),
        ("edpm_nova_compute.service", "edpm"),
        ("quay-app.service", "mirror-registry"),
        ("web.service", ""),
        ("postgresql.service", ""),
        ("ceph.service", ""),
        ("uyuni-hub-xmlrpc-.service", ""),
        ("uyuni-proxy-exporter.service", ""),
        ("edpm_.service", ""),
    ],
)
def test_a_container_is_recognised_by_its_unit(unit: str, name: str) -> None:
    vendor = started_by(unit).vendor
    assert (vendor.name if vendor is not None else "") == name


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("uyuni-hub-xmlrpc", "uyuni"),
        ("uyuni-hub-xmlrpc-0", "uyuni"),
        ("uyuni-hub-xmlrpc-", ""),
        ("uyuni-hub-xmlrpc-exporter", ""),
        ("uyuni-saline-backup", ""),
        ("uyuni-proxy-ssh", "uyuni-proxy"),
        ("uyuni-proxy-", ""),
        ("nextcloud-aio-", ""),
    ],
)
def test_a_container_is_recognised_by_its_name(name: str, known: str) -> None:
    vendor = started_by("", f"--name={name}").vendor
    assert (vendor.name if vendor is not None else "") == known


def test_a_compose_project_is_managed_but_its_values_are_a_persons() -> None:
    facts = started_by("", **{"com.docker.compose.project": "shop"})
    assert facts.vendor is not None
    assert delivered_by(facts) is None
    assert delivered_by(started_by("uyuni-db.service")) is not None


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("registry.redhat.io/rhelai1/instructlab-nvidia-rhel9:1.5", "rhel-ai"),
        ("mirror.example.com:5000/rhelai1/instructlab-amd-rhel9@sha256:" + "0" * 64, "rhel-ai"),
        ("registry.example.com/team/instructlab-nvidia:1", ""),
    ],
)
def test_a_container_is_recognised_by_its_image(image: str, name: str) -> None:
    vendor = container(image, vendor=later(vendor_of)).vendor
    assert (vendor.name if vendor is not None else "") == name


@pytest.mark.parametrize(
    ("label", "value", "name"),
    [
        ("managed_by", "edpm_ansible", "edpm"),
        ("managed_by", "somebody", ""),
        ("com.docker.compose.project", "nextcloud-aio", "nextcloud-aio"),
        ("io.podman.compose.project", "shop", "podman-compose"),
    ],
)
def test_a_container_is_recognised_by_a_label(label: str, value: str, name: str) -> None:
    vendor = started_by("", **{label: value}).vendor
    assert (vendor.name if vendor is not None else "") == name


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("#\n# Ansible managed\n#\n# system_role:podman\n\n[Container]\n", True),
        ("[Container]\n# system_role:podman\n", False),
        ("# not the system_role:podman\n[Container]\n", False),
    ],
)
def test_a_container_is_recognised_by_a_comment_at_the_head_of_its_unit(
    text: str,
    known: bool,
) -> None:
    facts = container(
        "",
        vendor=later(vendor_of),
        unit=UnitFacts("web.service", quadlet=True, comments=head_comments(text)),
        inspect={"Config": {"Labels": {UNIT_LABEL: "web.service"}}},
    )
    assert (facts.vendor is not None) is known


def test_the_containers_of_one_tool_are_one_application() -> None:
    facts = tuple(with_peers([started_by("uyuni-db.service"), started_by("uyuni-server.service")]))
    assert {peer.app for peer in facts[0].peers.everyone} == {"uyuni"}


def test_the_fitting_checklist_is_proposed_until_it_is_used() -> None:
    facts = started_by("uyuni-server.service", "--name=uyuni-server")
    (group,) = managed([facts, started_by("web.service")])
    assert group.checklist == "systemd"
    assert any("--checklist systemd" in text for text in sentences(group, "ten-steps"))
    assert not any("--checklist" in text for text in sentences(group, "systemd"))


GOOD = OURS[0].read_text()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('schema = "hardentui/vendor/1"', 'schema = "x"', "schema must be"),
        ('"--pids-limit"', '"--pid-limits"', "no option '--pid-limits'"),
        ('"no-update-path"', '"no-update-paths"', "no check 'no-update-paths'"),
        ("ceph-????????-????-????-????-????????????-?*", "*", "fits everything"),
        ("????????????-?*", "????????????-*", "also fits a name without the last part"),
        ("one_application", "one_aplication", "unknown field"),
        ('name = "cephadm"', 'name = "ceph"', "name must be that of the file"),
    ],
)
def test_the_linter_names_each_fault(old: str, new: str, fault: str) -> None:
    assert old in GOOD
    with pytest.raises(ChecklistError) as raised:
        parse(GOOD.replace(old, new), "cephadm.toml")
    assert fault in "\n".join(raised.value.faults)


def test_a_rule_for_signatures_is_proposed_for_images_that_the_vendor_signs() -> None:
    image = "registry.suse.com/suse/multi-linux-manager/5.1/x86_64/server:5.1.1"
    (group,) = managed([started_by("uyuni-server.service", image)])
    assert group.trust == ("registry.suse.com=/usr/share/pki/containers/suse-container-key.pem",)
    assert any("how its signed images are verified" in text for text in sentences(group))
    (mirrored,) = managed([started_by("uyuni-server.service", "mirror.example.com/server:1")])
    assert not mirrored.trust


@pytest.mark.parametrize(
    ("check", "changed", "why"),
    [
        ("unhealthy", OptionDiff(HEALTH_ON_FAILURE, (), ("kill",), (), ()), "for hours"),
        (
            "loose-secret",
            OptionDiff(SECRETS, ("a",), ("a,mode=0400",), (), ()),
            "read certificates",
        ),
    ],
)
def test_the_reason_is_of_the_option_that_a_fix_changes(
    check: str,
    changed: OptionDiff,
    why: str,
) -> None:
    (reason, *_) = on_purpose(started_by("uyuni-db.service"), check, (changed,))
    assert why in reason
