"""Answers of the checks of steps 3 and 9 and of the host's part of others, beyond their own examples."""

from typing import Any

import pytest
from msgspec.structs import replace

from hardentui.checks import all_checks
from hardentui.checks.examples import (
    ACCEPT,
    SIGSTORE,
    accepting,
    configuration,
    container,
    engine,
    facts_of,
    file,
    host,
    rejecting,
)
from hardentui.errors import CannotFix
from hardentui.model.check import AnyCheck, FixContext, Parameters
from hardentui.model.configuration import Danger
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts
from hardentui.model.finding import Kind, Severity, Status
from hardentui.model.host import EngineSocket, HostFacts, Program, RootRight
from hardentui.model.known import Unread
from hardentui.model.trust import Attachments, TrustFacts
from hardentui.options import IMAGE
from tests.support.judging import judge, the_check

DIGEST = "sha256:" + "5f" * 32
CLOSED = Unread("no permission: it belongs to another user")
MINE = (
    "missing-sub-ids",
    "unenforceable-limits",
    "selinux-not-enforcing",
    "altered-seccomp-default",
    "seccomp-disabled",
)
CHECKS = [
    check
    for check in all_checks()
    if (check.step in (3, 9) or check.id in MINE) and check.kind is not Kind.WAIVERS
]


@pytest.mark.parametrize(
    "check", [check for check in CHECKS if check.kind is not Kind.CONTAINER], ids=lambda check: check.id
)
def test_what_was_not_looked_at_is_unknown(check: AnyCheck) -> None:
    facts = HostFacts() if check.kind is Kind.HOST else EngineFacts()
    verdict = check.verdict(facts, Parameters(check.parameters))
    assert verdict.status is Status.UNKNOWN
    assert verdict.reason


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_failure_shows_evidence_and_a_way_out(check: AnyCheck) -> None:
    for facts in facts_of(check.fails):
        verdict = check.verdict(facts, Parameters(check.parameters))
        assert verdict.evidence or verdict.declared or verdict.effective
        assert (
            verdict.commands
            or check.remediate
            or check.id in ("seccomp-disabled", "untrusted-engine-programs")
        )


def test_a_closed_policy_is_unknown_for_the_engine_and_for_its_containers() -> None:
    closed = engine(TrustFacts(policy=CLOSED))
    assert judge("insecure-default-policy", closed).status is Status.UNKNOWN
    assert (
        judge("unsigned-scope-in-use", container((IMAGE, "quay.io/a/b:1"), engine=closed)).status
        is Status.UNKNOWN
    )
    remote = engine(Unread("the engine is on another machine"))
    assert judge("insecure-default-policy", remote).reason == "the engine is on another machine"


def test_an_unsigned_rule_is_told_with_its_scope() -> None:
    facts = container(
        inspect={"ImageName": "quay.io/team/shop:1"},
        engine=engine(rejecting({"quay.io/team": (ACCEPT,), "quay.io": (SIGSTORE,)})),
    )
    verdict = judge("unsigned-scope-in-use", facts)
    assert "the rule for quay.io/team" in verdict.reason
    assert any("'quay.io/team/shop'" in command for command in verdict.commands)


@pytest.mark.parametrize(
    ("sections", "status"),
    [
        ((Attachments("eu.example.com", True, "f"),), Status.PASS),
        ((Attachments("", True, "f"),), Status.PASS),
        ((Attachments("eu.example.com", False, "f"),), Status.FAIL),
        ((Attachments("example.com", True, "f"),), Status.FAIL),
        ((), Status.FAIL),
    ],
)
def test_a_wildcard_scope_is_served_by_the_hosts_below_it(
    sections: tuple[Attachments, ...], status: Status
) -> None:
    facts = engine(rejecting({"*.example.com": (SIGSTORE,)}, attachments=sections))
    assert judge("sigstore-attachments-off", facts).status is status


def pinned(facts: ContainerFacts) -> str:
    """Its image where a checklist wants digests."""
    check = the_check("mutable-image-tag")
    assert check.remediate is not None
    wanted = Parameters({**check.parameters, "digests": True})
    return check.remediate(facts.spec, FixContext(facts, wanted))[IMAGE]


