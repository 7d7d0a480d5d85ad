"""Options that a pod has, not each of its containers."""

from __future__ import annotations

from typing import Any

from hardentui.model.spec import Option
from hardentui.options import *
from hardentui.options.ports import is_address
from hardentui.writers.kube.container import (
    Handlers,
    PodPart,
)
from hardentui.writers.kube.names import is_dns_label, is_key, is_label_value

_UPDATES = "io.containers.autoupdate"


_ULIMITS = "io.podman.annotations.ulimit"


_POD_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


_RESTART = {"always": "Always", "unless-stopped": "Always", "on-failure": "OnFailure"}


def _said(_: PodPart, __: Any) -> None:
    """The name of the pod and of its container."""


def _labels(part: PodPart, pairs: tuple[str, ...]) -> None:
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name == _UPDATES:
            part.annotations[name] = value
        elif is_key(name) and is_label_value(value):
            part.labels[name] = value
        else:
            part.lose(
                LABELS,
                (pair,),
                "Kubernetes does not accept the label",
            )


def _annotations(part: PodPart, pairs: tuple[str, ...]) -> None:
    for pair in pairs:
        name, _, value = pair.partition("=")
        if is_key(name):
            part.annotations[name] = value
        else:
            part.lose(
                ANNOTATIONS,
                (pair,),
                "Kubernetes does not accept the name",
            )


def _restart(part: PodPart, policy: str) -> None:
    name, _, tries = policy.partition(":")
    part.pod["restartPolicy"] = _RESTART.get(name, "Never")
    if tries:
        part.notes.append(f"--restart={policy}: Kubernetes has no retry limit")


def _stop_timeout(part: PodPart, seconds: int) -> None:
    part.pod["terminationGracePeriodSeconds"] = max(0, seconds)


def _hostname(part: PodPart, name: str) -> None:
    if is_dns_label(name):
        part.pod["hostname"] = name
    else:
        part.lose(
            HOSTNAME,
            name,
            "Kubernetes does not accept the name",
        )


def _group_add(part: PodPart, groups: tuple[str, ...]) -> None:
    for group in groups:
        if group.isdecimal():
            part.pod_security.setdefault("supplementalGroups", []).append(int(group))
        else:
            part.lose(
                GROUP_ADD,
                (group,),
                "Kubernetes accepts numeric IDs only",
            )


def _sysctl(part: PodPart, pairs: tuple[str, ...]) -> None:
    part.pod_security["sysctls"] = [
        {"name": name, "value": value} for name, _, value in (pair.partition("=") for pair in pairs)
    ]


def _ulimit(part: PodPart, limits: tuple[str, ...]) -> None:
    if "host" in limits:
        part.lose(ULIMIT, limits)
        return
    part.annotations[_ULIMITS] = ",".join(limits)
    part.notes.append("--ulimit is written as an annotation that only Podman reads")


def _apparmor(part: PodPart, profile: str) -> None:
    unconfined = profile == "unconfined"
    part.annotations[_POD_APPARMOR + part.name] = profile if unconfined else f"localhost/{profile}"
    part.security["appArmorProfile"] = (
        {"type": "Unconfined"} if unconfined else {"type": "Localhost", "localhostProfile": profile}
    )


def _pid(part: PodPart, mode: str) -> None:
    if mode == "host":
        part.pod["hostPID"] = True
    else:
        part.lose(PID, mode)


def _ipc(part: PodPart, mode: str) -> None:
    if mode == "host":
        part.pod["hostIPC"] = True
    elif mode != "private":
        part.lose(IPC, mode)
    else:
        part.notes.append("--ipc=private: the containers of the pod share one IPC namespace")


def _userns(part: PodPart, mode: str) -> None:
    if mode == "host":
        return
    part.flags.append(f"--userns={mode}")
    if mode.partition(":")[0] in ("auto", "nomap"):
        part.pod["hostUsers"] = False
    else:
        part.notes.append(
            f"--userns={mode} is passed to podman kube play; a cluster only knows hostUsers: false"
        )


