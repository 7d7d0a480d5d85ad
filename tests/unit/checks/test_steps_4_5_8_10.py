"""Checks of steps 4, 5, 8 and 10: where Podman misleads, where the context decides, what fixes
keep."""

import pytest

from hardentui.reading.layer import directories_of
from hardentui.reading.secret_words import secrets_in_words
from hardentui.reading.secrets import secret_name, secrets_in_pairs
from tests.support.judging import *

REMOTE = Unread("the engine is on another machine")
APPARMOR_HOST = rootful(info={"host": {"security": {"apparmorEnabled": True}}})
SELINUX_HOST = rootful(info={"host": {"security": {"selinuxEnabled": True}}})
PLAIN_HOST = rootful(
    info={"host": {"security": {"selinuxEnabled": False, "apparmorEnabled": False}}}
)
MIB = 1 << 20
UNCONFINED = "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"
CONFINED = "system_u:system_r:container_t:s0:c1,c2"
NO_MORE, DISABLED = "--security-opt=no-new-privileges", "--security-opt=label=disable"
PASSWORD = "correct-horse-battery"


def live(
    *options: Any,
    more: Any = None,
    **items: Any,
) -> ContainerFacts:
    return container(
        *options,
        kernel=Kernel(812, **items),
        **(more or {}),
    )


def hidden(option: Any, **over: Any) -> ContainerFacts:
    """Nobody knows what this option was."""
    return container().replace(spec=Spec({}, frozenset({option})), **over)


def of_image(**config: Any) -> ImageFacts:
    return ImageFacts("1" * 64, {"Config": config})


def labelled(label: str, *options: Any, **more: Any) -> ContainerFacts:
    return container(
        *options,
        kernel=Kernel(812, lsm_label=label),
        **more,
    )


def bounded(*options: Any, **sets: frozenset[str]) -> ContainerFacts:
    return live(*options, capabilities=CapabilitySets(**sets))


SWAP, NO_SWAP = (HostFacts(capacity=Capacity(memory=8 << 30, swap=size)) for size in (1 << 30, 0))
TWO_CPUS = HostFacts(capacity=Capacity(processors=2))
MEMORY_ONLY = {"limits": Limits(memory=64 * MIB)}
UNIT_LIMITS = live(limits=Limits(memory=256 * MIB, pids=100, cpus=1.5))
KILL = frozenset({"CAP_KILL"})
TAKEOVER = frozenset(
    f"CAP_{name}"
    for name in (
        "SYS_ADMIN SYS_MODULE SYS_RAWIO SYS_PTRACE DAC_READ_SEARCH BPF MAC_ADMIN MAC_OVERRIDE"
    ).split()
)
SHELL_OF_ROOT = ({"ID": "ab", "ProcessConfig": {"user": "root"}},)
ENTERED = container(
    "--user=5",
    kernel=Kernel(8),
    inspect={"ExecIDs": ["ab"]},
)
ROOT_INSIDE = ENTERED.replace(exec_sessions=SHELL_OF_ROOT)
IMAGES_CAPABILITIES = of_image(Labels={"io.containers.capabilities": "SETUID,SETGID"})
OF_HOST = {"Config": {"CreateCommand": "podman run --env-host --env TZ=UTC img".split()}}
API_MADE = {"Config": {"CreateCommand": None}}

