"""Answers of the checks of steps 3 and 9 and of the host's part of others, beyond their own
examples."""

import pytest

from hardentui.checks.prelude import (
    ACCEPT,
    SIGSTORE,
    accepting,
    configuration,
    engine,
    file,
    host,
    rejecting,
)
from hardentui.model.host import EngineSocket, Program, RootRight, SubIds, User
from hardentui.model.trust import Attachments, AuthFile, Registries, Registry
from tests.support.judging import *

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
    "check",
    [check for check in CHECKS if check.kind is not Kind.CONTAINER],
    ids=lambda check: check.id,
)
def test_what_was_not_looked_at_is_unknown(check: Check) -> None:
    facts = HostFacts() if check.kind is Kind.HOST else EngineFacts()
    verdict = check.verdict(facts, Parameters(check.parameters))
    assert verdict.status is UNKNOWN
    assert verdict.reason


@pytest.mark.parametrize(
    "check",
    CHECKS,
    ids=lambda check: check.id,
)
def test_a_failure_shows_evidence_and_a_way_out(check: Check) -> None:
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
    assert status_of("insecure-default-policy", closed) is UNKNOWN
    assert (
        status_of(
            "unsigned-scope-in-use",
            container((IMAGE, "quay.io/a/b:1"), engine=closed),
        )
        is UNKNOWN
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
        ((Attachments("eu.example.com", True, "f"),), PASS),
        ((Attachments("", True, "f"),), PASS),
        ((Attachments("eu.example.com", False, "f"),), FAIL),
        ((Attachments("example.com", True, "f"),), FAIL),
        ((), FAIL),
    ],
)
def test_a_wildcard_scope_is_served_by_the_hosts_below_it(
    sections: tuple[Attachments, ...],
    status: Status,
) -> None:
    facts = engine(rejecting({"*.example.com": (SIGSTORE,)}, attachments=sections))
    assert status_of("sigstore-attachments-off", facts) is status


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
        image=ImageFacts(
            "5f" * 32,
            {"RepoDigests": [f"docker.io/library/nginx@{DIGEST}"]},
        ),
    )
    assert pinned(facts) == f"docker.io/library/nginx:1.27@{DIGEST}"


@pytest.mark.parametrize("digest", ["", None, "md5:00"])
def test_without_a_digest_nothing_is_pinned(digest: Any) -> None:
    with pytest.raises(CannotFix):
        pinned(container((IMAGE, "quay.io/a/b:1"), inspect={"ImageDigest": digest}))


def test_an_approved_list_decides_by_registry_namespace_or_domain() -> None:
    facts = container(
        (IMAGE, "eu.example.com/team/shop:1"),
        engine=engine(accepting()),
    )
    for approved in ("eu.example.com", "eu.example.com/team", "*.example.com"):
        assert (
            status_of(
                "unapproved-registry",
                facts,
                approved=(approved,),
            )
            is PASS
        )
    assert (
        status_of(
            "unapproved-registry",
            facts,
            approved=("example.com",),
        )
        is FAIL
    )
    assert status_of("unapproved-registry", facts) is NOT_APPLICABLE


def test_files_that_could_not_be_seen_keep_the_answer_open_unless_one_is_bad() -> None:
    path = "/etc/containers/policy.json"
    seen = host(
        engine_configuration={
            "/etc/containers/a": file("/etc/containers/a"),
            path: CLOSED,
        }
    )
    assert status_of("writable-engine-configuration", seen) is UNKNOWN
    bad = file(
        "/etc/containers/a",
        0o666,
        Danger(
            "/etc/con tainers",
            "world-writable (0777)",
            "chmod o-w",
        ),
    )
    verdict = judge(
        "writable-engine-configuration",
        host(engine_configuration={"a": bad, "b": bad, path: CLOSED}),
    )
    assert verdict.status is FAIL
    assert verdict.commands == ("chmod o-w -- '/etc/con tainers'",)
    assert (
        status_of(
            "writable-engine-configuration",
            host(engine_configuration={}),
        )
        is NOT_APPLICABLE
    )


