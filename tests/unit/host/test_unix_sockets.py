"""Who listens on a socket, told by its inode: real sockets of this very process."""

import os
import socket
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace

from hardentui.checks.prelude import container
from hardentui.features.looking.host_side import HostSide
from hardentui.features.looking.mounted_paths import mounts_and_sockets
from hardentui.host.files import LocalFiles
from hardentui.host.files.recorded import RecordedFiles
from hardentui.host.network.unix_sockets import UnixSockets
from hardentui.model.facts import VolumeFacts
from hardentui.model.known import Unread
from hardentui.model.mount import Listener, ReachableSocket
from hardentui.options import MOUNTS
from hardentui.reading.socket_services import Power
from hardentui.reading.sockets import control_sockets, engine_mounts, open_sockets, service_of
from tests.support.judging import FAIL, status_of


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short, because the name of a socket may have 107 bytes at the most."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def listening(directory: Path) -> Iterator[Path]:
    path = directory / "deep" / "app"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield path


def here() -> UnixSockets:
    return UnixSockets(LocalFiles(), "self", own_root=True)


def test_a_socket_is_the_same_under_every_name(
    directory: Path,
    listening: Path,
) -> None:
    link = directory / "renamed"
    os.link(listening, link)
    for path in (listening, link):
        ((at, name, number),) = here().at(str(path))
        assert (at, name) == (str(path), str(listening))
        assert isinstance(number, str)


def test_directories_hold_their_sockets_however_deep_and_hard_links_beside_them(
    directory: Path,
    listening: Path,
) -> None:
    assert [at for at, _, _ in here().at(str(directory))] == [str(listening)]
    (directory / "other").mkdir()
    assert not list(here().at(str(directory / "other")))
    os.link(listening, directory / "other" / "x")
    assert [name for _, name, _ in here().at(str(directory / "other"))] == [str(listening)]


def test_the_program_that_listens_is_told(listening: Path) -> None:
    sockets = here()
    ((_, name, number),) = sockets.at(str(listening))
    assert isinstance(number, str)
    program = os.path.basename(os.readlink("/proc/self/exe"))
    assert sockets.listener(name, number) == Listener(str(listening), program)


def test_nobody_listens_on_a_file_that_was_left(directory: Path) -> None:
    path = directory / "left"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
    assert list(here().at(str(path))) == [(str(path), "", None)]
    (directory / "file").write_text("x")
    assert not list(here().at(str(directory / "file")))


def test_systemd_listens_for_the_service_of_its_unit() -> None:
    mode = {
        "mode": 0o140666,
        "uid": 0,
        "gid": 0,
        "size": 0,
        "mtime": 0.0,
        "inode": 9,
        "device": 3,
    }
    files = RecordedFiles(
        {
            "text": {
                "/proc/self/net/unix": (
                    "Num\n0: 00000002 00000000 00010000 0001 01 4711 /srv/api.sock\n"
                ),
                "/etc/systemd/system/api.socket": "[Socket]\nListenStream=/srv/api.sock\n",
                "/etc/systemd/system/api.service": (
                    "[Service]\nExecStart=/usr/bin/podman system service\n"
                ),
            },
            "links": {"/proc/1/fd/30": "socket:[4711]", "/proc/1/exe": "/usr/lib/systemd/systemd"},
            "stats": {"/srv/api.sock": mode, "/srv/alias": mode},
        }
    )
    sockets = UnixSockets(files, "self", own_root=True)
    assert list(sockets.at("/srv/alias")) == [("/srv/alias", "/srv/api.sock", "4711")]
    listener = sockets.listener("/srv/api.sock", "4711")
    assert isinstance(listener, Listener)
    assert listener == Listener("/srv/api.sock", "podman")
    service = service_of(listener)
    assert service is not None
    assert service.power is Power.ENGINE