VERDICTS = [
    # swap may walk around a limit of memory
    says(
        *(
            "no-memory-limit",
            live(more={"host": SWAP}, **MEMORY_ONLY),
            FAIL,
        ),
        *("memory is limited, but swap is not", "memory 64 MiB, unlimited swap"),
    ),
    says(
        "no-memory-limit",
        live(more={"host": NO_SWAP}, **MEMORY_ONLY),
        PASS,
    ),
    says("no-memory-limit", live(**MEMORY_ONLY), PASS),  # nobody knows of swap
    says(
        "no-memory-limit",
        live(
            more={"engine": rootful(info={"host": {"swapTotal": 1 << 30}})},
            **MEMORY_ONLY,
        ),
        FAIL,
    ),
    # a declared limit that is not enforced; limits of the unit above the container; Podman's own
    says(
        "no-memory-limit",
        live((MEMORY, MIB), limits=Limits()),
        FAIL,
    ),
    says("no-pids-limit", live(limits=Limits()), FAIL),
    says(
        "no-memory-limit",
        UNIT_LIMITS,
        PASS,
        "memory 256 MiB",
    ),
    says("no-cpu-limit", UNIT_LIMITS, PASS),
    says("no-pids-limit", UNIT_LIMITS, PASS),
    says("no-pids-limit", "", PASS),
    says(
        "no-pids-limit",
        "",
        FAIL,
        highest=1000,
    ),
    # the cgroup says how many CPUs there are, whoever confined it
    *(
        says(
            "no-cpu-limit",
            live(
                *options,
                more={"host": TWO_CPUS},
                limits=Limits(processors=count),
            ),
            status,
        )
        for options in ((), ("--cpuset-cpus=0",))
        for count, status in ((1, PASS), (2, FAIL), (None, FAIL))
    ),
    says(
        "no-cpu-limit",
        live(limits=Limits(processors=1)),
        FAIL,
    ),  # of how many, nobody knows
    # a capability that a vendor asks for (HashiCorp: IPC_LOCK, chrony: SYS_TIME) by what it can
    # disturb
    says(
        "disruptive-capabilities",
        "--cap-add=IPC_LOCK",
        Severity.LOW,
    ),
    says(
        "disruptive-capabilities",
        "--cap-add=SYS_TIME",
        (FAIL, None),
    ),
    says(
        "disruptive-capabilities",
        "--cap-add=IPC_LOCK,SYS_TIME",
        (FAIL, None),
    ),
    # the kernel decides, and the difference is named; what does not run is judged by its
    # declaration
    says(
        *(
            "new-privileges-allowed",
            live((NO_NEW_PRIVILEGES, True), no_new_privileges=False),
            FAIL,
        ),
        *("whatever its configuration says", "no-new-privileges", "NoNewPrivs 0"),
    ),
    says(
        *("writable-rootfs", live(read_only_root=True), PASS),
        *("/ is mounted ro", "configuration says otherwise"),
    ),
    says(
        "new-privileges-allowed",
        "",
        FAIL,
        "not running",
    ),
    # root of a user namespace counts less, root beside a writable /etc more; any name can have the
    # number 0
    says(
        *(
            "root-user",
            live(
                uid=100000,
                uid_map=(IdRange(0, 100000, 65536),),
                host_user_namespace=False,
            ),
        ),
        *(
            Severity.MEDIUM,
            "uid 0 inside, uid 100000 on the host",
        ),
    ),
    says("root-user", "", Severity.HIGH),
    says("root-user", "--volume=/etc:/e", Severity.HIGH),
    says(
        "root-user",
        container(engine=rootless()),
        Severity.MEDIUM,
    ),
    says(
        "root-user",
        container(
            image=of_image(User="nginx"),
            named_uid=101,
        ),
        PASS,
    ),
    says(
        "root-user",
        container(image=of_image(User="nginx")),
        UNKNOWN,
    ),
    says(
        "root-user",
        live(
            (USER, "5"),
            uid=5,
            uid_map=(IdRange(0, 100000, 10),),
        ),
        UNKNOWN,
    ),
    says(
        "host-user-namespace",
        hidden(USERNS, inspect={"HostConfig": {"UsernsMode": "private"}}),
        PASS,
    ),  # without options; inspect shows it
    # an exec session that could not be looked at
    says("root-exec-session", ENTERED, UNKNOWN),
    says("root-exec-session", ROOT_INSIDE, FAIL),
    says(
        "root-exec-session",
        ROOT_INSIDE.replace(
            kernel=Kernel(8, entered=()),
            spec=Spec(),
        ),
        PASS,
    ),
    says(
        "root-exec-session",
        ROOT_INSIDE.replace(
            spec=Spec(),
            kernel=Kernel(8, entered=REMOTE),
        ),
        UNKNOWN,
    ),
    # read-only does not help against an engine socket
    says(
        "mounted-engine-socket",
        "--volume=/run/podman/podman.sock:/s:ro",
        FAIL,
    ),
    # nobody knows how it was made, so relabelling is unknown
    says(
        "relabelled-system-directory",
        labelled(
            CONFINED,
            "--volume=/etc:/e:ro",
            inspect=API_MADE,
        ),
        UNKNOWN,
    ),
    says(
        "relabelled-system-directory",
        labelled(
            CONFINED,
            "--volume=/srv/w:/w",
            inspect=API_MADE,
        ),
        PASS,
    ),
    # an AppArmor label that is unconfined or only complains
    *(
        says(
            "apparmor-unconfined",
            labelled(label, engine=APPARMOR_HOST),
            status,
        )
        for label, status in (
            ("containers-default-0.62.2//&crun (mixed)", PASS),
            ("containers-default-0.62.2 (enforce)", PASS),
            ("crun (unconfined)", FAIL),
            ("unconfined", FAIL),
        )
    ),
    says(
        "apparmor-unconfined",
        labelled("unconfined", engine=rootless()),
        NOT_APPLICABLE,
    ),
    # which module a host has is not guessed
    *(
        row
        for check in ("selinux-disabled", "apparmor-unconfined")
        for row in (
            says(check, DISABLED, UNKNOWN),
            says(
                check,
                container(DISABLED, engine=PLAIN_HOST),
                NOT_APPLICABLE,
            ),
        )
    ),
    # a non-root user without effective capabilities still has a bounding set; null in inspect means
    # none
    says(
        "default-capabilities-kept",
        bounded("--user=1001", bounding=DEFAULT_CAPABILITIES),
        FAIL,
    ),
    *(
        says(
            "capabilities-beyond-declared",
            facts.replace(inspect={"BoundingCaps": None}),
            status,
        )
        for facts, status in (
            (bounded("--cap-drop=all"), PASS),
            (bounded("--cap-drop=all", bounding=KILL), FAIL),
        )
    ),
    # an inheritable set that nobody asked for
    says(
        "capabilities-beyond-declared",
        bounded(bounding=KILL, inheritable=KILL),
        FAIL,
    ),
    says(
        "capabilities-beyond-declared",
        bounded(
            "--cap-add=KILL",
            bounding=KILL,
            inheritable=KILL,
        ),
        PASS,
    ),
    # Podman narrows the set to what the image says
    says(
        "default-capabilities-kept",
        container(image=IMAGES_CAPABILITIES),
        PASS,
    ),
    says(
        "unneeded-capabilities",
        container(image=IMAGES_CAPABILITIES),
        PASS,
    ),
    says("unneeded-capabilities", "", UNKNOWN),
    says(
        "unneeded-capabilities",
        container(image=ImageFacts("1" * 64)),
        NOT_APPLICABLE,
    ),
    # the rights of a privileged container by other means
    says(
        "privileged",
        live(
            capabilities=CapabilitySets(bounding=TAKEOVER),
            seccomp_mode=0,
        ),
        FAIL,
    ),
    says(
        "privileged",
        live(
            capabilities=CapabilitySets(),
            seccomp_mode=0,
        ),
        PASS,
    ),
    # each device has its severity
    *(
        says(
            "host-devices",
            f"--device={device}:{device}:rwm",
            severity,
        )
        for device, severity in (
            ("/dev/nvme0n1p1", Severity.CRITICAL),
            ("/dev/mem", Severity.CRITICAL),
            ("/dev/kmsg", Severity.HIGH),
            ("/dev/kvm", Severity.MEDIUM),
        )
    ),
    says(
        "host-devices",
        container((DEVICES, ("vendor.com/gpu=0",))),
        Severity.MEDIUM,
    ),
    says(
        "host-devices",
        "--device=/dev/kvm",
        PASS,
        allowed=("/dev/kvm",),
    ),
    # a filter of the program does not replace Podman's
    says(
        "seccomp-unconfined",
        live((SECCOMP_PROFILE, "unconfined"), seccomp_mode=2),
        FAIL,
        "not Podman's",
    ),
    says("seccomp-unconfined", live(seccomp_mode=0), FAIL),
    # options that no source shows, until the kernel tells
    says("unsafe-sysctls", hidden(SYSCTL), UNKNOWN),
    says("unmasked-system-paths", hidden(UNMASK), UNKNOWN),
    *(
        says(
            "unmasked-system-paths",
            hidden(UNMASK, kernel=Kernel(8, masked_paths=paths, mounts=())),
            status,
        )
        for paths, status in (
            (frozenset({"/proc/kcore", "/proc/sys"}), PASS),
            (frozenset({"/sys/fs/cgroup"}), FAIL),
        )
    ),
    # a profile that nobody read
    says(
        "weak-seccomp-profile",
        "--security-opt=seccomp=/x.json",
        UNKNOWN,
    ),
    says(
        "seccomp-profile-file-unsafe",
        "--security-opt=seccomp=/x.json",
        UNKNOWN,
    ),
    # an engine secret as a variable is seen where inspect hides its name
    says(
        "loose-secret", hidden(SECRETS, inspect={"Config": {"Env": ["DB=*******", "TZ=UTC"]}}), FAIL
    ),
    says(
        "loose-secret",
        hidden(SECRETS, inspect={}),
        UNKNOWN,
    ),
    says(
        "leaking-host-environment", container("--env=TZ=UTC --env=SHLVL=1", inspect=OF_HOST), FAIL
    ),
    # the group of disks opens those that are there, and no others
    *(
        says("dangerous-supplementary-groups", f"--user=101 {options}", severity)
        for options, severity in (
            ("--group-add=disk --device=/dev/nvme0n1:/dev/x:r", Severity.CRITICAL),
            ("--group-add=6 --privileged", Severity.CRITICAL),
            ("--group-add=disk", (FAIL, None)),
            ("--group-add=disk --device=/dev/fuse", (FAIL, None)),
            ("--group-add=shadow --device=/dev/sda", (FAIL, None)),
            ("--group-add=disk --device=/dev/sda --userns=auto", PASS),
        )
    ),
    # Podman puts a user into group 0; a pod that shares its processes is not called private
    says(
        "dangerous-supplementary-groups",
        live(
            "--user=1000",
            uid=1000,
            gid=0,
            groups=(),
        ),
        FAIL,
        "user 1000",
    ),
    says(
        "host-pid",
        container(pod={"SharedNamespaces": ["pid", "net"]}),
        PASS,
        "pid of its pod",
    ),
    says(
        "host-pid",
        container(pod={"SharedNamespaces": ["net"]}),
        PASS,
        "pid private",
    ),
]

