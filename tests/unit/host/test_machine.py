"""The host below the engines, out of small trees."""

import hashlib
import json
import stat
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardentui.host.accounts import SudoLine, read_sub_ids, sudo_rights
from hardentui.host.advisories import TABLE, outdated_in, upstream
from hardentui.host.commands import run_nothing, run_program
from hardentui.host.files import LocalFiles
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.machine import read_host, read_reboot_required
from hardentui.host.network.firewall import parse_ruleset, read_firewall
from hardentui.host.network.tcp_services import services_in_unit
from hardentui.host.packages import (
    apt_security_updates,
    dpkg_packages,
    read_packages,
    read_security_updates,
    zypper_patches,
)
from hardentui.host.podman.registries_conf import parse_sections
from hardentui.host.podman.trust import parse_policy, read_trust
from hardentui.host.units.writable import files_of_command
from hardentui.model.configuration import FileFact, Missing
from hardentui.model.finding import Severity
from hardentui.model.host import HostFacts, SubIds
from hardentui.model.known import Known, Unread, known
from hardentui.model.podman_version import Version

PODMAN = Version(5, 4, 2)
PASSWD = """root:x:0:0:root:/root:/bin/bash
anna:x:1000:1000::/home/anna:/bin/bash
ben:x:1001:1001::/home/ben:/bin/sh
broken line
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
"""


def status(
    mode: int,
    uid: int = 0,
    gid: int = 0,
    device: int = 1,
) -> dict[str, Any]:
    return {
        "mode": mode,
        "uid": uid,
        "gid": gid,
        "size": 0,
        "mtime": 7.0,
        "inode": 1,
        "device": device,
    }


def read(text: dict[str, str], **document: Any) -> HostFacts:
    files = RecordedFiles({"text": {"/etc/passwd": PASSWD, **text}, **document})
    return read_host(files, version=PODMAN)


def test_nothing_there_is_no_error() -> None:
    facts = read_host(RecordedFiles({"dirs": {"/": []}}), version=PODMAN)
    with pytest.raises(Unread):
        assert facts.users
    assert facts.sockets == ()
    assert facts.engine_configuration == {}
    for name in ("packages", "cgroup_version"):
        with pytest.raises(Unread):
            getattr(facts, name)
    assert isinstance(facts.seccomp_profile, Missing)


def test_users_who_run_containers_are_found_by_their_traces() -> None:
    controllers = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.controllers"
    facts = read(
        {
            "/home/anna/.local/share/containers/storage/db.sql": "",
            controllers: "cpu memory pids\n",
        }
    )
    by_name = {user.name: user for user in facts.users}
    assert list(by_name) == ["anna", "ben"]
    assert by_name["anna"].rootless
    assert by_name["anna"].controllers == frozenset({"cpu", "memory", "pids"})
    assert not by_name["ben"].rootless


def test_a_closed_home_is_told() -> None:
    closed = {f"/home/anna/{path}": "EACCES" for path in (".local/share/containers/storage",)}
    facts = read({"/home/ben/x": ""}, errors=closed)
    assert [(user.name, user.rootless, user.hidden) for user in facts.users] == [
        ("anna", False, True),
        ("ben", False, False),
    ]
    lingers = read({"/var/lib/systemd/linger/anna": ""}, errors=closed)
    assert (lingers.users[0].rootless, lingers.users[0].hidden) == (True, False)


def test_ways_to_root_through_the_engine() -> None:
    connections = {
        "Connection": {"Connections": {"prod": {"URI": "ssh://root:pw@prod.example.com:22/run/x"}}}
    }
    facts = read(
        {
            "/etc/group": "podman:x:990:anna\n",
            "/etc/sudoers": "@includedir /etc/sudoers.d\n",
            "/etc/sudoers.d/ben": "ben ALL=(ALL) NOPASSWD: ALL\n",
            "/etc/sudoers.d/old.bak": "anna ALL=(ALL) NOPASSWD: ALL\n",
            "/home/anna/.config/containers/podman-connections.json": json.dumps(connections),
            "/run/podman/podman.sock": "",
        },
        stats={"/run/podman/podman.sock": status(stat.S_IFSOCK | 0o660, 0, 990)},
    )
    assert [(right.who, right.why.split()[0]) for right in facts.root_rights] == [
        ("ben", "may"),
        ("anna", "can"),
        ("anna", "has"),
    ]
    assert "root@prod.example.com:22" in facts.root_rights[2].why
    assert "pw" not in facts.root_rights[2].why


