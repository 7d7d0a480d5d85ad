"""Checks of steps 4, 5, 8 and 10: where Podman misleads, where the context decides, what fixes keep."""

from typing import Any

import pytest

from hardentui.checks.prelude import DEFAULT_CAPABILITIES, container, rootful, rootless
from hardentui.errors import CannotFix
from hardentui.harden.evaluate import container_subject, run
from hardentui.model.check import Parameters
from hardentui.model.facts import (
    CapabilitySets,
    ContainerFacts,
    FileChange,
    IdRange,
    ImageFacts,
    Kernel,
    Limits,
)
from hardentui.model.finding import Severity, Status
from hardentui.model.host import Capacity, HostFacts
from hardentui.model.known import Unread
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.reading.scratch import directories_of
from hardentui.reading.secrets import secret_name, secrets_in_pairs, secrets_in_words
from tests.support.judging import FAIL, NOT_APPLICABLE, PASS, UNKNOWN, fix, judge, status_of, the_check

REMOTE = Unread("the engine is on another machine")
APPARMOR_HOST = rootful(info={"host": {"security": {"apparmorEnabled": True}}})
SELINUX_HOST = rootful(info={"host": {"security": {"selinuxEnabled": True}}})


@pytest.mark.parametrize("check", ["no-memory-limit", "no-cpu-limit", "no-pids-limit"])
def test_without_a_cgroup_of_its_own_the_limits_of_a_unit_count(check: str) -> None:
    asked = ((CGROUPS, "disabled"), (CPU_SHARES, 512))
    limited = container(*asked, kernel=Kernel(7, limits=Limits(memory=64 << 20, pids=50, cpus=0.5)))
    assert status_of(check, limited) is PASS
    for kernel in (Kernel(7, limits=Limits()), Kernel(7, limits=REMOTE)):
        assert status_of(check, container(*asked, kernel=kernel)) is NOT_APPLICABLE
    assert status_of(check, container(*asked)) is NOT_APPLICABLE


def test_a_limit_of_memory_that_swap_walks_around_is_none() -> None:
    kernel = Kernel(7, limits=Limits(memory=64 << 20))
    with_swap, without = (HostFacts(capacity=Capacity(memory=8 << 30, swap=size)) for size in (1 << 30, 0))
    verdict = judge("no-memory-limit", container(kernel=kernel, host=with_swap))
    assert verdict.status is FAIL
    assert verdict.reason.startswith("memory is limited, but swap is not")
    assert verdict.effective == "memory 64 MiB, unlimited swap"
    assert status_of("no-memory-limit", container(kernel=kernel, host=without)) is PASS
    assert status_of("no-memory-limit", container(kernel=kernel)) is PASS, "nobody knows of swap"
    of_engine = rootful(info={"host": {"swapTotal": 1 << 30}})
    assert status_of("no-memory-limit", container(kernel=kernel, engine=of_engine)) is FAIL


def added(spec: Spec) -> tuple[str, ...]:
    return spec[CAP_ADD]


def live(*pairs: tuple[Any, Any], **items: Any) -> ContainerFacts:
    return container(*pairs, kernel=Kernel(812, **items))


# --- declared, effective, unknown --------------------------------------------------------------


@pytest.mark.parametrize(
    ("check_id", "good"),
    [
        ("root-user", (USER, "1001")),
        ("host-user-namespace", (USERNS, "auto")),
        ("new-privileges-allowed", (NO_NEW_PRIVILEGES, True)),
        ("no-memory-limit", (MEMORY, 1 << 20)),
        ("no-pids-limit", (PIDS_LIMIT, 100)),
        ("writable-rootfs", (READ_ONLY, True)),
        ("host-pid", (PID, "private")),
        ("default-capabilities-kept", (CAP_DROP, ("all",))),
        ("privileged", (CAP_DROP, ("all",))),
        ("seccomp-unconfined", (SECCOMP_PROFILE, "/x.json")),
        ("unmasked-system-paths", (CAP_DROP, ("all",))),
    ],
)
def test_a_good_declaration_is_no_pass_when_the_kernel_cannot_be_asked(
    check_id: str, good: tuple[Any, Any]
) -> None:
    assert status_of(check_id, container(good)) is PASS
    for kernel in (REMOTE, Kernel(812)):
        verdict = judge(check_id, container(good, kernel=kernel))
        assert verdict.status is UNKNOWN
        assert verdict.reason


