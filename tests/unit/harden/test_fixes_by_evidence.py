"""What was seen of a container decides what a fix does, whether it is refused, and how safe it is."""

from datetime import UTC, datetime, timedelta

import pytest

from hardentui.checks.prelude import image
from hardentui.do import said as sentence
from hardentui.features.checklists.known_checks import find_check
from hardentui.features.checklists.loading import load
from hardentui.harden.plan import fixable, left_out
from hardentui.model.plan import Caution
from tests.support.judging import *

CHECKLIST = load()
CHECKS = tuple(find_check(check) for step in CHECKLIST.steps for check in step.checks)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOST_IDS = (IdRange(0, 0, 4294967295),)
PORT_80 = SocketEndpoint("tcp", "0.0.0.0", 80)
AS_33 = Choice("root-user", (("user", "33:33"),))


def plan(facts: ContainerFacts, *fixes: str | Choice) -> Plan:
    return make_plan(
        facts, [fix if isinstance(fix, Choice) else Choice(fix) for fix in fixes], CHECKS, CHECKLIST
    )


def said(made: Plan) -> str:
    return "\n".join(
        [
            *(note.text for note in made.notes),
            *map(str, made.skipped),
        ]
    )


def kernel(**over: Any) -> Kernel:
    return Kernel(
        7,
        **{"uid": 0, "gid": 0, "uid_map": HOST_IDS, "gid_map": HOST_IDS, **over},
    )


def running(
    *pairs: tuple[Any, Any],
    hours: float = 5,
    seen: Kernel | None = None,
    **over: Any,
) -> ContainerFacts:
    started = (NOW - timedelta(hours=hours)).isoformat()
    inspect = {
        "State": {"StartedAt": started},
        **over.pop("inspect", {}),
    }
    return container(
        *pairs,
        kernel=seen or kernel(),
        inspect=inspect,
        now=NOW,
        **over,
    )


# --- how safe a fix is ----------------------------------------------------------------------------


@pytest.mark.parametrize("peak", [100 << 20, 2 << 30, None])
@pytest.mark.parametrize("check", ["no-memory-limit", "no-pids-limit"])
def test_no_observation_makes_a_limit_likely(peak: int | None, check: str) -> None:
    """What load or a yearly job needs was not seen, however long it ran."""
    facts = running(
        (PIDS_LIMIT, -1),
        hours=500,
        seen=kernel(limits=Limits(memory_peak=peak)),
    )
    likely = {choice.check for choice in fixable(facts, CHECKS, CHECKLIST, Caution.LIKELY)}
    assert check not in likely


@pytest.mark.parametrize(
    ("files", "risk"),
    [
        ((), Risk.SAFE),
        (
            (ImageFile("/usr/bin/su", "setuid root", 1),),
            Risk.MAY_BREAK,
        ),
    ],
)
def test_no_new_privileges_is_safe_where_no_program_could_gain_any(
    files: Any,
    risk: Risk,
) -> None:
    image = ImageFacts("1" * 64, inventory=ImageInventory(privileged_files=files))
    made = plan(running(image=image), "new-privileges-allowed")
    assert made.risks == {"new-privileges-allowed": risk}
    assert ("/usr/bin/su" in said(made)) is bool(files)


def test_safe_is_a_part_of_likely_and_likely_of_all_and_the_rest_is_told() -> None:
    facts = running(
        (PUBLISH, (Port(80, "8080"),)),
        seen=kernel(limits=Limits(memory_peak=1 << 20)),
    )
    chosen = {
        caution: {choice.check for choice in fixable(facts, CHECKS, CHECKLIST, caution)}
        for caution in Caution
    }
    assert chosen[Caution.SAFE] <= chosen[Caution.LIKELY] < chosen[Caution.ALL]
    made = plan(facts, *chosen[Caution.LIKELY])
    assert Risk.MAY_BREAK not in made.risks.values()
    rest = left_out(facts, made, CHECKS, CHECKLIST)
    assert chosen[Caution.ALL] - chosen[Caution.LIKELY] <= {skipped.check for skipped in rest}
    assert all(skipped.why for skipped in rest)
    assert {skipped.included_by for skipped in rest if skipped.check in chosen[Caution.ALL]} == {
        Caution.ALL
    }


# --- users, ports, directories --------------------------------------------------------------------


