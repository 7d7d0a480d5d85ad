"""Engine APIs on TCP, and why some may not have been seen.

A unit that cannot be read counts for what it may start later. For what is served now it only
counts if a process could be hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from hardentui.host.files import Files, names, text, text_or, tree
from hardentui.host.network.listening import Listening
from hardentui.host.network.sockets import Endpoint, is_api
from hardentui.host.process import HostProcess, sees_everybody
from hardentui.model.host import ApiService
from hardentui.model.known import Known, Unread, known

_UNIT_DIRECTORIES = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system")


_SERVICE = re.compile(r"podman\b[^\n]*\bsystem\s+service\b[^\n]*?(?P<address>tcp:[^\s'\"]+)[^\n]*")


_TCP_SERVICES_LISTEN = r"(?m)^\s*ListenStream\s*=\s*(?P<address>\S+)"


_CLIENT_CA = "--tls-client-ca"


_OF_SOCKETS = r"\.socket(?:\.d(?:/[^/]*)?)?$"


_SYSTEM_SERVICE = r"(?m):/system\.slice/podman[^/\n]*\.service$"


class TcpServices(Struct, frozen=True):
    services: tuple[ApiService, ...]
    unread: str = ""  # why units may start or open further ones; empty when all could be read
    # why further ones may be served right now; empty when none could be overlooked
    unseen: str = ""


def read_tcp_services(
    files: Files,
    endpoints: Iterable[Endpoint],
    processes: Known[tuple[HostProcess, ...]],
    listening: Listening | None,
) -> TcpServices:
    """APIs on TCP: in unit files and drop-ins of the host, and from listening engines."""
    services: list[ApiService] = []
    unread = unseen = ""
    for directory in _UNIT_DIRECTORIES:
        for path, fault in tree(files, directory, 2):
            unit = path.endswith((".service", ".socket", ".conf"))
            content = fault if fault is not None else known(text, files, path) if unit else ""
            if isinstance(content, Unread):
                unread = unread or content.reason
                if path == directory or re.search(_OF_SOCKETS, path):
                    unseen = unseen or content.reason
            elif isinstance(content, str):
                services += services_in_unit(path, content)
    addresses = {service.address for service in services}
    for endpoint in endpoints:
        if endpoint.on_tcp and endpoint.address not in addresses:
            services.append(
                ApiService(
                    endpoint.where,
                    endpoint.address,
                    endpoint.certificates,
                )
            )
    return TcpServices(
        tuple(services),
        unread,
        unseen or _hidden(files, processes, listening),
    )


def services_in_unit(path: str, content: str) -> Iterator[ApiService]:
    """APIs on TCP started by a unit file, or opened by a socket unit of Podman."""
    joined = content.replace("\\\n", " ")
    lines = "\n".join(
        line for line in joined.splitlines() if not line.lstrip().startswith(("#", ";"))
    )
    for match in _SERVICE.finditer(lines):
        yield ApiService(
            path,
            match["address"],
            _CLIENT_CA in match[0],
        )
    if "podman" in path and (path.endswith(".socket") or ".socket.d/" in path):
        for match in re.finditer(_TCP_SERVICES_LISTEN, lines):
            if not match["address"].startswith(("/", "%", "@", "vsock:")):
                yield ApiService(path, f"tcp:{match['address']}", False)


def _hidden(
    files: Files,
    processes: Known[tuple[HostProcess, ...]],
    listening: Listening | None,
) -> str:
    """Why a process may serve an API at an address that cannot be read; empty if none does."""
    if isinstance(processes, Unread):
        return processes.reason
    if not sees_everybody(processes):
        return "/proc hides the processes of other accounts, which may serve an engine's API on TCP"
    for process in processes:
        if is_api(process.words) and not _tells_where(files, process, listening):
            return (
                f"at which address process {process.pid} serves an engine's API, only its owner "
                "sees"
            )
    return ""


def _tells_where(
    files: Files,
    process: HostProcess,
    listening: Listening | None,
) -> bool:
    """By its command line, its open sockets, or the socket unit of its service, which was read:
    units of user managers are not.
    """
    if any(word.startswith(("tcp:", "unix:")) for word in process.words):
        return True
    if (
        listening is not None
        and known(lambda: names(files, f"/proc/{process.pid}/fd"), else_=None) is not None
    ):
        return True
    return (
        re.search(
            _SYSTEM_SERVICE,
            text_or(files, f"/proc/{process.pid}/cgroup"),
        )
        is not None
    )