@pytest.mark.parametrize(
    ("check_id", "bad"),
    [
        ("root-user", (USER, "root")),
        ("new-privileges-allowed", (NO_NEW_PRIVILEGES, False)),
        ("no-memory-limit", (MEMORY, 0)),
        ("host-pid", (PID, "host")),
        ("privileged", (PRIVILEGED, True)),
        ("host-takeover-capabilities", (CAP_ADD, ("SYS_ADMIN",))),
        ("seccomp-unconfined", (SECCOMP_PROFILE, "unconfined")),
    ],
)
def test_a_bad_declaration_fails_even_when_the_kernel_cannot_be_asked(
    check_id: str, bad: tuple[Any, Any]
) -> None:
    assert status_of(check_id, container(bad, kernel=REMOTE)) is FAIL


def test_a_capability_that_a_vendor_asks_for_counts_by_what_it_can_disturb() -> None:
    """HashiCorp's documentation asks for IPC_LOCK, chrony's for SYS_TIME."""
    assert judge("disruptive-capabilities", "--cap-add=IPC_LOCK").severity is Severity.LOW
    for others in ("SYS_TIME", "IPC_LOCK,SYS_TIME"):
        assert judge("disruptive-capabilities", container(f"--cap-add={others}")).severity is None, "its own"


def test_the_kernel_decides_and_the_difference_is_named() -> None:
    verdict = judge("new-privileges-allowed", live((NO_NEW_PRIVILEGES, True), no_new_privileges=False))
    assert verdict.status is FAIL
    assert "whatever its configuration says" in verdict.reason
    assert verdict.declared == "no-new-privileges"
    assert verdict.effective == "NoNewPrivs 0"
    assert any(e.where == "/proc/812/status" for e in verdict.evidence)
    better = judge("writable-rootfs", live(read_only_root=True))
    assert (better.status, better.effective) == (PASS, "/ is mounted ro")
    assert "configuration says otherwise" in better.reason


def test_a_container_that_does_not_run_is_judged_by_its_declaration() -> None:
    assert judge("new-privileges-allowed", "").effective == "not running"


# --- users -------------------------------------------------------------------------------------


def test_root_of_a_user_namespace_counts_less_and_root_beside_a_writable_etc_more() -> None:
    shifted = (IdRange(0, 100000, 65536),)
    inside = live(uid=100000, uid_map=shifted, host_user_namespace=False)
    verdict = judge("root-user", inside)
    assert (verdict.status, verdict.severity) == (FAIL, Severity.MEDIUM)
    assert verdict.effective == "uid 0 inside, uid 100000 on the host"
    assert judge("root-user", "").severity is Severity.HIGH
    beside = container("--volume=/etc:/e")
    assert judge("root-user", beside).severity is Severity.CRITICAL
    assert judge("root-user", container(engine=rootless())).severity is Severity.MEDIUM


def test_the_images_user_counts_when_the_container_names_none() -> None:
    image = ImageFacts("1" * 64, {"Config": {"User": "nginx"}})
    assert status_of("root-user", container(image=image, named_uid=101)) is PASS
    assert status_of("root-user", container(image=image)) is UNKNOWN, "any name can have the number 0"
    assert fix("root-user", container("--user=0", image=image)) == Spec()
    with pytest.raises(CannotFix, match="user to run as"):
        fix("root-user", "")
    assert fix("root-user", "", user="1001:1001")[USER] == "1001:1001"
    with pytest.raises(CannotFix):
        fix("root-user", "", user="0")


