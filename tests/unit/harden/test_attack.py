"""Attack paths: every sentence true, none twice in other words, and the worst first."""

import pytest

from hardentui.harden.attack import attack_path, ranked_paths
from hardentui.harden.evaluate import parameters_of
from hardentui.model.spec import Mount, Port
from tests.support.judging import *

NOTHING_SET = Checklist("empty", "No parameters", ())
SOCKET = (
    MOUNTS,
    (
        Mount(
            "bind",
            "/run/podman/podman.sock",
            "/run/podman/podman.sock",
        ),
    ),
)
OPEN = (PUBLISH, (Port(80, "8080", "0.0.0.0"),))
ROOT = Kernel(
    7,
    uid=0,
    host_user_namespace=True,
    uid_map=(IdRange(0, 0, 4294967295),),
    capabilities=CapabilitySets(bounding=DEFAULT_CAPABILITIES),
)
ROOT_WITH_ALL = ROOT.replace(capabilities=CapabilitySets(bounding=ALL_CAPABILITIES))
STRANGER = ROOT.replace(uid=1000)
MAPPED = Kernel(
    7,
    uid=100000,
    host_user_namespace=False,
    uid_map=(IdRange(0, 100000, 65536),),
)
OWNER = Kernel(
    7, uid=1000, host_user_namespace=False, uid_map=(IdRange(0, 1000, 1), IdRange(1, 100000, 65536))
)


def judged(facts: ContainerFacts) -> tuple[ContainerFacts, tuple[Finding, ...]]:
    checks = tuple(
        (check, parameters_of(check, NOTHING_SET))
        for check in all_checks()
        if check.kind is Kind.CONTAINER
    )
    return facts, tuple(run(facts, container_subject(facts), checks))


def told(*given: Any, **more: Any) -> str:
    return attack_path(*judged(container(*given, **more)))


def named(name: str, facts: ContainerFacts) -> ContainerFacts:
    return facts.replace(name=name, id=name)


def mounted(*paths: str) -> Any:
    return MOUNTS, tuple(Mount("bind", path, f"/at{at}") for at, path in enumerate(paths))


READ_ETC = (MOUNTS, (Mount("bind", "/etc", "/e", ("ro",)),))
ALL_READ = tuple(
    Mount("bind", path, at, ("ro",))
    for path, at in (("/", "/host"), ("/run/podman", "/run/podman"))
)
MODULES = ROOT.replace(capabilities=CapabilitySets(bounding=frozenset({"CAP_SYS_MODULE"})))
UNSEEN = ROOT.replace(
    capabilities=Unread("no"),
    seccomp_mode=Unread("no"),
)
UNFILTERED = (SECCOMP_PROFILE, "unconfined")
BREAKS_OUT = "whoever breaks out is root on the host."