def test_a_low_port_on_a_network_of_its_own_needs_no_capability() -> None:
    made = plan(
        running(seen=kernel(listening=(PORT_80,))),
        AS_33,
        "default-capabilities-kept",
    )
    assert made.after[SYSCTL] == ("net.ipv4.ip_unprivileged_port_start=80",)
    assert made.after[CAP_ADD] == ()


def test_a_new_user_gets_its_volumes_and_is_told_of_directories_of_the_host() -> None:
    mounts = (
        Mount("volume", "data", "/data"),
        Mount("bind", "/srv/www", "/www"),
    )
    made = plan(running((MOUNTS, mounts), owners={"/www": (0, 0)}), AS_33)
    assert [mount.options for mount in made.after[MOUNTS]] == [("U",), ()]
    assert (
        "change the owner of the files it writes in /srv/www (owned by UID 0) on the host"
        in said(made)
    )


@pytest.mark.parametrize(
    ("options", "owner", "is_kept"),
    [
        ((), 999, True),
        (("ro",), 999, False),
        ((), 0, False),
        ((), 1000, False),
    ],
    ids=["its user's", "read-only", "root's", "somebody else's"],
)
def test_a_root_that_prepares_the_directory_of_its_user_keeps_what_that_takes(
    options: tuple[str, ...],
    owner: int,
    is_kept: bool,
) -> None:
    facts = running(
        (MOUNTS, (Mount("volume", "data", "/data", options),)),
        seen=kernel(
            processes=(
                Process(
                    7,
                    "postgres",
                    "/usr/bin/postgres",
                    999,
                ),
            )
        ),
        owners={"/data": (owner, owner)},
    )
    made = plan(facts, "default-capabilities-kept")
    assert ("CAP_FOWNER" in made.after[CAP_ADD]) is is_kept
    assert ("/data belongs to UID 999 (postgres)" in said(made)) is is_kept
    ordinary = plan(
        facts.replace(spec=facts.spec.with_(USER, "999")),
        "default-capabilities-kept",
    )
    assert "CAP_FOWNER" not in ordinary.after[CAP_ADD]


@pytest.mark.parametrize("server", ["sshd", "in.tftpd"])
def test_what_a_server_uses_only_for_a_connection_is_known(server: str) -> None:
    seen = kernel(processes=(Process(7, server, f"/usr/sbin/{server}", 0),))
    made = plan(running(seen=seen), "default-capabilities-kept")
    assert "CAP_SYS_CHROOT" in made.after[CAP_ADD]
    assert f"{server} uses it for each connection, so SYS_CHROOT is kept" in said(made)


def writable(made: Plan) -> list[str]:
    """The directories that a plan keeps writable."""
    tmpfs = [entry.partition(":")[0] for entry in made.after[TMPFS]]
    return [
        *tmpfs,
        *(mount.destination for mount in made.after[MOUNTS]),
    ]


IN_CACHE = FileChange("/cache/x", "added", False)
CACHE = FileChange("/opt/app/cache", "modified", True)
RUNS = kernel(processes=(Process(7, "run", "/opt/app/run", 0),))


@pytest.mark.parametrize(
    ("changes", "directories"),
    [
        ((CACHE,), ["/opt/app/cache"]),
        (
            (FileChange("/opt/app/cache", "added", True),),
            ["/opt/app/cache"],
        ),
        (
            (FileChange("/opt/app/cache/x", "added", False),),
            ["/opt/app/cache"],
        ),
        ((FileChange("/tmp", "modified", True),), []),
        (
            (FileChange("/var/lib/nginx/body", "added", True),),
            ["/var/lib/nginx"],
        ),
    ],
    ids=["came and went", "made beside the program", "written", "tmp", "made"],
)
def test_a_directory_that_changed_is_the_one_that_stays_writable(
    changes: tuple[FileChange, ...],
    directories: list[str],
) -> None:
    made = plan(running(seen=RUNS, changes=changes), "writable-rootfs")
    assert made.after[READ_ONLY]
    assert writable(made) == directories
    assert made.risks == {"writable-rootfs": Risk.MAY_BREAK}, "an upgrade may write elsewhere"