# --- limits ------------------------------------------------------------------------------------


def test_a_declared_limit_that_is_not_enforced_fails() -> None:
    assert status_of("no-memory-limit", live((MEMORY, 1 << 20), limits=Limits())) is FAIL
    assert status_of("no-pids-limit", live(limits=Limits())) is FAIL


# --- file system -------------------------------------------------------------------------------


def test_written_paths_become_directories_and_podmans_own_are_left_out() -> None:
    paths = ("/var", "/var/cache", "/var/cache/app/a", "/var/cache/app/b/c", "/etc", "/etc/hosts", "/run/x")
    assert directories_of(paths, Spec()) == ("/run", "/var/cache/app")
    mounted = Spec.of((MOUNTS, (Mount("volume", "d", "/var/cache/app"),)))
    assert directories_of(("/var/cache/app",), mounted) == ()


def test_a_read_only_root_gets_a_tmpfs_only_where_nothing_is_mounted() -> None:
    facts = container("--volume=data:/var/lib/app --volume=/srv/c:/conf:ro --tmpfs=/cache:size=1m")
    seen = {"written_paths": ("/var/lib/app/db", "/cache/x", "/tmp/y", "/var/log/app/z")}
    spec = fix("writable-rootfs", facts, seen)
    assert spec[READ_ONLY]
    assert spec[TMPFS] == ("/cache:size=1m", "/var/log/app:rw,noexec,nosuid,nodev,size=64m")
    assert spec[MOUNTS] == facts.spec[MOUNTS]
    without = facts.replace(spec=facts.spec.with_(READ_ONLY_TMPFS, False))
    assert any(tmpfs.startswith("/tmp:") for tmpfs in fix("writable-rootfs", without, seen)[TMPFS])


def test_a_container_that_changes_its_programs_cannot_get_a_read_only_root() -> None:
    with pytest.raises(CannotFix, match="/usr/lib/app"):
        fix("writable-rootfs", container(changes=(FileChange("/usr/lib/app/p.so", "added"),)))
    deleted = container(changes=(FileChange("/usr/lib/app/p.so", "deleted"),))
    assert fix("writable-rootfs", deleted) == Spec.of((READ_ONLY, True))


@pytest.mark.parametrize(
    ("source", "options", "severity"),
    [
        ("/", (), Severity.CRITICAL),
        ("/", ("ro",), Severity.HIGH),
        ("/etc/cron.d", (), Severity.CRITICAL),
        ("/var/../etc//", (), Severity.CRITICAL),
        ("/root/.ssh/authorized_keys", (), Severity.CRITICAL),
        ("/var/lib/containers/storage", ("ro",), Severity.HIGH),
        ("/usr", ("ro",), None),
        ("/etc/app", (), None),
        ("/etcetera", (), None),
        ("/home/anna/site", (), None),
        ("/home/anna/.ssh", ("ro",), Severity.HIGH),
    ],
)
def test_which_host_paths_are_sensitive(
    source: str, options: tuple[str, ...], severity: Severity | None
) -> None:
    facts = container((MOUNTS, (Mount("bind", source, "/x", options),)))
    verdict = judge("sensitive-host-mount", facts)
    assert (verdict.status is FAIL) == (severity is not None)
    if severity:
        assert (verdict.severity or Severity.CRITICAL) is severity


def test_a_sensitive_mount_is_made_read_only_and_never_removed() -> None:
    facts = container("--volume=/:/host:rslave --volume=d:/d")
    spec = fix("sensitive-host-mount", facts)
    assert spec[MOUNTS] == (Mount("bind", "/", "/host", ("ro", "rslave")), Mount("volume", "d", "/d"))
    with pytest.raises(CannotFix, match="secrets of the host"):
        fix("sensitive-host-mount", facts.planned(spec))