FIXES = [
    fixes(
        "root-user",
        "",
        {USER: "1001:1001"},
        user="1001:1001",
    ),
    refuses("root-user", "", "user to run as"),
    refuses("root-user", "", user="0"),
    fixes(
        "root-user", container("--user=0", image=of_image(User="nginx")), {USER: ""}
    ),  # the image's
    refuses("host-user-namespace", "--pod=web", "pod"),
    refuses(
        "host-user-namespace",
        "--ipc=container:db",
        "shares",
    ),
    # a limit of memory is not set below the reservation
    fixes(
        "no-memory-limit",
        "--memory-reservation=1g",
        {MEMORY: 1 << 30},
    ),
    refuses("no-memory-limit", "", memory="lots"),
    # a read-only root gets a tmpfs only where nothing is mounted; not where it changes its programs
    fixes(
        "writable-rootfs",
        container(changes=(FileChange("/usr/lib/p", "deleted"),)),
        {READ_ONLY: True},
    ),
    refuses(
        "writable-rootfs",
        container(changes=(FileChange("/usr/lib/p", "added"),)),
        "/usr/lib",
    ),
    # a sensitive mount is made read-only and never removed; nor is a directory that holds a socket
    fixes(
        "sensitive-host-mount",
        "--volume=/:/host:rslave --volume=d:/d",
        {
            MOUNTS: (
                Mount(
                    "bind",
                    "/",
                    "/host",
                    ("ro", "rslave"),
                ),
                Mount("volume", "d", "/d"),
            )
        },
    ),
    refuses(
        "sensitive-host-mount",
        "--volume=/:/host:ro,rslave",
        "secrets of the host",
    ),
    fixes(
        "mounted-engine-socket",
        "--volume=/run/podman/podman.sock:/s:ro --volume=/srv:/srv",
        {MOUNTS: (Mount("bind", "/srv", "/srv"),)},
    ),
    refuses("mounted-engine-socket", "--volume=/run:/r"),
    # only the dangerous capabilities are taken away
    fixes(
        "host-takeover-capabilities",
        "--cap-add=SYS_ADMIN --cap-add=NET_RAW",
        {CAP_ADD: ("NET_RAW",)},
    ),
    refuses(
        "default-capabilities-kept",
        "",
        seen={"capabilities": tuple(DEFAULT_CAPABILITIES)},
    ),
    fixes(
        "default-capabilities-kept",
        f"--user=1001 {NO_MORE}",
        {CAP_ADD: ()},
    ),
    # variables of the host go, and those given by name stay
    fixes(
        "leaking-host-environment",
        container(
            "--env=TZ=UTC --env=SHLVL=1 --env=AWS_PROFILE=work",
            inspect=OF_HOST,
        ),
        {ENV: ("TZ=UTC",)},
    ),
    # a secret goes to the user of the process
    fixes(
        "loose-secret",
        "--secret=db,type=mount,mode=0444 --user=1001:5",
        {SECRETS: ("db,type=mount,uid=1001,mode=0400",)},
    ),
    refuses(
        "loose-secret",
        "--secret=db,type=mount --user=nginx",
        "UID of user nginx",
    ),
]