def test_a_rootless_socket_that_others_may_use_is_less_bad() -> None:
    own = EngineSocket(
        file("/run/user/1000/podman/podman.sock", 0o666), rootful=False, users=("ben",)
    )
    assert judge("exposed-engine-socket", host(sockets=(own,))).severity is Severity.HIGH
    both = host(
        sockets=(
            own,
            EngineSocket(file("/run/podman/podman.sock", 0o666), users=("ben",)),
        )
    )
    assert judge("exposed-engine-socket", both).severity is None


def test_trusted_accounts_and_known_consumers_are_left_out() -> None:
    socket = EngineSocket(file("/run/podman/podman.sock", 0o660), users=("anna",))
    right = RootRight(
        "anna",
        "may run podman through sudo without a password",
        "/etc/sudoers",
    )
    facts = host(
        sockets=(socket,),
        root_rights=(right,),
        socket_enabled_by="/etc/x",
    )
    for check_id, name in (
        ("exposed-engine-socket", "trusted_users"),
        ("root-equivalent-users", "trusted_users"),
        ("idle-engine-socket", "consumers"),
    ):
        assert status_of(check_id, facts) is FAIL
        assert status_of(check_id, facts, **{name: ("anna",)}) is PASS


def test_the_worst_setting_decides_how_bad_the_configuration_is() -> None:
    settings = configuration(
        containers__label=False,
        containers__privileged=True,
    )
    verdict = judge("weak-engine-defaults", engine(accepting(configuration=settings)))
    assert verdict.severity is Severity.CRITICAL
    assert verdict.reason.startswith("containers.privileged in /etc/containers/containers.conf")


def test_a_broken_configuration_file_is_no_pass() -> None:
    broken = replace(
        configuration(), faults={"/etc/containers/containers.conf": "is not valid TOML"}
    )
    assert (
        status_of(
            "weak-engine-defaults",
            engine(accepting(configuration=broken)),
        )
        is UNKNOWN
    )
    programs = (Program("runtime", file("/usr/bin/crun", 0o755)),)
    assert (
        status_of(
            "untrusted-engine-programs",
            host(
                programs=programs,
                configuration=broken,
            ),
        )
        is UNKNOWN
    )


def test_a_refused_image_is_not_unsigned() -> None:
    facts = container(
        (IMAGE, "docker.io/a/b:1"), engine=engine(rejecting({"quay.io": (SIGSTORE,)}))
    )
    assert status_of("unsigned-scope-in-use", facts) is PASS


def test_a_short_name_is_only_seen_in_the_command() -> None:
    full = "docker.io/library/nginx:1.27"
    through_the_api = container(
        (IMAGE, full), inspect={"ImageName": full, "Config": {"CreateCommand": None}}
    )
    assert status_of("short-image-name", through_the_api) is PASS
    for words in (
        ["podman", "run", "nginx:1.27"],
        ["/usr/bin/podman", "create", "--name", "x", "nginx:1.27", "-v"],
    ):
        typed = container(
            (IMAGE, full), inspect={"ImageName": full, "Config": {"CreateCommand": words}}
        )
        assert judge("short-image-name", typed).declared == "nginx:1.27"
    by_id = ["podman", "run", "5f5f5f5f"]
    facts = container(
        (IMAGE, full),
        inspect={
            "ImageName": full,
            "Image": "5f" * 32,
            "Config": {"CreateCommand": by_id},
        },
    )
    assert status_of("short-image-name", facts) is PASS


def test_a_blocked_registry_may_be_insecure() -> None:
    registry = Registry(
        "example.com",
        "example.com",
        insecure=True,
        blocked=True,
    )
    facts = engine(accepting(registries=Registries(registries=(registry,))))
    assert status_of("insecure-registry", facts) is PASS


def test_an_empty_credentials_file_may_be_open() -> None:
    facts = engine(
        accepting(
            auth_files=(AuthFile(file("/root/.docker/config.json", 0o644)),),
            registries=Registries(),
        )
    )
    assert status_of("exposed-registry-credentials", facts) is PASS


def test_a_docker_of_its_own_is_not_judged() -> None:
    socket = EngineSocket(file("/run/docker.sock", 0o660), users=("anna",))
    assert status_of("exposed-engine-socket", host(sockets=(socket,))) is PASS


def test_volumes_for_all_containers_can_be_allowed() -> None:
    facts = engine(
        accepting(configuration=configuration(containers__volumes=["/etc/pki:/etc/pki:ro"]))
    )
    assert (
        status_of(
            "weak-engine-defaults",
            facts,
            allowed_for_all=("/etc/pki:/etc/pki:ro",),
        )
        is PASS
    )


