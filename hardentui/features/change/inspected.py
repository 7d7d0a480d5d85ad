"""What the inspect document of a container says of its process."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

_STOP_TIMEOUT = 10  # of Podman, where a container has none of its own


def pid_of(document: Mapping[str, Any]) -> int:
    """Its main process; 0 if it does not run."""
    return int((document.get("State") or {}).get("Pid") or 0)


def is_running(document: Mapping[str, Any]) -> bool:
    return bool((document.get("State") or {}).get("Running"))


def stop_timeout(document: Mapping[str, Any]) -> int:
    """Seconds that it has to stop."""
    given = (document.get("Config") or {}).get("StopTimeout")
    return _STOP_TIMEOUT if given is None else int(given)


def stop_signal(document: Mapping[str, Any]) -> int:
    """The number of the signal that stops it."""
    given = (
        str((document.get("Config") or {}).get("StopSignal") or "TERM").upper().removeprefix("SIG")
    )
    return int(given) if given.isdecimal() else getattr(signal, f"SIG{given}", signal.SIGTERM)


def addresses_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Its IPv4 address in each of its networks; one that it has outside of them first."""
    settings = document.get("NetworkSettings") or {}
    networks = (settings.get("Networks") or {}).values()
    places = (
        settings,
        *(network for network in networks if isinstance(network, Mapping)),
    )
    addresses = (str(place.get("IPAddress") or "") for place in places)
    return tuple(dict.fromkeys(address for address in addresses if address))


def has_health_check(document: Mapping[str, Any]) -> bool:
    test = ((document.get("Config") or {}).get("Healthcheck") or {}).get("Test")
    return isinstance(test, list) and test[:1] not in ([], ["NONE"])
