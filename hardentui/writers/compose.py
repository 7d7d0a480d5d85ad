"""What became of a container, as an override file for compose. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.options.codecs import size_text


class Override(list[Any]):
    """A list that replaces the one of compose's first file."""


MARK = "Made by HardenTUI: what hardens the services of this project."
_ONE: Mapping[Option[Any], tuple[str, Callable[[Any], Any]]] = {
    READ_ONLY: ("read_only", bool),
    INIT: ("init", bool),
    USER: ("user", lambda value: str(value).replace("$", "$$")),
    USERNS: ("userns_mode", str),
    RESTART: ("restart", str),
    MEMORY: ("mem_limit", size_text),
    MEMORY_SWAP: ("memswap_limit", size_text),
    MEMORY_RESERVATION: ("mem_reservation", size_text),
    PIDS_LIMIT: ("pids_limit", int),
    CPUS: ("cpus", float),
}
_AS_IT_RUNS = (IMAGE, PULL)  # by ID for the recreated container; compose has its own
_LISTS: Mapping[str, tuple[Option[Any], ...]] = {
    "cap_drop": (CAP_DROP,),
    "cap_add": (CAP_ADD,),
    "security_opt": (NO_NEW_PRIVILEGES, SECCOMP_PROFILE, APPARMOR, LABEL_DISABLE),
    "tmpfs": (TMPFS,),
    "ports": (PUBLISH,),
    "volumes": (MOUNTS,),
}
"""Compose appends to the list of the first file; where something was taken away, ours replaces it.
"""


def service_override(
    before: Spec,
    after: Spec,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The service's part, and the flags that compose has no key for."""
    service: dict[str, Any] = {}
    changed = [option for option in TABLE if before[option] != after[option]]
    for option, (key, value) in _ONE.items():
        if option in changed:
            service[key] = value(after[option])
    for key, options in _LISTS.items():
        if any(option in changed for option in options):
            was, now = (
                [word for o in options for word in _words(spec, o)] for spec in (before, after)
            )
            gone = any(word not in now for word in was)
            service[key] = Override(now) if gone else [word for word in now if word not in was]
    logging: dict[str, Any] = {}
    if LOG_DRIVER in changed and after[LOG_DRIVER]:
        logging["driver"] = after[LOG_DRIVER]
    if LOG_OPT in changed:
        logging["options"] = dict(word.partition("=")[::2] for word in after[LOG_OPT])
    if logging:
        service["logging"] = logging
    known = {
        *_ONE,
        *_AS_IT_RUNS,
        *(option for options in _LISTS.values() for option in options),
    }
    known |= {LOG_OPT} | ({LOG_DRIVER} if "driver" in logging else set())
    return service, tuple(dict.fromkeys(option.flag for option in changed if option not in known))


def _words(spec: Spec, option: Option[Any]) -> list[str]:
    """Compose takes `$NAME` in a value for a variable."""
    return (
        [word.replace("$", "$$") for word in option.to_arguments(spec[option])]
        if option in spec
        else []
    )


def new_named_volumes(before: Spec, after: Spec) -> tuple[str, ...]:
    """The named volumes that only the changed container mounts."""
    known = {mount.source for mount in before[MOUNTS]}
    new = (mount for mount in after[MOUNTS] if mount.type == "volume" and mount.source not in known)
    return tuple(dict.fromkeys(mount.source for mount in new if mount.source))