def test_read_only_does_not_help_against_an_engine_socket_and_directories_are_not_removed() -> None:
    socket = Mount("bind", "/run/podman/podman.sock", "/s", ("ro",))
    data = Mount("bind", "/srv", "/srv")
    facts = container((MOUNTS, (socket, data)))
    assert status_of("mounted-engine-socket", facts) is FAIL
    assert fix("mounted-engine-socket", facts)[MOUNTS] == (data,)
    with pytest.raises(CannotFix):
        fix("mounted-engine-socket", "--volume=/run:/r")


def test_relabelling_is_unknown_when_nobody_knows_how_it_was_made() -> None:
    facts = container(
        "--volume=/etc:/e:ro",
        kernel=Kernel(8, lsm_label="system_u:system_r:container_t:s0:c1,c2"),
        inspect={"Config": {"CreateCommand": None}},
    )
    assert status_of("relabelled-system-directory", facts) is UNKNOWN
    harmless = facts.replace(spec=Spec.of((MOUNTS, (Mount("bind", "/srv/w", "/w"),))))
    assert status_of("relabelled-system-directory", harmless) is PASS


# --- SELinux and AppArmor ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("containers-default-0.62.2//&crun (mixed)", PASS),
        ("containers-default-0.62.2 (enforce)", PASS),
        ("crun (unconfined)", FAIL),
        ("unconfined", FAIL),
    ],
)
def test_an_unconfined_or_complaining_apparmor_label_fails(label: str, expected: Status) -> None:
    facts = container(engine=APPARMOR_HOST, kernel=Kernel(8, lsm_label=label))
    assert status_of("apparmor-unconfined", facts) is expected
    assert status_of("apparmor-unconfined", facts.replace(engine=rootless())) is NOT_APPLICABLE


@pytest.mark.parametrize("option", [PID, IPC])
def test_host_namespaces_switch_selinux_off_in_silence(option: Any) -> None:
    facts = container((option, "host"), engine=SELINUX_HOST)
    assert status_of("selinux-disabled", facts) is FAIL
    with pytest.raises(CannotFix, match=f"{option.flag}=host"):
        fix("selinux-disabled", facts)
    typed = container((option, "host"), (LABEL_TYPE, "web.process"), engine=SELINUX_HOST)
    assert status_of("selinux-disabled", typed) is PASS


# --- capabilities ------------------------------------------------------------------------------


def test_a_non_root_user_without_effective_capabilities_still_has_a_bounding_set() -> None:
    sets = CapabilitySets(bounding=DEFAULT_CAPABILITIES)
    assert status_of("default-capabilities-kept", live((USER, "1001"), capabilities=sets)) is FAIL


def test_null_bounding_caps_of_inspect_mean_none() -> None:
    facts = container(
        "--cap-drop=all", inspect={"BoundingCaps": None}, kernel=Kernel(8, capabilities=CapabilitySets())
    )
    assert status_of("capabilities-beyond-declared", facts) is PASS
    more = CapabilitySets(bounding=frozenset({"CAP_KILL"}))
    assert status_of("capabilities-beyond-declared", facts.replace(kernel=Kernel(8, capabilities=more))) is (
        FAIL
    )


def test_dropping_keeps_what_was_added_and_what_a_trial_saw() -> None:
    facts = container("--cap-add=NET_RAW")
    seen = fix("default-capabilities-kept", facts, {"capabilities": ("CHOWN", "cap_setuid", "SYS_ADMIN")})
    dropped: tuple[str, ...] = seen[CAP_DROP]
    assert dropped == ("all",)
    assert set(added(seen)) == {"CAP_CHOWN", "CAP_SETUID", "CAP_NET_RAW"}  # never one it did not have
    guess = fix("default-capabilities-kept", "")
    assert set(added(guess)) == {
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_SETGID",
        "CAP_SETUID",
        "CAP_NET_BIND_SERVICE",
    }
    unable = fix("default-capabilities-kept", "--user=1001 --security-opt=no-new-privileges")
    assert unable[CAP_ADD] == ()
    with pytest.raises(CannotFix):
        fix("default-capabilities-kept", "", {"capabilities": tuple(DEFAULT_CAPABILITIES)})