SELINUX = [
    # namespaces of the host switch SELinux off in silence; the label of the process decides
    *(
        row
        for option in (PID, IPC)
        for row in (
            says(
                "selinux-disabled",
                container((option, "host"), engine=SELINUX_HOST),
                FAIL,
            ),
            refuses(
                *(
                    "selinux-disabled",
                    container((option, "host"), engine=SELINUX_HOST),
                ),
                f"{option.flag}=host",
            ),
            says(
                *(
                    "selinux-disabled",
                    container(
                        (option, "host"),
                        (LABEL_TYPE, "w"),
                        engine=SELINUX_HOST,
                    ),
                ),
                PASS,
            ),
        )
    ),
    says(
        "selinux-disabled",
        labelled(CONFINED, DISABLED),
        PASS,
    ),
    says("selinux-disabled", labelled(UNCONFINED), FAIL),
    *(
        row
        for facts in (
            labelled(UNCONFINED),
            labelled("system_u:system_r:spc_t:s0", "--privileged"),
            container("--privileged", engine=SELINUX_HOST),
            container("--pid=host", engine=SELINUX_HOST),
        )
        for row in (
            says("selinux-disabled", facts, FAIL),
            says("shared-mcs-categories", facts, NOT_APPLICABLE),  # nothing is confined
        )
    ),
]