@pytest.mark.parametrize(
    ("change", "of_image", "entry"),
    [
        (
            FileChange(
                "/cache/x",
                "added",
                False,
                1 << 10,
            ),
            0,
            "/cache:rw,noexec,nosuid,nodev,size=64m",
        ),
        (
            FileChange(
                "/cache/log",
                "added",
                False,
                80 << 20,
            ),
            0,
            "/cache:rw,noexec,nosuid,nodev,size=256m",
        ),
        (
            FileChange("/cache/x", "added", False),
            100 << 20,
            "/cache:rw,noexec,nosuid,nodev,size=128m",
        ),
        (
            FileChange(
                "/cache/x.so",
                "added",
                False,
                10,
                True,
            ),
            0,
            "/cache:rw,nosuid,nodev,size=64m",
        ),
    ],
    ids=["little", "much is written", "much of the image", "a program"],
)
def test_a_tmpfs_takes_what_is_there_and_lets_run_what_it_made(
    change: FileChange,
    of_image: int,
    entry: str,
) -> None:
    made = plan(
        running(
            changes=(change,),
            written_directories={"/cache": WrittenDirectory(of_image)},
        ),
        "writable-rootfs",
    )
    assert made.after[TMPFS] == (entry,)


@pytest.mark.parametrize("of_image", [None, 1 << 30])
def test_a_directory_with_more_than_memory_should_hold_becomes_a_volume(
    of_image: int | None,
) -> None:
    made = plan(
        running(
            changes=(IN_CACHE,),
            written_directories={"/cache": WrittenDirectory(of_image)},
        ),
        "writable-rootfs",
    )
    assert made.after[TMPFS] == ()
    assert writable(made) == ["/cache"]
    assert "files of the image in /cache stay as they are now" in said(made)


@pytest.mark.parametrize(
    ("user", "directory", "access", "told"),
    [
        ("", WrittenDirectory(0), "", ""),
        ("", WrittenDirectory(0, mode=0o1777), ",mode=1777", ""),
        (
            "",
            WrittenDirectory(0, 33, 33),
            ",mode=1777",
            "/cache belongs to UID 33 and GID 33",
        ),
        (
            "",
            WrittenDirectory(0, 0, 8, 0o2775),
            ",mode=1777",
            "/cache belongs to UID 0 and GID 8",
        ),
        ("1234", WrittenDirectory(0, 1234, 0), ",U", ""),
        (
            "1234",
            WrittenDirectory(0, 1234, 0, 0o700),
            ",mode=0700,U",
            "",
        ),
        ("1234", WrittenDirectory(0, 0, 0), "", ""),
    ],
)
def test_who_may_write_to_a_directory_may_write_to_its_tmpfs(
    user: str,
    directory: WrittenDirectory,
    access: str,
    told: str,
) -> None:
    """Podman makes a tmpfs root's, whoever the directory of the image belongs to (measured: crun
    1.21)."""
    facts = running(
        (USER, user),
        changes=(IN_CACHE,),
        written_directories={"/cache": directory},
    )
    made = plan(facts, "writable-rootfs")
    assert made.after[TMPFS] == (f"/cache:rw,noexec,nosuid,nodev,size=64m{access}",)
    assert told in said(made)
    assert bool(told) == ("every user in the container can write there" in said(made))


@pytest.mark.parametrize(
    ("directory", "covered"),
    [
        (WrittenDirectory(0, 0, 101, 0o775), True),
        (WrittenDirectory(0, 101, 101), True),
        (WrittenDirectory(5000, 101, 101), False),
        (WrittenDirectory(0, 0, 0), False),
    ],
    ids=["of its group", "its own", "with files of the image", "of root"],
)
def test_an_empty_directory_where_a_worker_works_is_there_to_be_written_to(
    directory: WrittenDirectory,
    covered: bool,
) -> None:
    """BIND starts only where it could write to its working directory, and writes there hours later."""
    named = Process(
        8,
        "named",
        "/usr/sbin/named",
        101,
        directory="/var/cache/bind",
    )
    facts = running(
        seen=kernel(processes=(named,)),
        changes=(),
        written_directories={"/var/cache/bind": directory},
    )
    made = plan(facts, "writable-rootfs")
    assert [mount.partition(":")[0] for mount in made.after[TMPFS]] == ["/var/cache/bind"] * covered
    assert ("named runs in /var/cache/bind" in said(made)) == covered
    assert "nothing was written outside volumes" in said(made)


# --- networks and ports ---------------------------------------------------------------------------