def test_closed_sudoers_are_unknown() -> None:
    facts = read({}, errors={"/etc/sudoers": "EACCES"})
    with pytest.raises(Unread):
        assert facts.root_rights


def test_the_socket_its_group_and_the_docker_link() -> None:
    facts = read(
        {"/etc/group": "podman:x:990:anna,root\n", "/run/podman/podman.sock": ""},
        links={"/run/docker.sock": "/run/podman/podman.sock"},
        stats={"/run/podman/podman.sock": status(stat.S_IFSOCK | 0o666, 0, 990)},
    )
    socket, link = facts.sockets
    assert (socket.file.mode, socket.users) == (0o666, ("every account",))
    assert socket.file.dangers == ()  # the socket's own mode is judged by another rule
    assert link.target == "/run/podman/podman.sock"


@pytest.mark.parametrize(
    ("path", "flags", "place", "counts"),
    [
        ("/run/podman/podman.sock", "00010000", "/proc/1/net/unix", True),
        ("/var/run/podman/podman.sock", "00010000", "/proc/1/net/unix", True),
        ("/run/podman/podman.sock", "00000000", "/proc/1/net/unix", False),
        ("/run/other.sock", "00010000", "/proc/1/net/unix", False),
        ("/run/other.sock", "00010000", "/proc/net/unix", True),
    ],
)
def test_the_file_of_a_socket_without_a_listener_is_no_socket(
    path: str,
    flags: str,
    place: str,
    counts: bool,
) -> None:
    """As `systemctl stop podman.socket` leaves it; without the table of the host we cannot tell."""
    table = f"Num Ref\n0000000000000000: 00000002 00000000 {flags} 0001 01 18017 {path}\n"
    facts = read(
        {place: table, "/run/podman/podman.sock": ""},
        stats={"/run/podman/podman.sock": status(stat.S_IFSOCK | 0o666)},
    )
    assert len(facts.sockets) == counts


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        (
            "/e/podman.service",
            "ExecStart=/usr/bin/podman system service -t 0 tcp:0.0.0.0:2375",
            [("tcp:0.0.0.0:2375", False)],
        ),
        (
            "/e/api.service",
            (
                "ExecStart=podman --log-level info system service \\\n  --tls-client-ca=/ca.pem "
                "tcp://[::]:2376"
            ),
            [("tcp://[::]:2376", True)],
        ),
        (
            "/e/podman.service",
            "#ExecStart=/usr/bin/podman system service tcp:0.0.0.0:2375",
            [],
        ),
        (
            "/e/podman.service",
            "ExecStart=/usr/bin/podman $LOGGING system service",
            [],
        ),
        (
            "/e/podman.socket.d/x.conf",
            "[Socket]\nListenStream=2375\n",
            [("tcp:2375", False)],
        ),
        (
            "/e/podman.socket",
            "[Socket]\nListenStream=%t/podman/podman.sock\n",
            [],
        ),
        ("/e/sshd.socket", "[Socket]\nListenStream=22\n", []),
    ],
)
def test_an_api_on_tcp_is_read_from_the_unit_that_starts_it(
    path: str,
    content: str,
    expected: list[tuple[str, bool]],
) -> None:
    assert [
        (service.address, service.client_certificates)
        for service in services_in_unit(path, content)
    ] == expected


def test_the_configuration_of_a_rootless_account_may_belong_to_that_account_only() -> None:
    own = "/home/anna/.config/containers"
    facts = read(
        {
            f"{own}/containers.conf": "",
            f"{own}/policy.json": "{}",
            f"{own}/systemd/web.container": "",
        },
        stats={
            "/home/anna": status(stat.S_IFDIR | 0o755, 1000, 1000),
            "/home/anna/.config": status(stat.S_IFDIR | 0o755, 1000, 1000),
            own: status(stat.S_IFDIR | 0o755, 1000, 1000),
            f"{own}/containers.conf": status(stat.S_IFREG | 0o644, 1000, 1000),
            f"{own}/policy.json": status(stat.S_IFREG | 0o666, 1000, 1000),
        },
    )
    assert isinstance(facts.engine_configuration, dict)
    files = {
        path: fact
        for path, fact in facts.engine_configuration.items()
        if isinstance(fact, FileFact)
    }
    assert [path for path, fact in files.items() if fact.dangers] == [f"{own}/policy.json"]
    assert f"{own}/containers.conf" in files
    assert not any(path.endswith("web.container") for path in files)


