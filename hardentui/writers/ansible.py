"""A spec as an Ansible playbook using the collection containers.podman. Pure.

Ansible treats `{{ … }}` in any text as a template and evaluates it on the controller, so every text
of a container that is more than plain words is tagged `!unsafe`. Names in mappings cannot be
tagged; options with such names become plain arguments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from msgspec import Struct

from hardentui.model.file_names import safe_file_name
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.writers.context import UnitContext
from hardentui.writers.left_behind import left_behind
from hardentui.writers.supporting import prerequisites
from hardentui.writers.yaml_text import Unsafe, yaml_text

REQUIREMENTS_FILE = "requirements.yml"
HOSTS = "podman"
"""The inventory group of the playbook."""
_COLLECTION = "containers.podman"
_OLDEST = ">=1.18.0"
_NO_TEMPLATE = re.compile(r"[A-Za-z0-9_./:=@,+ -]*")
_SECURITY_OPT = "--security-opt"
_LOG_DRIVERS = ("k8s-file", "journald", "json-file")
_LOG_OPTIONS = {"max-size": "max_size", "path": "path", "tag": "tag"}


class ParameterKind(Enum):
    """How a parameter of the module represents the value of an option."""

    TEXT = "text"
    NUMBER = "number"
    SWITCH = "switch"
    LIST = "list"
    ONE = "text, for a list with one entry"
    PAIRS = "mapping of NAME=value"
    COLON_PAIRS = "mapping of name:value"


_OPTIONS = {
    ParameterKind.TEXT: (
        "name image entrypoint workdir systemd tz=timezone pod restart=restart_policy sdnotify pull arch "
        "authfile user userns umask pid ipc uts ip mac-address hostname memory memory-reservation "
        "memory-swap pids-limit cpus cpuset-cpus cpuset-mems shm-size cgroup-parent cgroupns cgroups "
        "health-cmd=healthcheck health-interval=healthcheck_interval health-timeout=healthcheck_timeout "
        "health-start-period=healthcheck_start_period health-on-failure=healthcheck_failure_action "
        "init-path personality os variant platform retry-delay init-ctr conmon-pidfile subuidname "
        "subgidname passwd-entry group-entry ip6 seccomp-policy shm-size-systemd rdt-class "
        "health-startup-cmd health-startup-interval health-startup-timeout"
    ),
    ParameterKind.NUMBER: (
        "stop-timeout timeout cpu-shares oom-score-adj health-retries=healthcheck_retries "
        "memory-swappiness cpu-period cpu-quota cpu-rt-period cpu-rt-runtime blkio-weight "
        "health-startup-retries health-startup-success"
    ),
    ParameterKind.SWITCH: (
        "tty interactive init rm tls-verify publish-all no-hosts http-proxy read-only read-only-tmpfs "
        "privileged env-host unsetenv-all rmi oom-kill-disable"
    ),
    ParameterKind.LIST: (
        "env-file requires group-add uidmap gidmap network network-alias=network_aliases publish expose "
        "dns volumes-from device cap-add cap-drop secret=secrets ulimit unsetenv device-read-bps "
        "device-read-iops device-write-bps device-write-iops"
    ),
    ParameterKind.ONE: "hostuser dns-option dns-search device-cgroup-rule gpus",
    ParameterKind.PAIRS: "env label annotation sysctl cgroup-conf",
    ParameterKind.COLON_PAIRS: "add-host=etc_hosts tmpfs blkio-weight-device",
}
"""Kind -> the options, with `=parameter` where its name is not the option's.

Source: the documentation of the collection containers.podman 1.18, module podman_container.
"""

PARAMETERS = {
    BY_NAME[option]: (name or option.replace("-", "_"), kind)
    for kind, words in _OPTIONS.items()
    for option, _, name in (word.partition("=") for word in words.split())
}
"""Option -> parameter of the module; every other option is a word of `cmd_args`.