@pytest.mark.parametrize(
    ("path", "program", "power"),
    [
        ("/srv/a", "podman", Power.ENGINE),
        ("/srv/a", "dockerd", Power.ENGINE),
        (
            "/run/dbus/system_bus_socket",
            "dbus-broker-launch",
            Power.UNITS,
        ),
        ("/run/systemd/private", "systemd", Power.UNITS),
        ("/srv/a", "incusd", Power.MACHINES),
        ("/run/libvirt/libvirt-sock", "", Power.MACHINES),
        ("/run/libvirt/libvirt-sock-ro", "", Power.NOTHING),
        (
            "/tmp/vm/monitor",
            "qemu-system-x86_64",
            Power.MACHINES,
        ),
        ("/run/snapd.socket", "snapd", Power.PACKAGES),
        (
            "/tmp/tmux-1000/default",
            "tmux: server",
            Power.COMMANDS,
        ),
        ("/tmp/tmux-1000/default", "", Power.COMMANDS),
        ("/run/screen/S-anna/7.tty", "screen", Power.COMMANDS),
        ("/run/user/1000/emacs/server", "emacs", Power.COMMANDS),
        (
            "/run/user/1000/vscode-ipc-1.sock",
            "node",
            Power.COMMANDS,
        ),
        (
            "/run/salt/minion/minion_event_1_pull.ipc",
            "",
            Power.UNITS,
        ),
        (
            "/run/salt/master/master_event_pull.ipc",
            "python3",
            Power.UNITS,
        ),
        ("/run/rpm-ostreed.socket", "", Power.PACKAGES),
        ("/var/run/nri/nri.sock", "", Power.ENGINE),
        ("/run/user/1000/gcr/ssh", "gcr-ssh-agent", Power.KEYS),
        (
            "/home/anna/.1password/agent.sock",
            "1password",
            Power.KEYS,
        ),
        (
            "/run/.heim_org.h5l.kcm-socket",
            "sssd_kcm",
            Power.KEYS,
        ),
        ("/run/tailscale/tailscaled.sock", "", Power.DEVICES),
        ("/tmp/ssh-abc/agent.7", "", Power.KEYS),
        ("/tmp/ssh-abc/agent.7", "sshd", Power.KEYS),
        ("/run/supervisor.sock", "supervisord", Power.UNITS),
        (
            "/home/anna/.gnupg/S.gpg-agent",
            "gpg-agent",
            Power.KEYS,
        ),
        ("/tmp/.X11-unix/X0", "Xorg", Power.SCREEN),
        (
            "/run/user/1000/wayland-0",
            "gnome-shell",
            Power.SCREEN,
        ),
        ("/run/cups/cups.sock", "cupsd", Power.DEVICES),
        (
            "/run/postgresql/.s.PGSQL.5432",
            "postgres",
            Power.NOTHING,
        ),
        ("/srv/docker.sock", "haproxy", Power.NOTHING),
        ("/srv/a", "", None),
        ("/srv/a", "systemd", None),
        ("/srv/a", "socat", None),
        ("/srv/a", "python3.13", None),
        ("/srv/a", "node", None),
        ("/srv/docker.sock", "python3", None),
        ("/run/crio/crio.sock", "python3", Power.ENGINE),
        ("/run/libvirt/libvirt-sock", "sh", Power.MACHINES),
        (
            "/run/php/php8.4-fpm.sock",
            "php-fpm8.4",
            Power.NOTHING,
        ),
    ],
)
def test_what_a_listener_lets_others_do(
    path: str,
    program: str,
    power: Power | None,
) -> None:
    service = service_of(Listener(path, program))
    assert (service.power if service else None) is power