def test_only_the_dangerous_capabilities_are_taken_away() -> None:
    spec = fix("host-takeover-capabilities", "--cap-add=SYS_ADMIN --cap-add=NET_RAW")
    assert spec == Spec.of((CAP_ADD, ("NET_RAW",)))


def test_user_namespaces_take_a_step_off_the_severity() -> None:
    check = the_check("host-takeover-capabilities")
    for engine, expected in ((rootful(), Severity.CRITICAL), (rootless(), Severity.HIGH)):
        facts = container("--cap-add=SYS_ADMIN", engine=engine)
        finding = run(facts, container_subject(facts), [(check, Parameters(check.parameters))])[0]
        assert finding.severity is expected


def test_privileged_shows_no_devices_no_seccomp_and_no_masks_and_still_fails_all_of_them() -> None:
    facts = container("--privileged", inspect={"HostConfig": {"SecurityOpt": ["unmask=all"], "Devices": []}})
    failing = (
        "privileged",
        "host-devices",
        "seccomp-unconfined",
        "unmasked-system-paths",
        "open-device-cgroup",
        "host-takeover-capabilities",
        "disruptive-capabilities",
        "default-capabilities-kept",
        "docker-default-capabilities",
    )
    for check_id in failing:
        assert status_of(check_id, facts) is FAIL, check_id
    after = facts.planned(fix("privileged", facts))
    for check_id in failing:
        expected = FAIL if check_id == "default-capabilities-kept" else PASS
        assert status_of(check_id, after) is expected, check_id


def test_the_rights_of_a_privileged_container_by_other_means() -> None:
    takeover = frozenset(
        f"CAP_{name}"
        for name in ("SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE", "DAC_READ_SEARCH", "BPF")
    ) | {"CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE"}
    facts = live(capabilities=CapabilitySets(bounding=takeover), seccomp_mode=0)
    assert status_of("privileged", facts) is FAIL
    assert status_of("privileged", live(capabilities=CapabilitySets(), seccomp_mode=0)) is PASS


@pytest.mark.parametrize(
    ("device", "severity"),
    [
        ("/dev/nvme0n1", Severity.CRITICAL),
        ("/dev/mem", Severity.CRITICAL),
        ("/dev/kmsg", Severity.HIGH),
        ("/dev/kvm", Severity.MEDIUM),
        ("vendor.com/gpu=0", Severity.MEDIUM),
    ],
)
def test_each_device_has_its_severity_and_can_be_allowed(device: str, severity: Severity) -> None:
    from hardentui.options import DEVICES

    assert judge("host-devices", container((DEVICES, (f"{device}:{device}:rwm",)))).severity is severity
    assert status_of("host-devices", container((DEVICES, (device,))), allowed=(device,)) is PASS


# --- secrets -----------------------------------------------------------------------------------

PASSWORD = "correct-horse-battery"


def test_no_value_of_a_secret_is_ever_part_of_an_answer() -> None:
    hostile = f"{PASSWORD}\x1b[2J"
    facts = container(
        (ENV, (f"DB_PASSWORD={hostile}", f"http_proxy=http://a:{PASSWORD}@p", f"\x1b[31mTOKEN={PASSWORD}")),
        (COMMAND, ("run", "--password", hostile)),
        (SECRETS, ("db,type=env",)),
        inspect={
            "Config": {
                "Env": [f"X_TOKEN={PASSWORD}"],
                "CreateCommand": ["podman", "--creds", f"u:{PASSWORD}"],
            }
        },
    )
    for check_id in (
        "plaintext-secret-env",
        "secret-on-command-line",
        "loose-secret",
        "leaking-host-environment",
    ):
        verdict = judge(check_id, facts)
        assert verdict.status is FAIL, check_id
        assert PASSWORD not in repr(verdict)
        assert "\x1b" not in "".join((verdict.reason, verdict.declared, *verdict.commands))
    assert judge("secret-on-command-line", facts).evidence[-1].saw == "--creds ********"