@pytest.mark.parametrize("holds", VERDICTS + FIXES)
def test_what_is_said_and_done(holds: Holds) -> None:
    holds()


@pytest.mark.parametrize("holds", SELINUX)
def test_selinux_label_of_the_process_decides(holds: Holds) -> None:
    holds()


@pytest.mark.parametrize(
    "check",
    ["no-memory-limit", "no-cpu-limit", "no-pids-limit"],
)
def test_without_a_cgroup_of_its_own_the_limits_of_a_unit_count(check: str) -> None:
    asked = ((CGROUPS, "disabled"), (CPU_SHARES, 512))
    assert (
        status_of(
            check,
            live(*asked, limits=Limits(memory=64 * MIB, pids=50, cpus=0.5)),
        )
        is PASS
    )
    for facts in (
        live(*asked, limits=Limits()),
        live(*asked, limits=REMOTE),
        container(*asked),
    ):
        assert status_of(check, facts) is NOT_APPLICABLE


@pytest.mark.parametrize(
    ("check", "good"),
    [
        ("root-user", "--user=1001"),
        ("host-user-namespace", "--userns=auto"),
        ("new-privileges-allowed", NO_MORE),
        ("no-memory-limit", "--memory=1m"),
        ("no-pids-limit", "--pids-limit=100"),
        ("writable-rootfs", "--read-only"),
        ("host-pid", "--pid=private"),
        ("default-capabilities-kept", "--cap-drop=all"),
        ("privileged", "--cap-drop=all"),
        ("seccomp-unconfined", "--security-opt=seccomp=/x.json"),
        ("unmasked-system-paths", "--cap-drop=all"),
    ],
)
def test_a_good_declaration_is_no_pass_when_the_kernel_cannot_be_asked(
    check: str,
    good: str,
) -> None:
    assert status_of(check, good) is PASS
    for kernel in (REMOTE, Kernel(812)):
        verdict = judge(check, container(good, kernel=kernel))
        assert verdict.status is UNKNOWN
        assert verdict.reason


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        ("root-user", "--user=root"),
        ("new-privileges-allowed", ""),
        ("no-memory-limit", ""),
        ("host-pid", "--pid=host"),
        ("privileged", "--privileged"),
        ("host-takeover-capabilities", "--cap-add=SYS_ADMIN"),
        ("seccomp-unconfined", "--security-opt=seccomp=unconfined"),
    ],
)
def test_a_bad_declaration_fails_even_when_the_kernel_cannot_be_asked(
    check: str,
    bad: str,
) -> None:
    assert status_of(check, container(bad, kernel=REMOTE)) is FAIL