def test_a_socket_that_a_program_of_the_host_makes_in_a_volume_is_reachable_through_it(
    listening: Path,
) -> None:
    """The volume itself shows nothing of the host, but its sockets lead out of the container."""
    data = str(listening.parent)
    volume = VolumeFacts("api", {"Mountpoint": data, "Options": {}})
    entry = {
        "Type": "volume",
        "Name": "api",
        "Source": data,
        "Destination": "/x",
        "Options": [],
        "RW": True,
    }
    host = HostSide(LocalFiles(), lambda: datetime(2026, 11, 25, tzinfo=UTC))
    facts = container(
        "--volume=api:/x",
        volumes={"api": volume},
        inspect={"Mounts": [entry]},
    )
    facts = facts.replace(
        **asdict(
            mounts_and_sockets(
                facts,
                host,
                lambda _: Unread("it is gone"),
            )
        )
    )
    assert facts.mounted == ()
    assert isinstance(facts.sockets, tuple)
    (socket_in_volume,) = facts.sockets
    assert (socket_in_volume.destination, socket_in_volume.path) == ("/x", str(listening))
    (reached,) = open_sockets(facts)
    assert "listens on" in reached.unknown  # an interpreter: it is not known what this one does
    api = replace(socket_in_volume, listener=Listener("/srv/api", "podman"))
    (engine,) = engine_mounts(facts.replace(sockets=(api,)))
    assert (engine.path, engine.is_whole_mount) == (str(listening), False)
    assert not engine_mounts(facts.replace(sockets=(api,)).planned(facts.spec.with_(MOUNTS, ())))
    bus = replace(socket_in_volume, listener=Listener("/srv/bus", "dbus-daemon"))
    assert status_of("mounted-control-socket", facts.replace(sockets=(bus,))) is FAIL


def test_a_directory_under_another_name_holds_the_same_sockets(
    directory: Path,
    listening: Path,
) -> None:
    """As with /home -> /var/home, or a bind mount: the listener knows one name only."""
    (directory / "alias").symlink_to(listening.parent)
    (directory / "whole").symlink_to(directory)
    for path, inside in (
        (directory / "alias", "app"),
        (directory / "whole", "deep/app"),
    ):
        assert [(at, name) for at, name, _ in here().at(str(path))] == [
            (f"{path}/{inside}", str(listening))
        ]


def test_what_may_not_be_looked_at_is_unknown() -> None:
    files = RecordedFiles({"errors": {"/proc/self/net/unix": "EACCES", "/srv/a.sock": "EACCES"}})
    ((_, _, number),) = UnixSockets(files, "self", own_root=True).at("/srv/a.sock")
    assert isinstance(number, Unread)


def test_a_script_with_the_name_of_an_engine_may_be_a_filter() -> None:
    proxied = ReachableSocket(
        "/x",
        "/srv/docker.sock",
        Listener("/srv/docker.sock", "python3"),
    )
    facts = container("--volume=/srv/docker.sock:/x", sockets=(proxied,))
    (result,) = open_sockets(facts)
    assert result.service is None
    assert "what it lets its clients do is not known" in result.unknown
    assert not engine_mounts(facts)


def test_a_relay_is_not_the_service_it_leads_to() -> None:
    relayed = ReachableSocket(
        "/x",
        "/srv/a",
        Listener("/srv/a", "socat"),
    )
    facts = container("--volume=/srv/a:/x", sockets=(relayed,))
    (result,) = open_sockets(facts)
    assert "forwards connections" in result.unknown
    assert not engine_mounts(facts)


def test_names_decide_where_nobody_could_look() -> None:
    far = Unread("the engine is on another machine")
    named = container("--volume=/run/docker.sock:/x", sockets=far)
    assert engine_mounts(named)
    unnamed = container("--volume=/srv/a.sock:/x", sockets=far)
    assert open_sockets(unnamed)[0].unknown == far.reason
    assert control_sockets(container("--volume=/run:/x", sockets=far))


def test_through_an_overlay_no_socket_is_reached() -> None:
    layered = container("--volume=/run:/x:O")
    assert not engine_mounts(layered)
    assert not control_sockets(
        container((MOUNTS, layered.spec[MOUNTS]), sockets=Unread("it is far"))
    )