def test_variables_of_the_host_go_and_those_given_by_name_stay() -> None:
    command = ["podman", "run", "--env-host", "--env", "TZ=UTC", "img"]
    facts = container(
        "--env=TZ=UTC --env=SHLVL=1 --env=AWS_PROFILE=work", inspect={"Config": {"CreateCommand": command}}
    )
    assert status_of("leaking-host-environment", facts) is FAIL
    assert fix("leaking-host-environment", facts)[ENV] == ("TZ=UTC",)


PLAIN_HOST = rootful(info={"host": {"security": {"selinuxEnabled": False, "apparmorEnabled": False}}})
_TWO_PROCESSORS = HostFacts(capacity=Capacity(processors=2))


def test_a_weight_limits_no_container_that_has_a_cpu_for_itself() -> None:
    """Tried in tests/host/test_limits_v2.py, also with weights of units."""
    for kernel in (None, Kernel(7, limits=Limits())):
        weighted = container("--cpu-shares=2", host=_TWO_PROCESSORS, kernel=kernel)
        verdict = judge("no-cpu-limit", weighted)
        assert verdict.status is FAIL
        assert verdict.reason == "can use all CPUs of the host; its weight is no limit"
        changed = fix("no-cpu-limit", weighted, cpus="1.5")
        assert (changed[CPU_SHARES], changed[CPUS]) == (2, 1.5)


_PROCESSORS = [(1, PASS), (2, FAIL), (None, FAIL)]


@pytest.mark.parametrize(("processors", "expected"), _PROCESSORS)
def test_the_cgroup_says_how_many_cpus_there_are_whoever_confined_it(
    processors: int | None, expected: Status
) -> None:
    kernel = Kernel(7, limits=Limits(processors=processors))
    assert status_of("no-cpu-limit", container(kernel=kernel, host=_TWO_PROCESSORS)) is expected
    asked = container("--cpuset-cpus=0", kernel=kernel, host=_TWO_PROCESSORS)
    assert status_of("no-cpu-limit", asked) is expected
    assert status_of("no-cpu-limit", container(kernel=kernel)) is FAIL, "of how many, nobody knows"


def test_a_uid_outside_its_map_is_unknown() -> None:
    assert status_of("root-user", live((USER, "5"), uid=5, uid_map=(IdRange(0, 100000, 10),))) is UNKNOWN


def test_private_userns_without_options_is_seen_in_inspect_where_the_option_is_unknowable() -> None:
    hidden = Spec({}, frozenset({USERNS}))
    facts = container().replace(spec=hidden, inspect={"HostConfig": {"UsernsMode": "private"}})
    assert status_of("host-user-namespace", facts) is PASS


def test_members_of_pods_get_no_user_namespace_of_their_own() -> None:
    with pytest.raises(CannotFix, match="pod"):
        fix("host-user-namespace", "--pod=web")
    with pytest.raises(CannotFix, match="shares"):
        fix("host-user-namespace", "--ipc=container:db")


def test_an_exec_session_that_could_not_be_looked_at_is_unknown() -> None:
    facts = container("--user=5", kernel=Kernel(8), inspect={"ExecIDs": ["ab"]})
    assert status_of("root-exec-session", facts) is UNKNOWN
    root_inside = facts.replace(exec_sessions=({"ID": "ab", "ProcessConfig": {"user": "root"}},))
    assert status_of("root-exec-session", root_inside) is FAIL
    looked = root_inside.replace(kernel=Kernel(8, entered=()))
    assert status_of("root-exec-session", looked.replace(spec=Spec())) is PASS
    unseen = root_inside.replace(spec=Spec(), kernel=Kernel(8, entered=Unread("no permission")))
    assert status_of("root-exec-session", unseen) is UNKNOWN