def test_the_evidence_names_the_file_of_the_kernel() -> None:
    verdict = judge("new-privileges-allowed", live(no_new_privileges=False))
    assert any(proof.where == "/proc/812/status" for proof in verdict.evidence)


def test_written_paths_become_directories_and_podmans_own_are_left_out() -> None:
    paths = (
        "/var",
        "/var/cache",
        "/var/cache/app/a",
        "/var/cache/app/b/c",
        "/etc",
        "/etc/hosts",
        "/run/x",
    )
    assert directories_of(paths, Spec()) == ("/run", "/var/cache/app")
    mounted = Spec.of((MOUNTS, (Mount("volume", "d", "/var/cache/app"),)))
    assert directories_of(("/var/cache/app",), mounted) == ()


def test_a_read_only_root_gets_a_tmpfs_only_where_nothing_is_mounted() -> None:
    facts = container("--volume=data:/var/lib/app --volume=/srv/c:/conf:ro --tmpfs=/cache:size=1m")
    seen = {"written_paths": ("/var/lib/app/db", "/cache/x", "/tmp/y", "/var/cache/app/z")}
    spec = fix("writable-rootfs", facts, seen)
    assert spec[READ_ONLY]
    assert spec[TMPFS] == ("/cache:size=1m", "/var/cache/app:rw,noexec,nosuid,nodev,size=64m")
    assert spec[MOUNTS] == facts.spec[MOUNTS]
    without = facts.replace(spec=facts.spec.with_(READ_ONLY_TMPFS, False))
    assert any(tmpfs.startswith("/tmp:") for tmpfs in fix("writable-rootfs", without, seen)[TMPFS])


@pytest.mark.parametrize(
    ("source", "options", "severity"),
    [
        ("/", (), Severity.CRITICAL),
        ("/", ("ro",), Severity.HIGH),
        ("/etc/cron.d", (), Severity.CRITICAL),
        ("/var/../etc//", (), Severity.CRITICAL),
        ("/var/lib/containers/storage", ("ro",), Severity.HIGH),
        ("/usr", ("ro",), None),
        ("/etc/app", (), None),
        ("/home/anna/.ssh", ("ro",), Severity.HIGH),
    ],
)
def test_a_mount_is_as_bad_as_what_its_path_gives(
    source: str,
    options: tuple[str, ...],
    severity: Severity | None,
) -> None:
    """tests/unit/reading/test_host_paths.py has the paths."""
    verdict = judge(
        "sensitive-host-mount", container((MOUNTS, (Mount("bind", source, "/x", options),)))
    )
    assert (verdict.status is FAIL) == (severity is not None)
    if severity:
        assert (verdict.severity or Severity.CRITICAL) is severity


def test_dropping_keeps_what_was_added_and_what_a_trial_saw() -> None:
    seen = {"capabilities": ("CHOWN", "cap_setuid", "SYS_ADMIN")}
    after = fix(
        "default-capabilities-kept",
        "--cap-add=NET_RAW",
        seen,
    )
    assert after[CAP_DROP] == ("all",)
    assert {*after[CAP_ADD]} == {
        "CAP_CHOWN",
        "CAP_SETUID",
        "CAP_NET_RAW",
    }  # never one it did not have
    guess = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_SETGID CAP_SETUID CAP_NET_BIND_SERVICE"
    assert {*fix("default-capabilities-kept", "")[CAP_ADD]} == {*guess.split()}


def test_user_namespaces_take_a_step_off_the_severity() -> None:
    check = the_check("host-takeover-capabilities")
    for engine, expected in (
        (rootful(), Severity.CRITICAL),
        (rootless(), Severity.HIGH),
    ):
        facts = container("--cap-add=SYS_ADMIN", engine=engine)
        finding = run(
            facts,
            container_subject(facts),
            [(check, Parameters(check.parameters))],
        )[0]
        assert finding.severity is expected