@pytest.mark.parametrize(
    ("sentence", "kernel", "given"),
    [
        (
            "not published: it can control the engine through /run/podman/podman.sock.",
            ROOT,
            [SOCKET],
        ),
        (
            "not published: it is privileged.",
            ROOT_WITH_ALL,
            ["--privileged"],
        ),
        (
            "it has all the privileges of privileged mode.",
            UNSEEN,
            ["--cap-add=ALL", UNFILTERED],
        ),
        (
            "on the host's own network: it is privileged and sees the processes of the host.",
            ROOT_WITH_ALL,
            ["--privileged --pid=host --network=host --device=/dev/sda"],
        ),
        (
            "not published: it can write all files of the host.",
            ROOT,
            [mounted("/")],
        ),
        (
            "not published: it can write /etc, /usr/bin of the host.",
            ROOT,
            [mounted("/etc", "/usr/bin")],
        ),
        (
            "not published: it can control the engine through /run.",
            ROOT,
            [mounted("/run")],
        ),
        (
            "not published: it can control the engine through /run/podman.",
            ROOT,
            [(MOUNTS, ALL_READ)],
        ),
        (
            "it can control the engine through /run and can write /etc, /run of the host.",
            ROOT,
            [mounted("/run", "/etc")],
        ),
        (
            "not published: it can read /etc of the host.",
            ROOT,
            [READ_ETC],
        ),
        (
            "it has a capability that leads to the host (SYS_MODULE).",
            MODULES,
            ["--cap-add=SYS_MODULE"],
        ),
        (
            "not published: it can use /dev/sda.",
            ROOT,
            ["--device=/dev/sda"],
        ),
        (
            f"not published: {BREAKS_OUT}",
            ROOT,
            ["--device=/dev/fuse"],
        ),
        (
            "it can make every system call.",
            ROOT.replace(seccomp_mode=0),
            [UNFILTERED],
        ),
        (f"not published: {BREAKS_OUT}", ROOT, []),
        (
            f"without a network: {BREAKS_OUT}",
            ROOT,
            ["--network=none"],
        ),
        (
            f"published on every address (port 8080): {BREAKS_OUT}",
            ROOT,
            [OPEN],
        ),
        (
            "with every exposed port published on every address: whoever",
            ROOT,
            ["--publish-all"],
        ),
        (
            f"published on this host only: {BREAKS_OUT}",
            ROOT,
            ["--publish=127.0.0.1:53:53/udp"],
        ),
        (
            "published on one address (ports 53/udp, of Podman's choice): whoever",
            ROOT,
            ["--publish=192.0.2.1:53:53/udp --publish=192.0.2.1::80"],
        ),
    ],
)
def test_the_sentence_about_root_of_the_host(
    sentence: str,
    kernel: Kernel,
    given: list[Any],
) -> None:
    said = told(*given, kernel=kernel)
    assert said.startswith("Runs as root of the host, ")
    assert sentence in said


def test_a_stranger_to_the_files_of_the_host_is_told_to_have_them_not_to_command_them() -> None:
    for kernel, given in ((STRANGER, [(USER, "1000")]), (MAPPED, [])):
        said = told(SOCKET, *given, kernel=kernel)
        assert said.endswith("it has the engine's socket mounted (/run/podman/podman.sock).")
        said = told(mounted("/etc"), *given, kernel=kernel)
        assert said.endswith("it has /etc of the host mounted, writable.")
        assert said.startswith(f"Runs as user {kernel.uid} of the host, not published: ")


def test_the_user_of_a_rootless_engine_owns_its_socket() -> None:
    said = told(
        SOCKET,
        kernel=OWNER,
        engine=rootless(),
    )
    assert said.startswith(
        "Runs as user 1000 of the host, not published: it can control the engine"
    )
    assert "mounted" in told(
        SOCKET,
        kernel=OWNER.replace(uid=100100),
        engine=rootless(),
    )


def test_a_member_is_open_through_its_pod() -> None:
    pod = {"InfraConfig": {"PortBindings": {"443/tcp": [{"HostIp": "", "HostPort": "8443"}]}}}
    facts = container(kernel=ROOT, inspect={"Pod": "p"}).replace(pod=pod)
    assert "published on every address (port 8443)" in attack_path(*judged(facts))
    said = attack_path(*judged(facts.replace(pod=None)))  # nobody told
    assert said == "Runs as root of the host: whoever breaks out is root on the host."
    borrowed = told((NETWORK, ("container:web",)), kernel=ROOT)
    assert "published" not in borrowed


def test_the_kernel_decides_about_the_network() -> None:
    shared = ROOT.replace(shared_namespaces=frozenset({"net"}))
    assert "on the host's own network" in told(kernel=shared)
    own = ROOT.replace(shared_namespaces=frozenset())
    assert "on the host's own network" not in told((NETWORK, ("host",)), kernel=own)


def test_the_open_way_to_the_host_comes_before_the_hidden_and_the_stopped_one() -> None:
    other = (MOUNTS, (Mount("bind", "/etc", "/host/etc"),))
    subjects = [
        judged(named("hidden", container("--privileged", kernel=ROOT_WITH_ALL))),
        judged(named("open", container(SOCKET, OPEN, kernel=ROOT))),
        judged(named("stopped", container(other))),
        judged(named("plain", container())),
    ]
    ranked = ranked_paths(subjects)
    assert [path.name for path in ranked] == ["open", "hidden", "stopped"]
    assert ranked[0].danger > ranked[1].danger > ranked[2].danger