def test_limits_of_the_unit_above_the_container_count() -> None:
    facts = live(limits=Limits(memory=256 << 20, pids=100, cpus=1.5))
    for check_id in ("no-memory-limit", "no-cpu-limit", "no-pids-limit"):
        assert status_of(check_id, facts) is PASS
    assert judge("no-memory-limit", facts).effective == "memory 256 MiB"


def test_podmans_own_pids_limit_is_a_limit() -> None:
    assert status_of("no-pids-limit", "") is PASS
    assert status_of("no-pids-limit", "", highest=1000) is FAIL


def test_a_memory_limit_is_not_set_below_the_reservation() -> None:
    assert fix("no-memory-limit", "--memory-reservation=1g")[MEMORY] == 1 << 30
    with pytest.raises(CannotFix):
        fix("no-memory-limit", "", memory="lots")


def test_lsm_checks_do_not_guess_which_module_a_host_has() -> None:
    for check_id in ("selinux-disabled", "apparmor-unconfined"):
        assert status_of(check_id, "--security-opt=label=disable") is UNKNOWN
        facts = container("--security-opt=label=disable", engine=PLAIN_HOST)
        assert status_of(check_id, facts) is NOT_APPLICABLE


def test_selinux_label_of_the_process_decides() -> None:
    confined = live((LABEL_DISABLE, True), lsm_label="system_u:system_r:container_t:s0:c1,c2")
    assert status_of("selinux-disabled", confined) is PASS
    open_ = live(lsm_label="unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023")
    assert status_of("selinux-disabled", open_) is FAIL


@pytest.mark.parametrize(
    "facts",
    [
        live(lsm_label="unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"),
        live((PRIVILEGED, True), lsm_label="system_u:system_r:spc_t:s0"),
        container("--privileged", engine=SELINUX_HOST),
        container("--pid=host", engine=SELINUX_HOST),
    ],
)
def test_categories_say_nothing_of_what_selinux_does_not_confine(facts: ContainerFacts) -> None:
    assert status_of("selinux-disabled", facts) is FAIL
    assert status_of("shared-mcs-categories", facts) is NOT_APPLICABLE


def test_an_inheritable_set_that_nobody_asked_for_is_reported() -> None:
    kill = frozenset({"CAP_KILL"})
    sets = CapabilitySets(bounding=kill, inheritable=kill)
    assert status_of("capabilities-beyond-declared", live(capabilities=sets)) is FAIL
    assert status_of("capabilities-beyond-declared", live((CAP_ADD, ("KILL",)), capabilities=sets)) is PASS


def test_podman_narrows_the_set_to_what_the_image_says() -> None:
    image = ImageFacts("1" * 64, {"Config": {"Labels": {"io.containers.capabilities": "SETUID,SETGID"}}})
    assert status_of("default-capabilities-kept", container(image=image)) is PASS
    assert status_of("unneeded-capabilities", container(image=image)) is PASS
    assert status_of("unneeded-capabilities", "") is UNKNOWN
    silent = container(image=ImageFacts("1" * 64))
    assert status_of("unneeded-capabilities", silent) is NOT_APPLICABLE


def test_a_filter_of_the_program_does_not_replace_podmans() -> None:
    verdict = judge("seccomp-unconfined", live((SECCOMP_PROFILE, "unconfined"), seccomp_mode=2))
    assert verdict.status is FAIL
    assert "not Podman's" in verdict.effective
    assert status_of("seccomp-unconfined", live(seccomp_mode=0)) is FAIL