The module compares a container with its parameters only: a word for which a parameter exists would
make it recreate the container each time.
"""


class AnsibleFiles(Struct, frozen=True):
    """The playbook, its requirements, and what is not carried over, one sentence each."""

    name: str
    playbook: str
    requirements: str
    notes: tuple[str, ...]


def ansible_files(
    spec: Spec,
    context: UnitContext,
    comments: Sequence[str] = (),
) -> AnsibleFiles:
    """A playbook that creates the container and its networks, volumes and pod if they are missing.

    Args:
        comments: what was changed, waived or left out; written at the top.

    Raises:
        CannotExpress: a value that YAML cannot represent.
    """
    stem = context.unit_name or safe_file_name(spec[NAME])
    name = f"{stem}.playbook.yml"
    parameters, notes = _parameters(spec)
    notes += left_behind(spec)
    if context.members:
        others = ", ".join(member.spec[NAME] for member in context.members)
        notes.append(f"other containers of the pod {spec[POD]} need their own playbooks: {others}")
    tasks = [
        *_prerequisites(spec, context),
        _container(stem, parameters),
    ]
    play: dict[str, Any] = {
        "name": f"Container {stem}",
        "hosts": HOSTS,
        "gather_facts": False,
        **({} if context.rootless else {"become": True}),
        "tasks": tasks,
    }
    about = [
        *comments,
        *(f"Note: {note}" for note in notes if note not in comments),
        f"Run it on the hosts of the group {HOSTS} of your inventory with:",
    ]
    commands = [
        f"ansible-galaxy collection install -r {REQUIREMENTS_FILE}",
        f"ansible-playbook -i INVENTORY {name}",
    ]
    required = [{"name": _COLLECTION, "version": _OLDEST}]
    requirements = yaml_text([{"collections": required}])
    return AnsibleFiles(
        name,
        yaml_text([[play]], about, commands),
        requirements,
        tuple(notes),
    )


def _container(stem: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": f"Container {stem}",
        f"{_COLLECTION}.podman_container": parameters,
    }


def _parameters(spec: Spec) -> tuple[dict[str, Any], list[str]]:
    parameters: dict[str, Any] = {}
    words: list[str] = []
    notes: list[str] = []
    for option in TABLE:
        if option not in spec or option in (COMMAND, ROOTFS):
            continue
        value = spec[option]
        if option.before_verb:
            notes.append(
                f"{option.flag} is not carried over: podman_container has no parameter for global "
                "flags"
            )
        elif option is MOUNTS:
            _mounts(parameters, value)
        elif option.flag == _SECURITY_OPT:
            parameters.setdefault("security_opt", []).extend(map(_text, option.to_arguments(value)))
        elif option in PARAMETERS:
            words += _write(parameters, option, value)
        elif option is LOG_DRIVER and value in _LOG_DRIVERS:
            parameters["log_driver"] = value
        elif option is LOG_OPT:
            words += _log_options(parameters, value)
        else:
            words += option.to_words(value)
    if spec[ROOTFS]:
        parameters |= {"rootfs": True, "image": _text(spec[ROOTFS])}
    if spec[COMMAND]:
        parameters["command"] = [_text(word) for word in spec[COMMAND]]
    if words:
        parameters["cmd_args"] = [_text(word) for word in words]
    return {**parameters, "state": "started"}, notes


def _write(
    parameters: dict[str, Any],
    option: Option[Any],
    value: Any,
) -> tuple[str, ...]:
    """Set the parameter; returns the words for values that it cannot hold."""
    name, kind = PARAMETERS[option]
    arguments = option.to_arguments(value)
    if kind in (ParameterKind.PAIRS, ParameterKind.COLON_PAIRS):
        return _mapping(
            parameters, option, value, name, "=" if kind is ParameterKind.PAIRS else ":"
        )
    if kind is ParameterKind.ONE and len(arguments) != 1:
        return option.to_words(value)
    simple: Mapping[ParameterKind, Callable[[], Any]] = {
        ParameterKind.TEXT: lambda: _text(arguments[0]),
        ParameterKind.ONE: lambda: _text(arguments[0]),
        ParameterKind.NUMBER: lambda: value,
        ParameterKind.SWITCH: lambda: value,
        ParameterKind.LIST: lambda: [_text(argument) for argument in arguments],
    }
    parameters[name] = simple[kind]()
    return ()


def _mapping(
    parameters: dict[str, Any],
    option: Option[Any],
    entries: tuple[str, ...],
    name: str,
    separator: str,
) -> tuple[str, ...]:
    """A mapping by name; a quoted entry, or one whose name could be a template, stays a word."""
    pairs: dict[str, str] = {}
    left: list[str] = []
    for entry in entries:
        if option is TMPFS and separator not in entry:
            entry += ":rw"  # the module does not accept a path alone
        key, mark, text = entry.partition(separator)
        as_is = option.to_arguments((entry,)) == (entry,)
        if mark and as_is and key not in pairs and _NO_TEMPLATE.fullmatch(key):
            pairs[key] = _text(text)
        else:
            left += option.to_words((entry,))
    if pairs:
        parameters[name] = pairs
    return tuple(left)


def _mounts(parameters: dict[str, Any], mounts: tuple[Any, ...]) -> None:
    for word in MOUNTS.to_words(mounts):
        flag, _, argument = word.partition("=")
        parameters.setdefault(flag.lstrip("-"), []).append(_text(argument))


def _log_options(
    parameters: dict[str, Any],
    entries: tuple[str, ...],
) -> tuple[str, ...]:
    known: dict[str, str] = {}
    left: list[str] = []
    for entry in entries:
        name, _, value = entry.partition("=")
        if name in _LOG_OPTIONS:
            known[_LOG_OPTIONS[name]] = _text(value)
        else:
            left += LOG_OPT.to_words((entry,))
    if known:
        parameters["log_opt"] = known
    return tuple(left)


def _text(text: str) -> str:
    """Text of a container, which is never a template."""
    return text if _NO_TEMPLATE.fullmatch(text) else Unsafe(text)


def _prerequisites(
    spec: Spec,
    context: UnitContext,
) -> list[dict[str, Any]]:
    """Networks, volumes and the pod, created by commands that reproduce the existing ones."""
    tasks: list[dict[str, Any]] = []
    for number, (kind, name, create) in enumerate(prerequisites(spec, context)):
        there = f"hardentui_{kind}_{number}"
        tasks += [
            {
                "name": f"Look for the {kind} {safe_file_name(name)}",
                "ansible.builtin.command": {"argv": ["podman", kind, "exists", _text(name)]},
                "register": there,
                "changed_when": False,
                "failed_when": f"{there}.rc > 1",
            },
            {
                "name": f"Make the {kind} {safe_file_name(name)}",
                "ansible.builtin.command": {"argv": ["podman", *(_text(word) for word in create)]},
                "when": f"{there}.rc == 1",
                "changed_when": True,
            },
        ]
    return tasks
