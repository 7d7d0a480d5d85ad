"""Where an engine's API can be reached: second services, forwarders, and who may use what they open."""

import stat
from typing import Any

import pytest

from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.machine import read_host
from hardentui.host.network.sockets import read_endpoints, read_listening
from hardentui.host.process.capabilities import read_process_table
from hardentui.model.host import HostFacts
from hardentui.model.spec import Version

PASSWD = (
    "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\nben:x:1001:1001::/home/ben:/bin/sh\n"
)
GROUP = "root:x:0:\npodman:x:990:anna\nanna:x:1000:\nben:x:1001:\n"
PROXY = "[Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd /run/podman/podman.sock\n"


def status(mode: int, uid: int = 0, gid: int = 0) -> dict[str, Any]:
    return {"mode": mode, "uid": uid, "gid": gid, "size": 0, "mtime": 7.0, "inode": 1, "device": 1}


def document(text: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"text": {"/etc/passwd": PASSWD, "/etc/group": GROUP, **text}, **more}


def read(text: dict[str, str], **more: Any) -> HostFacts:
    return read_host(RecordedFiles(document(text, **more)), version=Version(5, 4, 2))


def socket_at(path: str, mode: int, **directories: int) -> dict[str, Any]:
    """A socket with that mode, and directories above it with theirs."""
    stats = {path: status(stat.S_IFSOCK | mode)}
    stats |= {
        f"/{name.replace('_', '/')}": status(stat.S_IFDIR | rights) for name, rights in directories.items()
    }
    return {"text": {path: ""}, "stats": stats}


def users_of(facts: HostFacts) -> dict[str, tuple[str, ...]]:
    return {socket.file.path: socket.users for socket in facts.sockets}


def test_a_closed_directory_closes_the_socket_and_a_link_to_it() -> None:
    place = socket_at("/run/podman/podman.sock", 0o666, run_podman=0o700)
    facts = read(place["text"], stats=place["stats"], links={"/run/docker.sock": "/run/podman/podman.sock"})
    assert users_of(facts) == {"/run/podman/podman.sock": (), "/run/docker.sock": ()}
    place = socket_at("/run/podman/podman.sock", 0o666, run_podman=0o711)
    facts = read(place["text"], stats=place["stats"], links={"/run/docker.sock": "/run/podman/podman.sock"})
    assert set(users_of(facts).values()) == {("every account",)}


def test_an_entry_of_an_acl_opens_a_socket() -> None:
    import base64

    rows = ((1, 6, -1), (2, 6, 1001), (4, 6, -1), (16, 6, -1), (32, 0, -1))
    acl = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + right.to_bytes(2, "little") + (number & 0xFFFFFFFF).to_bytes(4, "little")
        for tag, right, number in rows
    )
    place = socket_at("/run/podman/podman.sock", 0o660)
    named = {"/run/podman/podman.sock": {"system.posix_acl_access": base64.b64encode(acl).decode()}}
    facts = read(place["text"], stats=place["stats"], attributes=named)
    assert users_of(facts) == {"/run/podman/podman.sock": ("ben",)}
    assert [(right.who, right.way) for right in facts.root_rights] == [("ben", "socket")]


@pytest.mark.parametrize(
    "command",
    [
        "podman\0system\0service\0-t\x000\0unix:///srv/api.sock\0",
        "podman\0--log-level=info\0system\0service\0",
    ],
)
def test_a_second_api_service_is_found_by_its_command_or_by_the_socket_that_it_holds(command: str) -> None:
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
        ("ListenStream=0.0.0.0:2375\n", PROXY, ["tcp:0.0.0.0:2375"]),
        ("ListenStream=2375\n", PROXY, ["tcp:[::]:2375"]),
        ("ListenStream=2375\nListenStream=\nListenStream=/srv/p.sock\n", PROXY, ["/srv/p.sock"]),
        ("ListenStream=%t/p.sock\n", PROXY, ["/run/p.sock"]),
        ("ListenStream=2375\n", PROXY.replace("/run/podman", "/run/other"), ["tcp:[::]:2375"]),
        ("ListenStream=2375\n", "[Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd db:5432\n", []),
        ("ListenStream=2375\n", "[Service]\nExecStart=/usr/bin/podman system service\n", ["tcp:[::]:2375"]),
        ("ListenStream=2375\n", "[Service]\nExecStart=/usr/bin/podman run x\n", []),
        ("ListenStream=2375\n", f"{PROXY}ExecStart=\nExecStart=/usr/bin/true\n", []),
    ],
)
def test_a_socket_unit_with_its_service(socket: str, service: str, expected: list[str]) -> None:
    files = RecordedFiles(
        document({f"{UNITS}/gate.socket": f"[Socket]\n{socket}", f"{UNITS}/gate.service": service})
    )
    assert [endpoint.address for endpoint in read_endpoints(files, (), None, ())] == expected


@pytest.mark.parametrize(
    ("command", "address", "certificates"),
    [
        ("socat\0TCP-LISTEN:2375,fork\0UNIX-CONNECT:/run/podman/podman.sock\0", "tcp:0.0.0.0:2375", False),
        ("socat\0TCP4-L:2375,bind=127.0.0.1\0UNIX:/run/podman/podman.sock\0", "tcp:127.0.0.1:2375", False),
        ("socat\0OPENSSL-LISTEN:2376,cert=x\0UNIX:/var/run/podman/podman.sock\0", "tcp:0.0.0.0:2376", True),
        ("socat\0OPENSSL-LISTEN:2376,verify=0\0UNIX:/run/podman/podman.sock\0", "tcp:0.0.0.0:2376", False),
        (
            "socat\0UNIX-LISTEN:/srv/x.sock,fork\0UNIX:/run/user/1000/podman/podman.sock\0",
            "/srv/x.sock",
            False,
        ),
    ],
)
def test_a_socat_forwarder_exposes_the_socket_on_its_address(
    command: str, address: str, certificates: bool
) -> None:
    files = RecordedFiles(document({"/proc/9/cmdline": command}))
    (result,) = read_endpoints(files, read_process_table(files), read_listening(files), (1000,))
    assert (result.address, result.certificates, result.through) == (address, certificates, "socat")
    assert result.uid == (1000 if "user/1000" in command else 0)