def test_programs_hooks_and_their_targets() -> None:
    hook = {
        "version": "1.0.0",
        "hook": {"path": "/opt/evil/hook"},
        "when": {"always": True},
    }
    facts = read(
        {
            "/usr/bin/crun": "",
            "/usr/libexec/podman/netavark": "",
            "/etc/containers/oci/hooks.d/x.json": json.dumps(hook),
            "/opt/evil/hook": "",
            "/opt/run/own": "",
            "/etc/containers/containers.conf": "[engine.runtimes]\nown = ['/opt/run/own']\n",
        },
        stats={"/opt/evil/hook": status(stat.S_IFREG | 0o777)},
    )
    result = {(program.role, program.file.path): program for program in facts.programs}
    assert result["runtime", "/usr/bin/crun"].known
    assert not result["runtime", "/opt/run/own"].known
    assert result["runtime", "/opt/run/own"].named_by == "/etc/containers/containers.conf"
    assert result["helper", "/usr/libexec/podman/netavark"].known
    assert ("hook", "/etc/containers/oci/hooks.d/x.json") in result
    assert result["hook program", "/opt/evil/hook"].file.dangers


@pytest.mark.parametrize(
    ("setting", "path", "mode"),
    [
        ("[engine]\nhooks_dir = ['/srv/x']\n", "/srv/x", stat.S_IFDIR | 0o777),
        ("[engine]\nhooks_dir = ['/srv/absent/hooks']\n", "/srv", stat.S_IFDIR | 0o777),
        ("[engine]\nhelper_binaries_dir = ['/srv/x']\n", "/srv/x", stat.S_IFDIR | 0o777),
    ],
)  # fmt: skip
def test_what_extends_the_engine_belongs_to_root_alone(
    setting: str,
    path: str,
    mode: int,
) -> None:
    """What others put into these directories runs as root, or opens the host to a container."""
    there = {"/etc/containers/containers.conf": setting, "/srv/x/y": "", "/srv/z": ""}
    good = read(there)
    bad = read(there, stats={path: status(mode)})
    assert not any(program.file.dangers for program in good.programs)
    assert [program.file.path for program in bad.programs if program.file.dangers]


@pytest.mark.parametrize("changed", [False, True])
def test_the_seccomp_profile_is_compared_with_its_package(changed: bool) -> None:
    content = '{"defaultAction": "SCMP_ACT_ERRNO"}'
    digest = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
    facts = read(
        {
            "/usr/share/containers/seccomp.json": content + (" " if changed else ""),
            "/var/lib/dpkg/info/golang-github-containers-common.md5sums": (
                f"{digest}  usr/share/containers/seccomp.json\n"
            ),
        }
    )
    assert facts.seccomp_intact is not changed
    with pytest.raises(Unread):
        assert read({"/usr/share/containers/seccomp.json": content}).seccomp_intact


MODULES = "/usr/lib/modules"


@pytest.mark.parametrize(
    ("running", "installed", "due"),
    [
        (
            "6.12.41+deb13-amd64",
            ["6.12.41+deb13-amd64", "6.12.48+deb13-amd64"],
            True,
        ),
        (
            "6.12.48+deb13-amd64",
            ["6.12.41+deb13-amd64", "6.12.48+deb13-amd64"],
            False,
        ),
        (
            "6.12.9-amd64",
            ["6.12.9-amd64", "6.12.10-amd64"],
            True,
        ),
        (
            "5.14.0-570.el9.x86_64",
            ["5.14.0-570.el9.x86_64", "5.14.0-570.12.1.el9.x86_64"],
            True,
        ),
        (
            "6.12.41-amd64",
            ["6.12.41-amd64", "6.13.1-cloud"],
            False,
        ),
    ],
)
def test_a_newer_kernel_waits_for_a_reboot(
    running: str,
    installed: list[str],
    due: bool,
) -> None:
    files = RecordedFiles({"dirs": {MODULES: installed}})
    assert bool(read_reboot_required(files, running)) is due