def test_privileged_shows_no_devices_no_seccomp_and_no_masks_and_still_fails_all_of_them() -> None:
    facts = container(
        "--privileged", inspect={"HostConfig": {"SecurityOpt": ["unmask=all"], "Devices": []}}
    )
    after = facts.planned(fix("privileged", facts))
    for check in (
        *(
            "privileged",
            "host-devices",
            "seccomp-unconfined",
            "unmasked-system-paths",
            "open-device-cgroup",
        ),
        *(
            "host-takeover-capabilities",
            "disruptive-capabilities",
            "docker-default-capabilities",
        ),
    ):
        assert (status_of(check, facts), status_of(check, after)) == (FAIL, PASS), check
    kept = "default-capabilities-kept"
    assert (status_of(kept, facts), status_of(kept, after)) == (FAIL, FAIL)


def test_no_value_of_a_secret_is_ever_part_of_an_answer() -> None:
    hostile = f"{PASSWORD}\x1b[2J"
    create = ["podman", "--creds", f"u:{PASSWORD}"]
    facts = container(
        (
            ENV,
            (
                f"DB_PASSWORD={hostile}",
                f"http_proxy=http://a:{PASSWORD}@p",
                f"\x1b[31mTOKEN={PASSWORD}",
            ),
        ),
        (COMMAND, ("run", "--password", hostile)),
        (SECRETS, ("db,type=env",)),
        inspect={
            "Config": {
                "Env": [f"X_TOKEN={PASSWORD}"],
                "CreateCommand": create,
            }
        },
    )
    for check in (
        "plaintext-secret-env secret-on-command-line loose-secret leaking-host-environment".split()
    ):
        verdict = judge(check, facts)
        assert verdict.status is FAIL, check
        assert PASSWORD not in repr(verdict)
        assert "\x1b" not in "".join((verdict.reason, verdict.declared, *verdict.commands))
    assert judge("secret-on-command-line", facts).evidence[-1].saw == "--creds ********"


def test_a_weight_limits_no_container_that_has_a_cpu_for_itself() -> None:
    """Tried in tests/host/test_limits_v2.py, also with weights of units."""
    for kernel in (None, Kernel(7, limits=Limits())):
        weighted = container(
            "--cpu-shares=2",
            host=TWO_CPUS,
            kernel=kernel,
        )
        verdict = judge("no-cpu-limit", weighted)
        assert verdict.status is FAIL
        assert verdict.reason == "can use all CPUs of the host; its weight is no limit"
        changed = fix("no-cpu-limit", weighted, cpus="1.5")
        assert (changed[CPU_SHARES], changed[CPUS]) == (2, 1.5)


def test_names_of_credentials_and_those_that_only_speak_of_them() -> None:
    names = "DB_PASSWORD dbPassword API_KEY apiKey GITHUB_TOKEN SMTP_PASS SECRET_KEY_BASE".split()
    assert [name for name in names if not secret_name(name)] == []
    others = "DB_PASSWORD_FILE PASSWORD_MIN_LENGTH TOKEN_TTL TOKENIZER PWD PUBLIC_KEY no-password".split()
    assert [name for name in (*others, "") if secret_name(name)] == []


def test_values_that_are_credentials_by_shape() -> None:
    pairs = (
        f"A=postgres://shop:{PASSWORD}@db/shop",
        "B=-----BEGIN OPENSSH PRIVATE KEY-----",
        "C=AKIAABCDEFGHIJKLMNOP",
        f"D=Server=db;Password={PASSWORD};",
    )
    assert [name for name, _ in secrets_in_pairs(pairs)] == ["A", "B", "C", "D"]
    harmless = (
        "A=postgres://shop:${PW}@db/x",
        "DB_PASSWORD=*******",
        "X_TOKEN=/run/secrets/x",
        "Y_TOKEN=",
    )
    assert secrets_in_pairs(harmless) == ()


def test_credentials_on_command_lines() -> None:
    words = (
        "mysql",
        f"-p{PASSWORD}",
        "--token",
        PASSWORD,
        f"--api-key={PASSWORD}",
        "--password-file",
        "/f",
    )
    secrets = secrets_in_words(words)
    assert len(secrets) == 3
    assert not any(PASSWORD in text for text in secrets)