def _id_map(option: Option[tuple[str, ...]]) -> Any:
    def write(part: PodPart, lines: tuple[str, ...]) -> None:
        part.pod["hostUsers"] = False
        part.flags.append("--userns=auto")
        part.lose(
            option,
            lines,
            "the user namespace gets a mapping of the engine's choice",
        )

    return write


def _network(part: PodPart, values: tuple[str, ...]) -> None:
    if values == ("host",):
        part.pod["hostNetwork"] = True
        return
    for value in values:
        if value.startswith(("container:", "ns:")):
            part.lose(
                NETWORK,
                (value,),
                "only containers of the same pod share a network",
            )
        else:
            part.flags.append(f"--network={value}")
    part.notes.append(
        "networks are passed to podman kube play; in a cluster, separate pods with a NetworkPolicy"
    )


def _publish(part: PodPart, ports: tuple[Port, ...]) -> None:
    for port in ports:
        _open(part, port.container, port.protocol)
        part.flags.append(f"--publish={port.argument()}")


def _expose(part: PodPart, ports: tuple[str, ...]) -> None:
    for text in ports:
        number, _, protocol = text.partition("/")
        if number.isdecimal():
            _open(part, int(number), protocol or "tcp")
        else:
            part.lose(
                EXPOSE,
                (text,),
                "Kubernetes has no port ranges",
            )


def _open(
    part: PodPart,
    number: int,
    protocol: str,
) -> None:
    opened = part.container.setdefault("ports", [])
    port = {"containerPort": number, "protocol": protocol.upper()}
    if port not in opened:
        opened.append(port)


def _dns(part: PodPart, servers: tuple[str, ...]) -> None:
    if "none" in servers:
        part.lose(DNS, servers)
        return
    part.pod["dnsPolicy"] = "None"
    part.pod.setdefault("dnsConfig", {})["nameservers"] = list(servers)


def _dns_search(part: PodPart, domains: tuple[str, ...]) -> None:
    part.pod.setdefault("dnsConfig", {})["searches"] = list(domains)


def _dns_option(part: PodPart, options: tuple[str, ...]) -> None:
    written = []
    for option in options:
        name, colon, value = option.partition(":")
        written.append({"name": name, "value": value} if colon else {"name": name})
    part.pod.setdefault("dnsConfig", {})["options"] = written


def _add_host(part: PodPart, hosts: tuple[str, ...]) -> None:
    aliases = part.pod.setdefault("hostAliases", [])
    for host in hosts:
        names, _, address = host.partition(":")
        if is_address(address):
            aliases.append(
                {
                    "ip": address.strip("[]"),
                    "hostnames": names.split(";"),
                }
            )
        else:
            part.lose(
                ADD_HOST,
                (host,),
                "Kubernetes accepts IP addresses only",
            )
    if not aliases:
        del part.pod["hostAliases"]


def _as_flags(option: Option[Any]) -> Any:
    """Set by a flag of `podman kube play`; a cluster configures it elsewhere."""

    def write(part: PodPart, value: Any) -> None:
        part.flags.extend(option.to_words(value))

    return write


OF_POD: Handlers = {
    NAME: _said,
    POD: _said,
    LABELS: _labels,
    ANNOTATIONS: _annotations,
    RESTART: _restart,
    STOP_TIMEOUT: _stop_timeout,
    HOSTNAME: _hostname,
    GROUP_ADD: _group_add,
    SYSCTL: _sysctl,
    ULIMIT: _ulimit,
    APPARMOR: _apparmor,
    PID: _pid,
    IPC: _ipc,
    USERNS: _userns,
    UIDMAP: _id_map(UIDMAP),
    GIDMAP: _id_map(GIDMAP),
    NETWORK: _network,
    PUBLISH: _publish,
    EXPOSE: _expose,
    DNS: _dns,
    DNS_SEARCH: _dns_search,
    DNS_OPTION: _dns_option,
    ADD_HOST: _add_host,
    **{option: _as_flags(option) for option in TABLE if option.kube_flag},
}
"""Option -> its writer."""