SUBNET = NetworkFacts("podman", {"subnets": [{"subnet": "10.88.0.0/16"}]})


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("192.0.2.9", True),
        ("::ffff:192.0.2.9", True),
        ("10.88.0.1", False),
        ("127.0.0.1", False),
    ],
)
@pytest.mark.parametrize(
    "check",
    ["wildcard-port", "unfirewalled-port", "exposed-admin-port"],
)
def test_one_rule_for_all_that_bind_a_port(
    check: str,
    address: str,
    outside: bool,
) -> None:
    chain = {
        "family": "inet",
        "table": "f",
        "name": "input",
        "type": "filter",
        "hook": "input",
    }
    rules = ({"chain": {**chain, "policy": "drop"}},)
    host = HostFacts(
        firewall=replace(
            HostFacts().firewall,
            rules=rules,
            outside=("eth0",),
        )
    )
    port = (PUBLISH, (Port(6379, "6379"),))
    socket = SocketEndpoint("tcp", "0.0.0.0", 6379)
    seen = kernel(
        listening=(socket,),
        clients=(Client(6379, address),),
    )
    facts = running(
        port,
        seen=seen,
        host=host,
        networks={"podman": SUBNET},
    )
    made = plan(facts, check)
    assert bool(made.skipped) is outside
    if outside:
        assert made.skipped[0].needs == "address"
        assert "192.0.2.9 is connected to port 6379" in made.skipped[0].why
    else:
        assert made.after[PUBLISH][0].address == "127.0.0.1"
    chosen = plan(facts, Choice(check, (("address", "127.0.0.1"),)))
    assert chosen.after[PUBLISH][0].address == "127.0.0.1", "who names the address has decided"


# --- volumes and namespaces -----------------------------------------------------------------------


DATA = (MOUNTS, (Mount("volume", "data", "/data"),))
CRUN = {"OCIRuntime": "crun"}


@pytest.mark.parametrize(
    ("kind", "release", "runtime", "why"),
    [
        ("ext4", "6.1.0-9", CRUN, ""),
        ("tmpfs", "6.1.0-9", CRUN, "this kernel cannot map tmpfs at /data"),
        ("nfs4", "6.18.1", CRUN, "this kernel cannot map nfs4 at /data"),
        ("ext4", "5.10.0-1", CRUN, "this kernel cannot"),
        (
            "ext4",
            "6.1.0",
            {"OCIRuntime": "kata"},
            "the runtime kata",
        ),
        ("ext4", "", CRUN, "it is not known whether this kernel can"),
    ],
)
def test_a_user_namespace_keeps_the_owners_of_volumes_or_is_refused(
    kind: str,
    release: str,
    runtime: dict[str, str],
    why: str,
) -> None:
    seen = kernel(
        host_user_namespace=True,
        mounts=(KernelMount("/data", kind, "rw"),),
    )
    facts = running(
        DATA,
        seen=seen,
        host=HostFacts(kernel=release),
        inspect=runtime,
    )
    made = plan(facts, "host-user-namespace")
    if why:
        assert why in said(made)
        assert USERNS not in made.after
    else:
        assert (made.after[USERNS], made.after[MOUNTS][0].options) == (
            "auto:size=65536",
            ("idmap",),
        )


def test_whoever_starts_as_root_may_become_nobody() -> None:
    """Podman leaves nobody (65534) out of the users that it sizes a namespace by (measured: 5.4)."""
    made = plan(running(), "host-user-namespace")
    assert made.after[USERNS] == "auto:size=65536"
    assert "root may become nobody (65534)" in said(made)
    assert plan(running((USER, "1001")), "host-user-namespace").after[USERNS] == "auto"


# --- one decision ---------------------------------------------------------------------------------


NGINX = (IMAGE, "docker.io/library/nginx:latest")
PINNABLE = {"ImageDigest": "sha256:" + "5f" * 32}
CHECKED = (HEALTH_CMD, "curl -fsS http://localhost/")


def test_a_digest_and_updates_are_one_decision() -> None:
    timer = rootful(auto_update_timer=True)
    pulled = image(inspect={"RepoDigests": [f"docker.io/library/nginx@{PINNABLE['ImageDigest']}"]})
    facts = container(
        NGINX,
        CHECKED,
        inspect=PINNABLE,
        image=pulled,
        engine=timer,
    )
    both = plan(facts, "no-update-path", "mutable-image-tag")
    assert both.after[IMAGE] == pulled.inspect["RepoDigests"][0]
    assert "pinned by digest, so it is never updated" in said(both)
    everything = make_plan(
        facts,
        fixable(facts, CHECKS, CHECKLIST),
        CHECKS,
        CHECKLIST,
    )
    chosen = {choice.check for choice in everything.choices}
    assert "no-update-path" not in chosen, "whether it updates itself is its owner's decision"
    assert not any(
        " fail" in note.text for note in everything.notes if note.check.startswith("update")
    )


