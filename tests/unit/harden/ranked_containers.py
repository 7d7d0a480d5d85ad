"""Containers in the order of their danger, the worst first, as docs/score.md argues it."""

from typing import Any

from hardentui.checks.prelude import container, rootful, rootless
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts
from hardentui.options import *

EVERYWHERE = (PUBLISH, (Port(80, "8080", "0.0.0.0"),))
HERE = (PUBLISH, (Port(80, "8080", "127.0.0.1"),))
SOCKET = Mount(
    "bind",
    "/run/podman/podman.sock",
    "/run/podman/podman.sock",
)
PASSWORD = (ENV, {"DB_PASSWORD": "hunter2hunter2"})
LIMITS = ((MEMORY, 512 << 20), (PIDS_LIMIT, 100), (CPUS, 1.0))
NOBODY = (USER, "1000:1000")
TIGHT = (
    NOBODY,
    (CAP_DROP, ("all",)),
    (NO_NEW_PRIVILEGES, True),
)
UNCHECKED = (
    *TIGHT,
    *LIMITS,
    (READ_ONLY, True),
    (NETWORK, ("web-net",)),
)
HARDENED = (*UNCHECKED, (HEALTH_CMD, "CMD-SHELL /bin/check"))
USUAL: tuple[Any, ...] = ((NETWORK, ("web-net",)),)


def mounted(path: str, *options: str) -> Any:
    return MOUNTS, (Mount("bind", path, "/host", options),)


def made(
    name: str,
    *options: Any,
    engine: EngineFacts | None = None,
) -> tuple[str, ContainerFacts]:
    """A container that has not started."""
    image = ImageFacts(
        "i" * 64,
        {"Config": {}},
        names=("registry.example.com/web:1",),
    )
    facts = container(
        *options,
        engine=engine or rootful(),
        image=image,
    )
    return name, facts


NO_FILTER = "--security-opt=seccomp=unconfined"
OF_HOST = "--privileged --pid=host --network=host"
WORST_FIRST: tuple[tuple[str, ContainerFacts], ...] = (
    made(
        "privileged, in all namespaces of the host, root of it mounted",
        OF_HOST,
        mounted("/"),
        EVERYWHERE,
    ),
    made(
        "privileged with the engine's socket, open to all",
        "--privileged",
        (MOUNTS, (SOCKET,)),
        EVERYWHERE,
    ),
    made(
        "privileged, open to all",
        *USUAL,
        "--privileged",
        EVERYWHERE,
    ),
    made(
        "all files of the host, open to all",
        *USUAL,
        mounted("/"),
        EVERYWHERE,
    ),
    made(
        "the engine's socket, open to all",
        *USUAL,
        (MOUNTS, (SOCKET,)),
        EVERYWHERE,
    ),
    made(
        "SYS_ADMIN without a filter, open to all",
        *USUAL,
        "--cap-add=SYS_ADMIN",
        NO_FILTER,
        EVERYWHERE,
    ),
    made("privileged", *USUAL, "--privileged"),
    made("all files of the host", *USUAL, mounted("/")),
    made("the engine's socket", *USUAL, (MOUNTS, (SOCKET,))),
    made(
        "/etc of the host, writable",
        *USUAL,
        mounted("/etc"),
    ),
    made("a disk of the host", *USUAL, "--device=/dev/sda"),
    made("SYS_ADMIN", *USUAL, "--cap-add=SYS_ADMIN"),
    made(
        "SYS_MODULE, limited",
        *USUAL,
        *LIMITS,
        "--cap-add=SYS_MODULE",
    ),
    made(
        "the engine's socket, else hardened",
        *HARDENED,
        (MOUNTS, (SOCKET,)),
    ),
    made(
        "processes and network of the host, no filter",
        "--pid=host --network=host",
        NO_FILTER,
    ),
    made("processes and network of the host", "--pid=host --network=host"),
    made(
        "no filter, open to all, a password",
        *USUAL,
        NO_FILTER,
        EVERYWHERE,
        PASSWORD,
    ),
    made(
        "no filter, open to all",
        *USUAL,
        NO_FILTER,
        EVERYWHERE,
    ),
    made("processes of the host", *USUAL, "--pid=host"),
    made("no filter", *USUAL, NO_FILTER),
    made("network of the host", "--network=host"),
    made(
        "/etc of the host, read-only, open to all",
        *USUAL,
        mounted("/etc", "ro"),
        EVERYWHERE,
    ),
    made(
        "capabilities that disturb, open to all", *USUAL, "--cap-add=NET_ADMIN,SYS_NICE", EVERYWHERE
    ),
    made(
        "a password, open to all",
        *USUAL,
        PASSWORD,
        EVERYWHERE,
    ),
    made(
        "as Podman makes it, open to all",
        *USUAL,
        EVERYWHERE,
    ),
    made("a password", *USUAL, PASSWORD),
    made("SYS_NICE", *USUAL, "--cap-add=SYS_NICE"),
    made("as Podman makes it, for this host", *USUAL, HERE),
    made("as Podman makes it", *USUAL),
    made(
        "not root, open to all",
        *USUAL,
        NOBODY,
        EVERYWHERE,
    ),
    made("not root", *USUAL, NOBODY),
    made(
        "rootless, open to all",
        *USUAL,
        EVERYWHERE,
        engine=rootless(),
    ),
    made("rootless", *USUAL, engine=rootless()),
    made(
        "a user namespace of its own, limited",
        *USUAL,
        *LIMITS,
        "--userns=auto",
    ),
    made(
        "not root, no capabilities, open to all",
        *USUAL,
        *TIGHT,
        EVERYWHERE,
    ),
    made("not root, no capabilities", *USUAL, *TIGHT),
    made(
        "hardened, no health check, open to all",
        *UNCHECKED,
        EVERYWHERE,
    ),
    made(
        "hardened, open to all",
        *HARDENED,
        "--userns=auto",
        EVERYWHERE,
    ),
    made(
        "hardened, for this host",
        *HARDENED,
        "--userns=auto",
        HERE,
    ),
    made("hardened", *HARDENED, "--userns=auto"),
)