@pytest.mark.parametrize(
    ("component", "version", "open_"),
    [
        ("runc", "1.2.7", True),
        ("runc", "1.2.8", False),
        ("runc", "1.3.2", True),
        ("runc", "1.3.3", False),
        ("runc", "1.1.15", True),
        ("runc", "2:1.3.3-1.el10", False),
    ],
)
def test_each_release_line_has_its_own_fix(
    component: str,
    version: str,
    open_: bool,
) -> None:
    assert (
        "CVE-2025-31133" in {row.advisory.cve for row in outdated_in(component, version, True)}
    ) is open_


@pytest.mark.parametrize(
    ("component", "version", "cve", "open_"),
    [
        ("podman", "5.4.2+ds1-2+b2", "CVE-2026-94603", True),
        ("podman", "4.3.1", "CVE-2026-94603", False),
        ("podman", "5.8.8", "CVE-2026-94603", False),
        ("podman", "6.0.2", "CVE-2026-94603", True),
        ("podman", "6.1.3", "CVE-2026-94603", False),
        ("podman", "5.8.5", "CVE-2026-19730", True),
        ("podman", "5.6.2", "CVE-2026-19730", False),
        ("podman", "6.0.0", "CVE-2026-19730", False),
        ("netavark", "1.14.0-2+b1", "CVE-2025-8283", True),
        ("aardvark-dns", "1.11.0", "CVE-2024-8418", False),
        ("aardvark-dns", "1.12.1", "CVE-2024-8418", True),
    ],
)
def test_holes_of_all_parts_of_the_engine(
    component: str,
    version: str,
    cve: str,
    open_: bool,
) -> None:
    assert (cve in {row.advisory.cve for row in outdated_in(component, version, False)}) is open_


def test_programs_are_asked_with_a_limit() -> None:
    assert run_program(("printf", "x"), 5) == "x"
    assert isinstance(run_program(("sleep", "5"), 0.05), Unread)
    assert isinstance(run_program(("false",), 5), Unread)
    assert isinstance(run_program(("no-such-program-here",), 5), Unread)


# what LocalFiles can give: any text, and a lone surrogate for each byte that is no UTF-8
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\udcff")
GARBAGE = st.text(CHARACTERS, max_size=80) | st.text(
    "{}[]:\"'\n\\|&-#= adckoreqrul.io", max_size=80
)


@given(GARBAGE)
def test_no_parser_stumbles_over_garbage(content: str) -> None:
    known(parse_policy, content, "p")
    known(parse_sections, content, "p")
    known(parse_ruleset, content)
    sudo_rights([SudoLine("p", line) for line in content.splitlines()])
    files_of_command(content)
    list(services_in_unit("/e/podman.socket", content))
    dpkg_packages(content)
    apt_security_updates(content)
    zypper_patches(content)


@given(GARBAGE)
def test_no_reader_stumbles_over_garbage(content: str) -> None:
    paths = (
        "/etc/passwd /etc/group /etc/subuid /etc/sudoers /etc/os-release /etc/containers/containers.conf "
        "/etc/containers/storage.conf /etc/containers/policy.json /etc/containers/registries.conf "
        "/etc/containers/registries.d/a.yaml /root/.docker/config.json /var/lib/dpkg/status "
        "/etc/containers/oci/hooks.d/a.json /root/.config/containers/podman-connections.json "
        "/etc/systemd/system/podman.service /etc/audit/rules.d/a.rules /proc/1/cmdline /etc/selinux/config"
    )
    files = RecordedFiles({"text": dict.fromkeys(paths.split(), content)})
    read_host(files, version=PODMAN)
    read_trust(
        files,
        home="/root",
        uid=0,
        version=PODMAN,
    )


def test_apt_without_an_index_of_security_updates_knows_nothing() -> None:
    def updates(*indexes: str) -> Known[tuple[str, ...]]:
        files = RecordedFiles({"text": {"/usr/bin/apt-get": "", **dict.fromkeys(indexes, "")}})
        return known(
            lambda: read_security_updates(
                files,
                lambda arguments, seconds: "",
                deep=True,
            )
        )

    lists = "/var/lib/apt/lists/deb.example.org"
    for indexes in (
        (),
        (f"{lists}_debian_dists_trixie_main_binary-amd64_Packages",),
    ):
        result = updates(*indexes)
        assert isinstance(result, Unread)
        assert "apt-get update" in result.reason
    assert (
        updates(f"{lists}_debian-security_dists_trixie-security_main_binary-amd64_Packages.xz")
        == ()
    )