@pytest.mark.parametrize(
    ("pairs", "timer", "why"),
    [
        ((), True, "without a health check"),
        ((CHECKED,), False, "the update timer is not active"),
    ],
)
def test_updates_are_not_switched_on_where_they_would_do_harm_or_nothing(
    pairs: tuple[Any, ...],
    timer: bool,
    why: str,
) -> None:
    plain = ImageFacts("1" * 64, {"Config": {}})
    facts = container(
        NGINX, *pairs, image=plain, inspect=PINNABLE, engine=rootful(auto_update_timer=timer)
    )
    made = plan(facts, "no-update-path")
    assert made.after[LABELS] == ()
    assert why in said(made)


@pytest.mark.parametrize(
    ("enabled", "text"),
    [
        (True, "podman-restart.service is enabled"),
        (False, "podman-restart.service is not enabled"),
        (Unread("no"), "no longer starts it at boot, if it does now"),
    ],
)
def test_whether_it_comes_back_after_a_reboot_is_told(
    enabled: Any,
    text: str,
) -> None:
    made = plan(
        container("--restart=always", host=HostFacts(restarts_at_boot=enabled)), "unbraked-restart"
    )
    assert text in said(made)
    assert made.risks == {"unbraked-restart": Risk.DECISION}


@pytest.mark.parametrize(
    "check", ["default-capabilities-kept", "seccomp-unconfined", "apparmor-unconfined"]
)
def test_what_privileged_mode_stands_in_the_way_of_says_how_to_fix_both(check: str) -> None:
    engine = rootful(info={"host": {"security": {"apparmorEnabled": True}}})
    facts = container("--privileged", engine=engine)
    alone = plan(facts, check)
    assert alone.changes == ()
    assert "Fix both at once, with privileged" in said(alone)
    assert "--check" not in said(alone), "a screen has keys"
    (skipped,) = alone.skipped
    assert "(--check privileged)" in sentence(skipped.hint, with_flags=True)


def test_what_its_processes_use_is_kept_and_the_rest_of_the_guess_is_told() -> None:
    everything = CapabilitySets(*(DEFAULT_CAPABILITIES,) * 4)
    worker = CapabilitySets(
        permitted=frozenset({"CAP_FOWNER"}), bounding=DEFAULT_CAPABILITIES - {"CAP_SETFCAP"}
    )
    processes = (
        Process(
            7,
            "haproxy",
            "/usr/sbin/haproxy",
            0,
            everything,
        ),
        Process(
            8,
            "haproxy",
            "/usr/sbin/haproxy",
            110,
            worker,
            "/var/lib/haproxy",
        ),
    )
    made = plan(
        running(
            seen=kernel(
                processes=processes,
                capabilities=everything,
            )
        ),
        "default-capabilities-kept",
    )
    kept = made.after[CAP_ADD]
    assert {"CAP_SYS_CHROOT", "CAP_FOWNER", "CAP_SETPCAP"} <= set(kept)
    assert "haproxy uses /var/lib/haproxy as its root, so SYS_CHROOT is kept" in said(made)
    assert "haproxy keeps it as an ordinary user, so FOWNER is kept" in said(made)
    assert "programs that use FSETID, SETFCAP will fail" in said(made)


def test_an_ordinary_user_loses_no_capability_that_it_had() -> None:
    facts = running(
        (USER, "1001"),
        (NO_NEW_PRIVILEGES, True),
        seen=kernel(uid=1001),
    )
    made = plan(facts, "default-capabilities-kept")
    assert made.risks == {"default-capabilities-kept": Risk.SAFE}
    assert (made.after[CAP_DROP], made.after[CAP_ADD]) == (("all",), ())


def test_a_low_port_on_the_network_of_a_pod_needs_one() -> None:
    facts = running(
        seen=kernel(listening=(PORT_80,)),
        inspect={"Pod": "2" * 64},
    )
    made = plan(facts, AS_33, "default-capabilities-kept")
    assert made.after[SYSCTL] == ()
    assert made.after[CAP_ADD] == ("CAP_NET_BIND_SERVICE",)


