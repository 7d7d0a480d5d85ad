"""Where an engine's API can be reached: second services, and who may use what they open."""

import base64
import stat
from typing import Any

import pytest

from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.machine import read_host
from hardentui.host.network.sockets import read_endpoints
from hardentui.model.host import HostFacts
from hardentui.model.podman_version import Version
from tests.support.rooted import acl_bytes

PASSWD = (
    "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n"
    "ben:x:1001:1001::/home/ben:/bin/sh\n"
)
GROUP = "root:x:0:\npodman:x:990:anna\nanna:x:1000:\nben:x:1001:\n"
SERVICE = "[Service]\nExecStart=/usr/bin/podman system service\n"


def status(
    mode: int,
    uid: int = 0,
    gid: int = 0,
) -> dict[str, Any]:
    return {
        "mode": mode,
        "uid": uid,
        "gid": gid,
        "size": 0,
        "mtime": 7.0,
        "inode": 1,
        "device": 1,
    }


def document(text: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "text": {"/etc/passwd": PASSWD, "/etc/group": GROUP, **text},
        **more,
    }


def read(text: dict[str, str], **more: Any) -> HostFacts:
    return read_host(
        RecordedFiles(document(text, **more)),
        version=Version(5, 4, 2),
    )


def socket_at(
    path: str,
    mode: int,
    **directories: int,
) -> dict[str, Any]:
    """A socket with that mode, and directories above it with theirs."""
    stats = {path: status(stat.S_IFSOCK | mode)}
    stats |= {
        f"/{name.replace('_', '/')}": status(stat.S_IFDIR | rights)
        for name, rights in directories.items()
    }
    return {"text": {path: ""}, "stats": stats}


def users_of(facts: HostFacts) -> dict[str, tuple[str, ...]]:
    return {socket.file.path: socket.users for socket in facts.sockets}


def test_a_closed_directory_closes_the_socket_and_a_link_to_it() -> None:
    place = socket_at(
        "/run/podman/podman.sock",
        0o666,
        run_podman=0o700,
    )
    facts = read(
        place["text"], stats=place["stats"], links={"/run/docker.sock": "/run/podman/podman.sock"}
    )
    assert users_of(facts) == {"/run/podman/podman.sock": (), "/run/docker.sock": ()}
    place = socket_at(
        "/run/podman/podman.sock",
        0o666,
        run_podman=0o711,
    )
    facts = read(
        place["text"], stats=place["stats"], links={"/run/docker.sock": "/run/podman/podman.sock"}
    )
    assert set(users_of(facts).values()) == {("every account",)}


def test_an_entry_of_an_acl_opens_a_socket() -> None:
    acl = acl_bytes(
        (1, 6, -1),
        (2, 6, 1001),
        (4, 6, -1),
        (16, 6, -1),
        (32, 0, -1),
    )
    place = socket_at("/run/podman/podman.sock", 0o660)
    named = {"/run/podman/podman.sock": {"system.posix_acl_access": base64.b64encode(acl).decode()}}
    facts = read(
        place["text"],
        stats=place["stats"],
        attributes=named,
    )
    assert users_of(facts) == {"/run/podman/podman.sock": ("ben",)}
    assert [(right.who, right.way) for right in facts.root_rights] == [("ben", "socket")]


@pytest.mark.parametrize(
    "command",
    [
        "podman\0system\0service\0-t\x000\0unix:///srv/api.sock\0",
        "podman\0--log-level=info\0system\0service\0",
    ],
)
def test_a_second_api_service_is_found_by_its_command_or_by_the_socket_that_it_holds(
    command: str,
) -> None:
    table = "Num RefCount\n0: 00000002 00000000 00010000 0001 01 555 /srv/api.sock\n"
    place = socket_at("/srv/api.sock", 0o666)
    facts = read(
        {
            "/proc/812/cmdline": command,
            "/proc/1/net/unix": table,
            "/proc/1/cmdline": "init\0",
            **place["text"],
        },
        stats=place["stats"],
        links={
            "/proc/812/fd/5": "socket:[555]",
            "/proc/812/fd/6": "/dev/null",
            "/proc/self/ns/net": "net:[1]",
            "/proc/1/ns/net": "net:[1]",
            "/proc/812/ns/net": "net:[1]",
        },
    )
    assert users_of(facts) == {"/srv/api.sock": ("every account",)}