def test_this_machine_is_read_without_an_error() -> None:
    assert read_host(LocalFiles(), version=PODMAN).read().kernel


def test_closed_connections_are_unknown() -> None:
    facts = read(
        {},
        errors={"/home/anna/.config/containers/podman-connections.json": "EACCES"},
    )
    with pytest.raises(Unread):
        assert facts.root_rights


def test_sub_ids_skip_what_is_no_range() -> None:
    files = RecordedFiles(
        {"text": {"/etc/subuid": "anna:100000:65536\n# c:1:1\nx:y:1\n:1:1\nben:1\n"}}
    )
    assert read_sub_ids(files, "/etc/subuid") == (SubIds("anna", 100000, 65536),)
    assert read_sub_ids(files, "/etc/subgid") == ()


def test_a_group_without_the_right_to_write_has_no_say() -> None:
    facts = read(
        {"/etc/group": "podman:x:990:anna\n", "/run/podman/podman.sock": ""},
        stats={"/run/podman/podman.sock": status(stat.S_IFSOCK | 0o600, 0, 990)},
    )
    assert facts.sockets[0].users == ()


def test_a_socket_that_starts_at_boot_is_found() -> None:
    link = "/etc/systemd/system/sockets.target.wants/podman.socket"
    assert read({}, links={link: "/usr/lib/systemd/system/podman.socket"}).socket_enabled_by == link
    assert read({}).socket_enabled_by == ""


def test_a_running_api_on_tcp_is_found() -> None:
    facts = read(
        {
            "/proc/812/cmdline": "podman\0system\0service\0tcp://0.0.0.0:2375\0",
            "/proc/1/cmdline": "init\0",
        }
    )
    assert [(service.where, service.address) for service in facts.tcp_services] == [
        ("process 812", "tcp://0.0.0.0:2375")
    ]


def test_units_belong_to_their_owners() -> None:
    own = "/home/anna/.config/containers/systemd/web.container"
    facts = read(
        {"/etc/containers/systemd/a.container": "", own: ""},
        stats={
            "/etc/containers/systemd/a.container": status(stat.S_IFREG | 0o664, 0, 100),
            "/home/anna": status(stat.S_IFDIR | 0o700, 1000, 1000),
            own: status(stat.S_IFREG | 0o644, 1001, 1001),
        },
    )
    result = {
        path: fact
        for path, fact in facts.units.items()
        if not isinstance(fact, Unread) and fact.dangers
    }
    assert sorted(result) == ["/etc/containers/systemd/a.container", own]
    assert "/etc/containers" in facts.engine_configuration
    assert "/etc/containers/systemd/a.container" not in facts.engine_configuration


def test_storage_as_configured_and_as_it_is() -> None:
    options = "[storage.options.overlay]\nmountopt='nodev,metacopy=on'\n"
    settings = f"[storage]\ngraphroot='/srv/c'\n{options}"
    facts = read(
        {"/etc/containers/storage.conf": settings, "/srv/c/vfs-images/images.json": ""},
        stats={
            "/": status(stat.S_IFDIR | 0o755),
            "/srv/c": status(stat.S_IFDIR | 0o700, device=2),
        },
    )
    assert facts.storage.graph_root == "/srv/c"
    assert facts.storage.mount_options == ("nodev", "metacopy=on")
    assert facts.storage.used_drivers == ("vfs",)


def test_a_filter_that_is_switched_off_has_no_profile() -> None:
    facts = read(
        {"/etc/containers/containers.conf": "[containers]\nseccomp_profile = 'unconfined'\n"}
    )
    assert facts.seccomp_profile == Missing("unconfined")


def test_a_kernel_that_is_not_installed_proves_nothing() -> None:
    assert isinstance(
        read_reboot_required(RecordedFiles({"dirs": {MODULES: ["6.1"]}}), "6.2"), Unread
    )
    flagged = RecordedFiles(
        {"text": {"/run/reboot-required": "", "/run/reboot-required.pkgs": "libc6\nlibc6\n"}}
    )
    assert (
        read_reboot_required(flagged, "6.2")
        == "/run/reboot-required asks for it (after updates of libc6)"
    )


