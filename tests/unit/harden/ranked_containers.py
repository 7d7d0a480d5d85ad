"""Containers in the order of their danger, the worst first, as docs/score.md argues it."""

from typing import Any

from hardentui.checks.prelude import container, rootful, rootless
from hardentui.model.facts import ContainerFacts, EngineFacts, ImageFacts
from hardentui.options import *

EVERYWHERE = (PUBLISH, (Port(80, "8080", "0.0.0.0"),))
HERE = (PUBLISH, (Port(80, "8080", "127.0.0.1"),))
SOCKET = Mount("bind", "/run/podman/podman.sock", "/run/podman/podman.sock")
PASSWORD = (ENV, {"DB_PASSWORD": "hunter2hunter2"})
LIMITS = ((MEMORY, "512m"), (PIDS_LIMIT, 100), (CPUS, "1"))
NOBODY = (USER, "1000:1000")
TIGHT = (NOBODY, (CAP_DROP, ("all",)), (NO_NEW_PRIVILEGES, True))
HARDENED = (*TIGHT, *LIMITS, (READ_ONLY, True), (HEALTH_CMD, "CMD-SHELL /bin/check"), (NETWORK, ("web-net",)))
USUAL: tuple[Any, ...] = ((NETWORK, ("web-net",)),)


def mounted(path: str, *options: str) -> Any:
    return MOUNTS, (Mount("bind", path, "/host", options),)


def made(name: str, *pairs: Any, engine: EngineFacts | None = None) -> tuple[str, ContainerFacts]:
    """A container that has not started; a later pair overrides an earlier one."""
    image = ImageFacts("i" * 64, {"Config": {}}, names=("registry.example.com/web:1",))
    facts = container(*dict(pairs).items(), engine=engine or rootful(), image=image)
    return name, facts


WORST_FIRST: tuple[tuple[str, ContainerFacts], ...] = (
    made(
        "privileged, in all namespaces of the host, root of it mounted",
        (PRIVILEGED, True),
        (PID, "host"),
        (NETWORK, ("host",)),
        mounted("/"),
        EVERYWHERE,
    ),
    made(
        "privileged with the engine's socket, open to all",
        (PRIVILEGED, True),
        (MOUNTS, (SOCKET,)),
        EVERYWHERE,
    ),
    made("privileged, open to all", *USUAL, (PRIVILEGED, True), EVERYWHERE),
    made("all files of the host, open to all", *USUAL, mounted("/"), EVERYWHERE),
    made("the engine's socket, open to all", *USUAL, (MOUNTS, (SOCKET,)), EVERYWHERE),
    made(
        "SYS_ADMIN without a filter, open to all",
        *USUAL,
        (CAP_ADD, ("SYS_ADMIN",)),
        (SECCOMP_PROFILE, "unconfined"),
        EVERYWHERE,
    ),
    made("privileged", *USUAL, (PRIVILEGED, True)),
    made("all files of the host", *USUAL, mounted("/")),
    made("the engine's socket", *USUAL, (MOUNTS, (SOCKET,))),
    made("/etc of the host, writable", *USUAL, mounted("/etc")),
    made("a disk of the host", *USUAL, (DEVICES, ("/dev/sda",))),
    made("SYS_ADMIN", *USUAL, (CAP_ADD, ("SYS_ADMIN",))),
    made("SYS_MODULE, limited", *USUAL, *LIMITS, (CAP_ADD, ("SYS_MODULE",))),
    made("the engine's socket, else hardened", *HARDENED, (MOUNTS, (SOCKET,))),
    made(
        "processes and network of the host, no filter",
        (PID, "host"),
        (NETWORK, ("host",)),
        (SECCOMP_PROFILE, "unconfined"),
    ),
    made("processes and network of the host", (PID, "host"), (NETWORK, ("host",))),
    made("no filter, open to all, a password", *USUAL, (SECCOMP_PROFILE, "unconfined"), EVERYWHERE, PASSWORD),
    made("no filter, open to all", *USUAL, (SECCOMP_PROFILE, "unconfined"), EVERYWHERE),
    made("processes of the host", *USUAL, (PID, "host")),
    made("no filter", *USUAL, (SECCOMP_PROFILE, "unconfined")),
    made("network of the host", (NETWORK, ("host",))),
    made("/etc of the host, read-only, open to all", *USUAL, mounted("/etc", "ro"), EVERYWHERE),
    made("capabilities that disturb, open to all", *USUAL, (CAP_ADD, ("NET_ADMIN", "SYS_NICE")), EVERYWHERE),
    made("a password, open to all", *USUAL, PASSWORD, EVERYWHERE),
    made("as Podman makes it, open to all", *USUAL, EVERYWHERE),
    made("a password", *USUAL, PASSWORD),
    made("SYS_NICE", *USUAL, (CAP_ADD, ("SYS_NICE",))),
    made("as Podman makes it, for this host", *USUAL, HERE),
    made("as Podman makes it", *USUAL),
    made("not root, open to all", *USUAL, NOBODY, EVERYWHERE),
    made("not root", *USUAL, NOBODY),
    made("rootless, open to all", *USUAL, EVERYWHERE, engine=rootless()),
    made("rootless", *USUAL, engine=rootless()),
    made("a user namespace of its own, limited", *USUAL, *LIMITS, (USERNS, "auto")),
    made("not root, no capabilities, open to all", *USUAL, *TIGHT, EVERYWHERE),
    made("not root, no capabilities", *USUAL, *TIGHT),
    made("hardened, no health check, open to all", *HARDENED, (HEALTH_CMD, ""), EVERYWHERE),
    made("hardened, open to all", *HARDENED, (USERNS, "auto"), EVERYWHERE),
    made("hardened, for this host", *HARDENED, (USERNS, "auto"), HERE),
    made("hardened", *HARDENED, (USERNS, "auto")),
)