def test_options_that_no_source_shows_are_unknown() -> None:
    for check_id, option in (("unsafe-sysctls", SYSCTL), ("unmasked-system-paths", UNMASK)):
        facts = container().replace(spec=Spec({}, frozenset({option})))
        assert status_of(check_id, facts) is UNKNOWN
    masked = Kernel(8, masked_paths=frozenset({"/proc/kcore", "/proc/sys"}), mounts=())
    seen = container(kernel=masked).replace(spec=Spec({}, frozenset({UNMASK})))
    assert status_of("unmasked-system-paths", seen) is PASS
    bare = seen.replace(kernel=Kernel(8, masked_paths=frozenset({"/sys/fs/cgroup"})))
    assert status_of("unmasked-system-paths", bare) is FAIL


def test_a_profile_nobody_read_is_unknown() -> None:
    facts = container("--security-opt=seccomp=/x.json")
    assert status_of("weak-seccomp-profile", facts) is UNKNOWN
    assert status_of("seccomp-profile-file-unsafe", facts) is UNKNOWN


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "dbPassword", "API_KEY", "apiKey", "GITHUB_TOKEN", "SMTP_PASS", "SECRET_KEY_BASE"]
)
def test_names_of_credentials(name: str) -> None:
    assert secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD_FILE",
        "PASSWORD_MIN_LENGTH",
        "TOKEN_TTL",
        "TOKENIZER",
        "PWD",
        "PUBLIC_KEY",
        "no-password",
        "",
    ],
)
def test_names_that_only_speak_of_credentials(name: str) -> None:
    assert not secret_name(name)


def test_values_that_are_credentials_by_shape() -> None:
    pairs = (
        f"A=postgres://shop:{PASSWORD}@db/shop",
        "B=-----BEGIN OPENSSH PRIVATE KEY-----",
        "C=AKIAABCDEFGHIJKLMNOP",
        f"D=Server=db;Password={PASSWORD};",
    )
    assert [name for name, _ in secrets_in_pairs(pairs)] == ["A", "B", "C", "D"]
    harmless = ("A=postgres://shop:${PW}@db/x", "DB_PASSWORD=*******", "X_TOKEN=/run/secrets/x", "Y_TOKEN=")
    assert secrets_in_pairs(harmless) == ()


def test_credentials_on_command_lines() -> None:
    words = ("mysql", f"-p{PASSWORD}", "--token", PASSWORD, f"--api-key={PASSWORD}", "--password-file", "/f")
    secrets = secrets_in_words(words)
    assert len(secrets) == 3
    assert not any(PASSWORD in text for text in secrets)


def test_an_engine_secret_as_a_variable_is_seen_where_inspect_hides_its_name() -> None:
    spec = Spec({}, frozenset({SECRETS}))
    facts = container().replace(spec=spec, inspect={"Config": {"Env": ["DB=*******", "TZ=UTC"]}})
    assert status_of("loose-secret", facts) is FAIL
    assert status_of("loose-secret", facts.replace(inspect={})) is UNKNOWN


def test_a_secret_goes_to_the_user_of_the_process() -> None:
    spec = fix("loose-secret", "--secret=db,type=mount,mode=0444 --user=1001:5")
    assert spec[SECRETS] == ("db,type=mount,uid=1001,mode=0400",)
    with pytest.raises(CannotFix, match="UID of user nginx"):
        fix("loose-secret", "--secret=db,type=mount --user=nginx")


def test_the_user_that_podman_puts_into_group_0_is_declared() -> None:
    kernel = Kernel(7, uid=1000, gid=0, groups=())
    verdict = judge("dangerous-supplementary-groups", container("--user=1000", kernel=kernel))
    assert (verdict.status, verdict.declared) == (FAIL, "user 1000")


def test_a_pod_that_shares_its_process_namespace_is_not_called_private() -> None:
    for shared, declared in ((["pid", "net"], "pid of its pod"), (["net"], "pid private")):
        facts = container(pod={"SharedNamespaces": shared})
        assert judge("host-pid", facts).declared == declared