def test_a_port_of_the_image_counts_where_nobody_could_look() -> None:
    image = ImageFacts("1" * 64, {"Config": {"ExposedPorts": {"443/tcp": {}}}})
    made = plan(container(image=image), AS_33)
    assert made.after[SYSCTL] == ("net.ipv4.ip_unprivileged_port_start=443",)
    assert "declared by the image" in said(made)


def test_the_owner_of_its_data_is_proposed_as_the_user() -> None:
    (refused,) = plan(
        running(owners={"/data": (999, 999), "/etc/localtime": (0, 0)}), "root-user"
    ).skipped
    assert "/data belongs to UID 999" in refused.hint


def test_a_high_owner_of_a_volume_gets_a_namespace_that_holds_it() -> None:
    facts = running(
        seen=kernel(host_user_namespace=True),
        owners={"/data": (5000, 0)},
    )
    assert plan(facts, "host-user-namespace").after[USERNS] == "auto:size=65536"


def test_an_unprivileged_worker_is_proposed_as_the_user() -> None:
    processes = (
        Process(7, "nginx", "/usr/sbin/nginx", 0),
        Process(8, "nginx", "/usr/sbin/nginx", 33),
    )
    (refused,) = plan(running(seen=kernel(processes=processes)), "root-user").skipped
    assert refused.needs == "user"
    assert "nginx as 33" in refused.hint


def test_a_root_with_workers_of_another_user_may_end_them() -> None:
    processes = (
        Process(7, "nginx", "/usr/sbin/nginx", 0),
        Process(8, "nginx", "/usr/sbin/nginx", 33),
    )
    made = plan(
        running(seen=kernel(processes=processes)),
        "default-capabilities-kept",
    )
    assert "CAP_KILL" in made.after[CAP_ADD]
    assert "runs as UID 33" in said(made)
    usual = ("CHOWN", "DAC_OVERRIDE", "NET_BIND_SERVICE", "SETGID", "SETUID")
    chosen = Choice("default-capabilities-kept", (("keep", usual),))  # a trial learned just these
    made = plan(running(seen=kernel(processes=processes)), chosen)
    assert "CAP_KILL" not in made.after[CAP_ADD]


def test_a_process_that_keeps_everything_as_another_user_has_chosen_nothing() -> None:
    """As squid does: it only raises the one that it uses."""
    everything = CapabilitySets(*(DEFAULT_CAPABILITIES,) * 4)
    squid = replace(
        everything,
        effective=frozenset({"CAP_SYS_CHROOT"}),
        ambient=frozenset(),
    )
    processes = (
        Process(
            7,
            "squid",
            "/usr/sbin/squid",
            13,
            squid,
        ),
    )
    made = plan(
        running(
            seen=kernel(
                processes=processes,
                capabilities=everything,
            )
        ),
        "default-capabilities-kept",
    )
    assert "CAP_SYS_CHROOT" in made.after[CAP_ADD]
    assert not {"CAP_SETFCAP", "CAP_SETPCAP", "CAP_FOWNER"} & {*made.after[CAP_ADD]}


def test_a_user_with_set_user_id_programs_gets_no_capability_of_its_own() -> None:
    chosen = Choice("default-capabilities-kept", (("keep", ("SETUID", "SETGID")),))
    made = plan(running((USER, "1500")), chosen)
    assert made.after[CAP_ADD] == ()
    assert "CAP_SETUID" not in made.after[CAP_DROP]
    dropped = made.after[CAP_DROP]
    assert {"CAP_CHOWN", "CAP_KILL"} <= set(dropped)
    without = plan(running((USER, "1500"), (NO_NEW_PRIVILEGES, True)), chosen)
    assert (without.after[CAP_ADD], without.after[CAP_DROP]) == ((), ("all",))


def test_the_directory_of_a_program_is_never_covered() -> None:
    facts = running(
        seen=RUNS,
        changes=(FileChange("/opt/app/db", "added", False),),
    )
    made = plan(facts, "writable-rootfs")
    assert made.changes == ()
    assert "/opt/app" in said(made)


def test_a_directory_that_a_script_makes_holds_no_program() -> None:
    script = "mkdir -p /data/spool; date > /data/spool/now; exec /opt/app/run"
    made = FileChange("/data/spool/now", "added", False), FileChange("/data/log", "added", False)
    facts = running(
        (COMMAND, ("sh", "-c", script)),
        seen=RUNS,
        changes=made,
    )
    hardened = plan(facts, "writable-rootfs")
    assert writable(hardened) == ["/data"], said(hardened)