def test_a_reboot_that_cannot_be_told_is_unknown_and_a_known_update_fails_anyway() -> None:
    assert (
        status_of(
            "pending-security-updates",
            host(
                security_updates=(),
                reboot_required=CLOSED,
            ),
        )
        is UNKNOWN
    )
    facts = host(
        security_updates=("openssl",),
        reboot_required=CLOSED,
        os_release={"ID": "rocky", "ID_LIKE": "rhel"},
    )
    assert judge("pending-security-updates", facts).commands == ("dnf upgrade --security",)


def test_a_storage_that_does_not_exist_is_not_applicable() -> None:
    storage = replace(
        facts_of(the_check("weak-storage-settings").passes)[0].storage,
        root=Missing("/var/lib/containers/storage"),
    )
    assert status_of("weak-storage-settings", host(storage=storage)) is NOT_APPLICABLE


def test_a_mode_that_cannot_be_read_never_passes() -> None:
    storage = replace(
        facts_of(the_check("weak-storage-settings").passes)[0].storage,
        root=CLOSED,
    )
    assert status_of("weak-storage-settings", host(storage=storage)) is UNKNOWN


def test_ranges_of_one_owner_may_touch_and_those_of_two_may_not_overlap() -> None:
    anna = User("anna", 1000, 1000, rootless=True)
    touching = (
        SubIds("anna", 100_000, 65_536),
        SubIds("ben", 165_536, 65_536),
    )
    assert (
        status_of(
            "missing-sub-ids",
            host(
                users=(anna,),
                subuids=touching,
                subgids=touching,
            ),
        )
        is PASS
    )
    twice = (
        SubIds("anna", 100_000, 65_536),
        SubIds("anna", 130_000, 65_536),
    )
    assert (
        status_of(
            "missing-sub-ids",
            host(
                users=(anna,),
                subuids=twice,
                subgids=twice,
            ),
        )
        is PASS
    )
    by_uid = (SubIds("1000", 100_000, 65_536),)
    assert (
        status_of(
            "missing-sub-ids",
            host(
                users=(anna,),
                subuids=by_uid,
                subgids=by_uid,
            ),
        )
        is PASS
    )
    verdict = judge(
        "missing-sub-ids",
        host(
            users=(anna,),
            subuids=touching,
            subgids=(),
        ),
    )
    assert verdict.commands[0] == "usermod --add-subgids 100000-165535 anna"


@pytest.mark.parametrize(
    "check_id",
    ["missing-sub-ids", "unenforceable-limits"],
)
def test_a_user_behind_a_closed_home_keeps_the_answer_open(check_id: str) -> None:
    facts = host(
        users=(User("ben", 1001, hidden=True),),
        subuids=(),
        subgids=(),
        cgroup_version=2,
    )
    assert status_of(check_id, facts) is UNKNOWN
    system = host(
        users=(User("bin", 2, hidden=True),),
        subuids=(),
        subgids=(),
        cgroup_version=2,
    )
    assert status_of(check_id, system) is not UNKNOWN


def test_cgroup_delegation_is_unknown_for_an_account_that_is_away() -> None:
    away = User(
        "anna", 1000, rootless=True, controllers=Unread("no service manager of uid 1000 is running")
    )
    assert status_of("unenforceable-limits", host(cgroup_version=2, users=(away,))) is UNKNOWN


def test_a_client_certificate_does_not_excuse_another_port() -> None:
    services = (
        ApiService("a", "tcp://0.0.0.0:2376", True),
        ApiService("b", "tcp://0.0.0.0:2375", False),
    )
    assert (
        judge("tcp-api-without-tls", host(tcp_services=services)).effective == "tcp://0.0.0.0:2375"
    )


@pytest.mark.parametrize(
    "name",
    ["kernel.yama.ptrace_scope", "kernel.core_pattern"],
)
def test_a_kernel_setting_that_is_not_there_is_left_out(name: str) -> None:
    good = dict(facts_of(the_check("weak-kernel-settings").passes)[0].sysctls)
    del good[name]
    assert status_of("weak-kernel-settings", host(sysctls=good)) is PASS
    assert status_of("weak-kernel-settings", host(sysctls={**good, name: CLOSED})) is UNKNOWN