def test_pinning_uses_the_digest_that_runs_and_keeps_the_tag() -> None:
    facts = container(
        (IMAGE, "docker.io/library/nginx:1.27"),
        inspect={"ImageName": "docker.io/library/nginx:1.27", "ImageDigest": DIGEST},
        image=ImageFacts("5f" * 32, {"RepoDigests": [f"docker.io/library/nginx@{DIGEST}"]}),
    )
    assert pinned(facts) == f"docker.io/library/nginx:1.27@{DIGEST}"


@pytest.mark.parametrize("digest", ["", None, "md5:00"])
def test_without_a_digest_nothing_is_pinned(digest: Any) -> None:
    with pytest.raises(CannotFix):
        pinned(container((IMAGE, "quay.io/a/b:1"), inspect={"ImageDigest": digest}))


def test_an_approved_list_decides_by_registry_namespace_or_domain() -> None:
    facts = container((IMAGE, "eu.example.com/team/shop:1"), engine=engine(accepting()))
    for approved in ("eu.example.com", "eu.example.com/team", "*.example.com"):
        assert judge("unapproved-registry", facts, approved=(approved,)).status is Status.PASS
    assert judge("unapproved-registry", facts, approved=("example.com",)).status is Status.FAIL
    assert judge("unapproved-registry", facts).status is Status.NOT_APPLICABLE


def test_files_that_could_not_be_seen_keep_the_answer_open_unless_one_is_bad() -> None:
    path = "/etc/containers/policy.json"
    seen = host(engine_configuration={"/etc/containers/a": file("/etc/containers/a"), path: CLOSED})
    assert judge("writable-engine-configuration", seen).status is Status.UNKNOWN
    bad = file(
        "/etc/containers/a",
        0o666,
        Danger("/etc/con tainers", "world-writable (0777)", "chmod o-w"),
    )
    verdict = judge(
        "writable-engine-configuration", host(engine_configuration={"a": bad, "b": bad, path: CLOSED})
    )
    assert verdict.status is Status.FAIL
    assert verdict.commands == ("chmod o-w -- '/etc/con tainers'",)
    assert (
        judge("writable-engine-configuration", host(engine_configuration={})).status is Status.NOT_APPLICABLE
    )


def test_a_rootless_socket_that_others_may_use_is_less_bad() -> None:
    own = EngineSocket(file("/run/user/1000/podman/podman.sock", 0o666), rootful=False, users=("ben",))
    assert judge("exposed-engine-socket", host(sockets=(own,))).severity is Severity.HIGH
    both = host(sockets=(own, EngineSocket(file("/run/podman/podman.sock", 0o666), users=("ben",))))
    assert judge("exposed-engine-socket", both).severity is None


def test_trusted_accounts_and_known_consumers_are_left_out() -> None:
    socket = EngineSocket(file("/run/podman/podman.sock", 0o660), users=("anna",))
    right = RootRight("anna", "may run podman through sudo without a password", "/etc/sudoers")
    facts = host(sockets=(socket,), root_rights=(right,), socket_enabled_by="/etc/x")
    for check_id, name in (
        ("exposed-engine-socket", "trusted_users"),
        ("root-equivalent-users", "trusted_users"),
        ("idle-engine-socket", "consumers"),
    ):
        assert judge(check_id, facts).status is Status.FAIL
        assert judge(check_id, facts, **{name: ("anna",)}).status is Status.PASS


def test_the_worst_setting_decides_how_bad_the_configuration_is() -> None:
    settings = configuration(containers__label=False, containers__privileged=True)
    verdict = judge("weak-engine-defaults", engine(accepting(configuration=settings)))
    assert verdict.severity is Severity.CRITICAL
    assert verdict.reason.startswith("containers.privileged in /etc/containers/containers.conf")


def test_a_broken_configuration_file_is_no_pass() -> None:
    broken = replace(configuration(), faults={"/etc/containers/containers.conf": "is not valid TOML"})
    assert judge("weak-engine-defaults", engine(accepting(configuration=broken))).status is Status.UNKNOWN
    programs = (Program("runtime", file("/usr/bin/crun", 0o755)),)
    assert (
        judge("untrusted-engine-programs", host(programs=programs, configuration=broken)).status
        is Status.UNKNOWN
    )