def test_containers_that_lead_the_same_way_are_one_path_told_of_the_worst() -> None:
    subjects = [
        judged(named(name, container("--privileged", *more, kernel=ROOT_WITH_ALL)))
        for name, more in (("d", ()), ("b", ()), ("open", (OPEN,)), ("a", ()))
    ]
    subjects += [judged(named("socket", container(SOCKET)))]
    first, second = ranked_paths(subjects)
    assert (first.name, first.also, first.checks) == ("open", ("a", "b", "d"), ("privileged",))
    assert "(port 8080)" in first.sentence
    assert (second.name, second.also) == ("socket", ())


def test_a_control_socket_is_a_way_to_the_host_and_the_engines_socket_is_the_shorter_one() -> None:
    bus = (
        MOUNTS,
        (Mount("bind", "/run/dbus/system_bus_socket", "/bus"),),
    )
    told_of = told(bus, kernel=ROOT)
    assert told_of.endswith("it can start host services through /run/dbus/system_bus_socket.")
    assert "has a socket of the host mounted" in told(bus, kernel=STRANGER)
    both = (MOUNTS, (*SOCKET[1], *bus[1]))
    assert "dbus" not in told(both, kernel=ROOT)


def test_what_another_container_brings_is_a_way_too() -> None:
    etc = HostMount(
        "/cfg", ("/etc",), "bind", "/etc", ("rw",), MountOrigin.CONTAINER, "base", in_force=True
    )
    sentence = told(
        (VOLUMES_FROM, ("base",)),
        kernel=ROOT,
        mounted=(etc,),
    )
    assert sentence.endswith("it can write /etc of the host.")


def test_a_user_namespace_is_named_where_it_confines() -> None:
    assert told((PRIVILEGED, True), kernel=MAPPED).endswith(
        "it is privileged within its user namespace."
    )


def test_processes_of_another_container_are_no_way_to_the_host() -> None:
    assert "processes" not in told((PID, "container:db"), kernel=ROOT)


def test_what_does_not_run_would_run() -> None:
    said = told(OPEN, (PRIVILEGED, True))
    assert said == (
        "Would run as root of the host, published on every address (port 8080): it is privileged."
    )
    assert told((PRIVILEGED, True), engine=rootless()).startswith(
        "Would run, not published: it is privileged"
    )


def test_a_hardened_container_has_no_sentence() -> None:
    kernel = MAPPED.replace(no_new_privileges=True)
    assert told((USER, "1000"), kernel=kernel) == ""


def test_engines_and_the_rights_of_root_are_not_mixed() -> None:
    subjects = [
        judged(
            named(
                "one",
                container(
                    SOCKET,
                    kernel=ROOT,
                    engine=rootful(),
                ),
            )
        ),
        judged(
            named(
                "two",
                container(
                    SOCKET,
                    kernel=STRANGER,
                    engine=rootful(),
                ),
            )
        ),
        judged(
            named(
                "one",
                container(
                    SOCKET,
                    kernel=OWNER,
                    engine=rootless(),
                ),
            )
        ),
    ]
    ranked = ranked_paths(subjects)
    assert len(ranked) == 3
    assert len({path.engine for path in ranked}) == 2
    assert all(path.also == () for path in ranked)


def test_a_way_that_is_less_severe_is_less_dangerous() -> None:
    subjects = [
        judged(named("reads", container(READ_ETC, kernel=ROOT))),
        judged(named("writes", container(mounted("/etc"), kernel=ROOT))),
    ]
    assert [path.name for path in ranked_paths(subjects)] == ["writes", "reads"]


def test_missing_walls_alone_lead_nowhere() -> None:
    facts, findings = judged(container(kernel=ROOT))
    assert any(
        finding.check == "new-privileges-allowed" and finding.failing for finding in findings
    )
    assert ranked_paths([(facts, findings)]) == ()
