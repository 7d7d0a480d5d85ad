"""What inspect shows of a container that a change needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def network_of(inspect: Mapping[str, Any]) -> str:
    """The container whose network it has, by ID: its own, that of its pod, or another one."""
    mode = str((inspect.get("HostConfig") or {}).get("NetworkMode") or "")
    return mode.removeprefix("container:") if mode.startswith("container:") else str(inspect["Id"])


def restart_policy(inspect: Mapping[str, Any]) -> str:
    """The restart policy as `podman update --restart` takes it."""
    policy = (inspect.get("HostConfig") or {}).get("RestartPolicy") or {}
    name, retries = str(policy.get("Name") or "no"), int(policy.get("MaximumRetryCount") or 0)
    return f"{name}:{retries}" if name == "on-failure" and retries else name


def never_ran(inspect: Mapping[str, Any]) -> bool:
    """Whether it was created, and not started."""
    return str((inspect.get("State") or {}).get("Status")) in ("created", "configured")


def holds_ports(inspect: Mapping[str, Any]) -> bool:
    """Also one that is only prepared, because Podman was killed while it started it."""
    return str((inspect.get("State") or {}).get("Status")) != "exited"