def test_the_dpkg_status_file() -> None:
    stanza = "Package: podman\nStatus: install ok installed\nVersion: 5.4.2+ds1-2\n\n"
    removed = "Package: runc\nStatus: deinstall ok config-files\nVersion: 1.1.15\n\n"
    assert [
        (package.name, package.version)
        for package in dpkg_packages(f"{stanza}{removed}Package: podman-docker\n\n")
    ] == [("podman", "5.4.2+ds1-2")]


def test_rpm_is_asked_where_there_is_no_dpkg() -> None:
    asked = []

    def run(arguments: Sequence[str], seconds: float) -> Known[str]:
        asked.append(arguments[0:2])
        return "podman\t5.4.0-13.el10\nbash\t5.2\n"

    result = read_packages(RecordedFiles({}), run)
    assert [(package.name, package.version, package.family) for package in result.values()] == [
        ("podman", "5.4.0-13.el10", "rpm")
    ]
    assert asked == [("rpm", "-q")]
    assert isinstance(
        known(lambda: read_packages(RecordedFiles({}), run_nothing)),
        Unread,
    )


def test_pending_updates_of_the_families() -> None:
    apt = """Inst libssl3 [3.0.1] (3.0.2 Debian-Security:13/stable-security [amd64])
Inst vim [1] (2 Debian:13.1/stable [amd64])
Inst libapache2-mod-security2 [1] (2 Debian:13.1/stable [amd64])
Inst linux-image-6.12.50-amd64 (6.12.50-1 Debian-Security:13/stable-security [amd64])
Conf libssl3 (3.0.2 Debian-Security:13/stable-security [amd64])
"""
    assert apt_security_updates(apt) == ("libssl3", "linux-image-6.12.50-amd64")
    zypper = """Repository | Name   | Category | Severity  | Interactive | Status | Summary
-----------+--------+----------+-----------+-------------+--------+--------
updates    | SUSE-1 | security | important | ---         | needed | x
"""
    assert zypper_patches(zypper) == ("SUSE-1",)


def test_a_hole_begins_with_a_version() -> None:
    assert "CVE-2025-9566" not in {
        row.advisory.cve for row in outdated_in("podman", "3.4.4", False)
    }
    assert "CVE-2025-9566" in {
        row.advisory.cve for row in outdated_in("podman", "4.9.3+ds1-1ubuntu1", True)
    }
    assert outdated_in("podman", "unknown", False) == ()
    assert outdated_in("conmon", "0.1", False) == ()


def test_the_table_is_well_formed() -> None:
    for row in TABLE:
        assert all(upstream(version) for version in row.fixed)
        assert Severity.parse(row.severity)
    assert len({(row.component, row.cve) for row in TABLE}) == len(TABLE)


def test_the_packet_filter_is_for_root_only() -> None:
    def never(arguments: Sequence[str], seconds: float) -> Known[str]:
        raise AssertionError("nothing may be asked")

    result = read_firewall(RecordedFiles({}), never, root=False)
    assert isinstance(result.rules, Unread)
    assert result.firewalld is False


_MODULES = {
    "/proc/modules": "ext4 1 0 - Live 0x0\n",
    "/proc/sys/kernel/osrelease": "6.1.0\n",
    "/lib/modules/6.1.0/modules.builtin": "kernel/net/ipv4/tcp_cubic.ko\n",
}


@pytest.mark.parametrize(
    ("more", "none"),
    [
        ({}, True),
        (
            {"/proc/modules": "nf_tables 1 0 - Live 0x0\next4 1 0 - Live 0x0\n"},
            False,
        ),
        ({"/proc/modules": "x_tables 1 0 - Live 0x0\n"}, False),
        (
            {"/lib/modules/6.1.0/modules.builtin": "kernel/net/netfilter/nf_tables.ko\n"},
            False,
        ),
        (
            {"/lib/modules/6.1.0/modules.builtin": "kernel/net/ipv4/netfilter/ip_tables.ko.xz\n"},
            False,
        ),
        ({"/lib/modules/6.1.0/modules.builtin": ""}, False),
        ({"/proc/sys/kernel/osrelease": "6.1.1\n"}, False),
    ],
)
def test_without_its_modules_a_kernel_has_no_packet_filter(
    more: dict[str, str],
    none: bool,
) -> None:
    rules = read_firewall(
        RecordedFiles({"text": {**_MODULES, **more}}), run_nothing, root=False
    ).rules
    assert (rules == ()) is none
    assert isinstance(rules, Unread) is not none