def test_what_may_be_a_file_or_a_directory_is_covered_by_nothing_and_told() -> None:
    facts = running(
        seen=RUNS,
        changes=(FileChange("/var/cache/app", "modified"),),
    )
    made = plan(facts, "writable-rootfs")
    assert made.after[TMPFS] == ()
    assert "/var/cache/app changed, but it is not known whether it is a directory" in said(made)
    assert made.risks == {"writable-rootfs": Risk.MAY_BREAK}


def test_what_is_written_into_a_directory_of_the_host_is_not_known() -> None:
    """Podman lists no changes of a container that was made with --rootfs, whatever it wrote."""
    made = plan(running((ROOTFS, "/srv/root"), changes=()), "writable-rootfs")
    assert "it is not known what it writes" in said(made)
    assert made.risks == {"writable-rootfs": Risk.MAY_BREAK}


def test_what_listens_on_the_network_of_the_host_is_published_as_it_was() -> None:
    sockets = (
        SocketEndpoint("tcp", "::", 9100),
        SocketEndpoint("tcp", "0.0.0.0", 9100),
        SocketEndpoint("tcp", "127.0.0.1", 9101),
        SocketEndpoint("udp", "0.0.0.0", 40000),
    )
    seen = kernel(
        listening=sockets,
        shared_namespaces=frozenset({"net"}),
    )
    made = plan(running((NETWORK, ("host",)), seen=seen), "host-network")
    published = made.after[PUBLISH]
    assert set(published) == {Port(9100, "9100"), Port(9101, "9101", "127.0.0.1")}
    assert "wildcard-port" in {note.check for note in made.notes}, "what fails then is told"


WIDE = (PUBLISH, (Port(80, "8080"),))


def test_nobody_is_seen_behind_a_rootless_port() -> None:
    seen = kernel(
        listening=(PORT_80,),
        clients=(Client(80, "10.0.2.100"),),
    )
    made = plan(running(WIDE, seen=seen, engine=rootless()), "wildcard-port")
    assert "its clients are not known" in said(made)


def test_no_user_namespace_for_what_keeps_its_data_in_an_anonymous_volume() -> None:
    volume = {
        "Type": "volume",
        "Name": "5f" * 32,
        "Destination": "/data",
    }
    made = plan(
        running(
            seen=kernel(host_user_namespace=True),
            inspect={"Mounts": [volume]},
        ),
        "host-user-namespace",
    )
    assert USERNS not in made.after
    assert "anonymous volumes (/data)" in said(made)


def test_a_high_uid_gets_a_namespace_that_holds_it() -> None:
    processes = (Process(7, "app", "/app", 10001),)
    seen = kernel(
        uid=10001,
        processes=processes,
        host_user_namespace=True,
    )
    assert (
        plan(running((USER, "app"), seen=seen), "host-user-namespace").after[USERNS]
        == "auto:size=65536"
    )


def test_a_secret_belongs_to_the_user_that_the_process_has_become() -> None:
    facts = running((SECRETS, ("db,type=mount",)), seen=kernel(uid=999))
    made = plan(facts, "loose-secret")
    assert made.after[SECRETS] == ("db,type=mount,uid=999,mode=0400",)
    assert "UID 999 (UID of the main process now)" in said(made)


def test_nobody_knows_who_reads_the_secret_of_what_does_not_run() -> None:
    made = plan(container("--secret=db,type=mount"), "loose-secret")
    assert "it is not known which user reads the secret" in said(made)
    assert made.risks == {"loose-secret": Risk.MAY_BREAK}


@pytest.mark.parametrize(
    "status",
    ["healthy", "starting", "unhealthy", ""],
)
def test_nothing_waits_for_a_health_check_that_does_not_pass(status: str) -> None:
    labels = (LABELS, ("io.containers.autoupdate=registry",))
    state = {
        "State": {
            "StartedAt": NOW.isoformat(),
            "Health": {"Status": status},
        }
    }
    made = plan(running(labels, CHECKED, inspect=state), "update-without-rollback")
    assert bool(made.changes) is (status == "healthy")
    assert bool(made.skipped) is (status != "healthy")


def test_memory_and_swap_stay_a_pair_that_podman_takes() -> None:
    made = plan(container("--memory-swap=256m"), "no-memory-limit")
    assert made.after[MEMORY] <= made.after[MEMORY_SWAP]