UNITS = "/etc/systemd/system"


@pytest.mark.parametrize(
    ("socket", "service", "expected"),
    [
        (
            "ListenStream=0.0.0.0:2375\n",
            SERVICE,
            ["tcp:0.0.0.0:2375"],
        ),
        ("ListenStream=2375\n", SERVICE, ["tcp:[::]:2375"]),
        (
            "ListenStream=2375\nListenStream=\nListenStream=/srv/p.sock\n",
            SERVICE,
            ["/srv/p.sock"],
        ),
        ("ListenStream=%t/p.sock\n", SERVICE, ["/run/p.sock"]),
        (
            "ListenStream=2375\n",
            "[Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd db:5432\n",
            [],
        ),
        (
            "ListenStream=2375\n",
            "[Service]\nExecStart=/usr/bin/podman run x\n",
            [],
        ),
        (
            "ListenStream=2375\n",
            f"{SERVICE}ExecStart=\nExecStart=/usr/bin/true\n",
            [],
        ),
    ],
)
def test_a_socket_unit_with_its_service(
    socket: str,
    service: str,
    expected: list[str],
) -> None:
    files = RecordedFiles(
        document(
            {
                f"{UNITS}/gate.socket": f"[Socket]\n{socket}",
                f"{UNITS}/gate.service": service,
            }
        )
    )
    assert [endpoint.address for endpoint in read_endpoints(files, (), None, ())] == expected


def test_the_own_socket_of_a_rootless_user_is_closed() -> None:
    path = "/run/user/1000/podman/podman.sock"
    stats = {path: status(stat.S_IFSOCK | 0o660, 1000, 1000)}
    stats["/run/user/1000"] = status(stat.S_IFDIR | 0o700, 1000, 1000)
    assert users_of(read({path: ""}, stats=stats)) == {path: ()}
    stats["/run/user/1000"] = status(stat.S_IFDIR | 0o755, 1000, 1000)
    stats[path] = status(stat.S_IFSOCK | 0o666, 1000, 1000)
    assert users_of(read({path: ""}, stats=stats)) == {path: ("every account",)}


def test_a_service_in_the_network_of_a_container_is_none_of_the_host() -> None:
    text = {
        "/proc/812/cmdline": "podman\0system\0service\0tcp:0.0.0.0:2375\0",
        "/proc/1/cmdline": "init\0",
    }
    links = {
        "/proc/1/ns/net": "net:[1]",
        "/proc/812/ns/net": "net:[1]",
        "/proc/self/ns/net": "net:[1]",
    }
    assert read(text, links=links).tcp_services != ()
    assert read(text, links={**links, "/proc/812/ns/net": "net:[2]"}).tcp_services == ()


@pytest.mark.parametrize(
    ("mounts", "leads_there"),
    [("mnt:[1]", True), ("mnt:[2]", False)],
)
def test_a_path_leads_to_a_service_in_another_network_unless_its_paths_are_others(
    mounts: str,
    *,
    leads_there: bool,
) -> None:
    place = socket_at("/srv/api.sock", 0o666)
    text = {
        "/proc/812/cmdline": "podman\0system\0service\0unix:///srv/api.sock\0",
        "/proc/1/net/unix": "Num RefCount\n",
        "/proc/1/cmdline": "init\0",
        **place["text"],
    }
    links = {
        "/proc/1/ns/net": "net:[1]",
        "/proc/812/ns/net": "net:[2]",
        "/proc/self/ns/net": "net:[1]",
    }
    links |= {
        "/proc/1/ns/mnt": "mnt:[1]",
        "/proc/812/ns/mnt": mounts,
        "/proc/self/ns/mnt": "mnt:[1]",
    }
    facts = read(
        text,
        stats=place["stats"],
        links=links,
    )
    assert users_of(facts) == ({"/srv/api.sock": ("every account",)} if leads_there else {})


def test_a_socket_unit_names_another_service_in_a_drop_in() -> None:
    files = RecordedFiles(
        document(
            {
                f"{UNITS}/gate.socket": "[Socket]\nListenStream=0.0.0.0:99\n",
                f"{UNITS}/gate.socket.d/x.conf": "[Socket]\nService=other.service\n",
                "/usr/lib/systemd/system/other.service": SERVICE,
            }
        )
    )
    (result,) = read_endpoints(files, (), None, ())
    assert (result.address, result.where) == ("tcp:0.0.0.0:99", f"{UNITS}/gate.socket")


API = "podman\0system\0service\0"


def hidden(path: str) -> dict[str, Any]:
    """A unit that only its owner reads."""
    return {
        "stats": {path: status(stat.S_IFREG | 0o600)},
        "errors": {path: "EACCES"},
    }


@pytest.mark.parametrize(
    ("path", "unread", "unseen"),
    [
        (f"{UNITS}/api.socket", True, True),
        (f"{UNITS}/api.socket.d/x.conf", True, True),
        (f"{UNITS}/db.service", True, False),
        (f"{UNITS}/db.service.d/x.conf", True, False),
        (f"{UNITS}/notes", False, False),
    ],
)
def test_what_cannot_be_read_may_open_an_api_that_nobody_here_sees(
    path: str,
    unread: bool,
    unseen: bool,
) -> None:
    facts = read({"/proc/1/cmdline": "init\0"}, **hidden(path))
    assert facts.tcp_services == ()
    assert (bool(facts.tcp_unread), bool(facts.tcp_unseen)) == (unread, unseen)
    if unread:
        assert "no permission" in facts.tcp_unread


def test_a_unit_that_cannot_be_read_hides_none_that_can() -> None:
    path = f"{UNITS}/a.service"
    service = {
        f"{UNITS}/podman.service": "ExecStart=/usr/bin/podman system service tcp:0.0.0.0:2375\n"
    }
    facts = read({"/proc/1/cmdline": "init\0", **service}, **hidden(path))
    assert [service.address for service in facts.tcp_services] == ["tcp:0.0.0.0:2375"]


INIT = {"/proc/1/cmdline": "init\0"}
SERVES = {**INIT, "/proc/812/cmdline": API}


def in_cgroup(path: str) -> dict[str, str]:
    return {**SERVES, "/proc/812/cgroup": f"0::{path}\n"}


@pytest.mark.parametrize(
    ("text", "unseen"),
    [
        (INIT, ""),
        (
            {"/proc/812/cmdline": "sleep\x001\0"},
            "hides the processes",
        ),
        (SERVES, "process 812"),
        (
            {
                **INIT,
                "/proc/812/cmdline": f"{API}unix:///srv/p.sock\0",
            },
            "",
        ),
        (in_cgroup("/system.slice/podman.service"), ""),
        (
            in_cgroup("/user.slice/user-0.slice/session-3.scope"),
            "process 812",
        ),
        (
            in_cgroup("/user.slice/user-7.slice/user@7.service/app.slice/podman.service"),
            "process 812",
        ),
        (
            {**SERVES, "/proc/1/net/unix": "", "/proc/812/fd/3": ""},
            "",
        ),
    ],
)
def test_an_api_whose_address_nobody_here_sees_is_told(
    text: dict[str, str],
    unseen: str,
) -> None:
    facts = read(text)
    assert (unseen in facts.tcp_unseen) if unseen else facts.tcp_unseen == ""
