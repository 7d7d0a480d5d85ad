"""The engine's defaults in containers.conf."""

from __future__ import annotations

from msgspec import Struct

from hardentui.checks.prelude import *
from hardentui.reading.secrets import secrets_in_pairs
from hardentui.visible import MASK as MASKED

_HOST_NAMESPACES = ("pidns", "netns", "ipcns", "utsns", "cgroupns", "userns")
_EXPECTED_HOST = frozenset({"userns"})  # Podman's default; other checks cover it
_SAFE_SYSCTLS = tuple(
    "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start "
    "net.ipv4.ping_group_range net.ipv4.tcp_keepalive_time net.ipv4.tcp_syncookies".split()
)
_ANNOTATIONS = {
    "run.oci.seccomp": ("it changes the seccomp filter", Gain.HOST.after(1)),
    "run.oci.keep_original_groups": (
        "containers keep the groups of whoever starts them",
        Gain.HOST_ROOT.after(1),
    ),
    "run.oci.mount_context_type": (
        "it changes the SELinux labels of mounts",
        Gain.HOST.after(2),
    ),
    "run.oci.delegate-cgroup": (
        "containers control a cgroup of the host",
        Gain.HOST.after(2),
    ),
    "run.oci.handler": (
        "another handler runs all containers",
        Gain.HOST.after(1),
    ),
}
"""Prefixes of annotations that crun(1) obeys."""
_CODE_BY_ENVIRONMENT = ("LD_PRELOAD=", "LD_LIBRARY_PATH=", "LD_AUDIT=", "PATH=")
_GIVEN_TO_ALL = ("devices", "volumes", "mounts")


class Weak(Struct, frozen=True):
    """A setting that weakens all containers: its name, value, effect, what it gives and file."""

    name: str
    value: Any
    why: str
    gives: Gained
    file: str = ""


@Check(
    gives=Gain.HOST.after(1),  # weakens all containers; the worst setting decides
    summary="Remove the setting from containers.conf and set it only for the containers that need "
    "it",
    passes=lambda: (
        _engine(containers__pids_limit=2048),
        _engine(
            containers__default_capabilities=["CHOWN", "SETUID"],
            containers__userns="host",
        ),
        _engine(
            containers__default_sysctls=["net.ipv4.ping_group_range=0 0"],
            containers__annotations=["org.example.team=web"],
            containers__env=["TZ=UTC", "PASSWORD_FILE=/run/secrets/x"],
            containers__umask="0022",
            containers__keyring=True,
            engine__env=["HTTPS_PROXY=http://proxy:3128"],
            engine__network_cmd_options=["mtu=1500", "allow_host_loopback=false"],
        ),
    ),
    fails=lambda: (
        _engine(containers__privileged=True),
        _engine(containers__seccomp_profile="unconfined"),
        _engine(containers__label=False),
        _engine(containers__log_driver="none"),
        _engine(containers__netns="host"),
        _engine(containers__env_host=True),
        _engine(engine__no_pivot_root=True),
        _engine(containers__default_capabilities=["CHOWN", "NET_RAW"]),
        _engine(containers__volumes=["/etc/pki:/etc/pki:ro"]),
        _engine(containers__annotations=["run.oci.seccomp_bpf_data=BgAAAAAA/38="]),
        _engine(containers__env=["DB_PASSWORD=hunter2hunter2"]),
        _engine(containers__default_sysctls=["kernel.msgmax=65536"]),
        _engine(containers__pids_limit=0),
        _engine(containers__keyring=False),
        _engine(containers__cgroups="disabled"),
        _engine(network__firewall_driver="none"),
        _engine(engine__env=["LD_PRELOAD=/srv/x.so"]),
        _engine(engine__network_cmd_options=["allow_host_loopback=true"]),
    ),
    references=("CIS Docker 1.6 2.17", "NIST SP 800-190 4.4.3"),
    parameters={"allowed_for_all": (), "safe_sysctls": _SAFE_SYSCTLS},
)
def weak_engine_defaults(
    facts: EngineFacts,
    parameters: Parameters,
) -> Verdict:
    """Engine defaults weaken all containers.

    What it checks:
    The engine's effective containers.conf, according to its version: up to Podman 5 all files
    merged, from 6 on the first main file and the drop-ins. The check fails for `privileged = true`,
    `seccomp_profile = "unconfined"`, `apparmor_profile = "unconfined"`, `label = false`, namespaces
    set to `host`, `env_host = true`, `no_pivot_root = true`, capabilities beyond Podman's eleven
    defaults, devices, volumes or mounts that all containers get, annotations that change how the
    runtime confines them, sysctls beyond the harmless ones (parameter `safe_sysctls`), no process
    limit, no cgroups, no logs, a umask of 0, no packet filter rules, no keyring of their own,
    slirp4netns with the host's loopback address, libraries or a search path in the engine's own
    `env`, and passwords in `env`. Files that services name in CONTAINERS_CONF or
    CONTAINERS_CONF_OVERRIDE are read, too. On a host without SELinux, `label = false` has no effect
    until SELinux is enabled; it counts less than the others.

    Why it matters:
    These settings do not show in any command or Quadlet: a container that looks carefully hardened
    in its own file silently gets what the engine gives to all. They also undo fixes: the admin
    removes `--privileged`, and nothing changes.

    What may break:
    Containers that were made to work by this setting lose what they relied on. Move the setting to
    the containers that need it, one by one, and only then remove it here.
    """
    trust = facts.trust
    configured = need(trust.configuration)
    weak = [
        Weak(
            setting.name,
            setting.value,
            setting.why,
            setting.gives,
            configured.file_of(setting.name),
        )
        for setting in _weak(configured, parameters)
    ]
    if weak:
        return _failed(weak)
    if configured.fault is not None:
        return unknown(
            f"a configuration file could not be read: {configured.fault.reason}",
            source=configured.fault.source,
        )
    return passed(
        f"{plural(len(configured.files), 'file')} read, nothing that weakens all containers"
    )


def _weak(
    settings: Configuration,
    parameters: Parameters,
) -> Iterator[Weak]:
    if settings.get("containers.privileged") is True:
        yield Weak(
            "containers.privileged",
            True,
            "all containers are privileged",
            Gain.HOST.after(0, Origin.DEFAULT),
        )
    if settings.get("containers.seccomp_profile") == "unconfined":
        yield Weak(
            "containers.seccomp_profile", "unconfined", "no seccomp filter", Gain.HOST.after(1)
        )
    if settings.get("containers.apparmor_profile") == "unconfined":
        yield Weak(
            "containers.apparmor_profile",
            "unconfined",
            "AppArmor is off",
            Gain.HOST.after(2),
        )
    if settings.get("containers.label") is False:
        yield Weak(
            "containers.label",
            False,
            "SELinux separates no containers",
            Gain.HOST.after(2),
        )
    for name in _HOST_NAMESPACES:
        if settings.get(f"containers.{name}") == "host" and name not in _EXPECTED_HOST:
            yield Weak(
                f"containers.{name}",
                "host",
                "all containers share it with the host",
                Gain.HOST.after(1),
            )
    if settings.get("containers.env_host") is True:
        yield Weak(
            "containers.env_host", True, "the host's environment leaks to all", Gain.SECRETS.at_once
        )
    if settings.get("engine.no_pivot_root") is True:
        yield Weak(
            "engine.no_pivot_root",
            True,
            "chroot instead of pivot_root is weaker",
            Gain.HOST.after(1),
        )
    if settings.get("containers.log_driver") == "none":
        yield Weak(
            "containers.log_driver",
            "none",
            "no container keeps logs",
            Gain.PERSISTENCE.at_once,
        )
    yield from _extra_capabilities(settings)
    allowed = set(parameters.texts("allowed_for_all"))
    for name in _GIVEN_TO_ALL:
        given = [
            text for text in _strings(settings.get(f"containers.{name}")) if text not in allowed
        ]
        if given:
            yield Weak(
                f"containers.{name}",
                ", ".join(given),
                "all containers get them",
                Gain.OTHERS_DATA.after(1),
            )
    yield from _annotations(settings)
    yield from _unlimited(settings)
    sysctls = [
        word
        for word in _strings(settings.get("containers.default_sysctls"))
        if word.partition("=")[0].strip().replace("/", ".") not in parameters.texts("safe_sysctls")
    ]
    if sysctls:
        why = "all containers get these sysctls"
        yield Weak(
            "containers.default_sysctls",
            ", ".join(sysctls),
            why,
            Gain.HOST.after(2),
        )
    yield from _of_engine(settings)
    for name in ("containers.env", "engine.env"):
        secrets = secrets_in_pairs(_strings(settings.get(name)))
        if secrets:
            value = ", ".join(f"{variable}={MASKED}" for variable, _ in secrets)
            yield Weak(
                name,
                value,
                "every container gets a password",
                Gain.SECRETS.at_once,
            )


def _of_engine(settings: Configuration) -> Iterator[Weak]:
    """What the engine itself runs with, and shares with its containers."""
    loaded = [
        word.partition("=")[0]
        for word in _strings(settings.get("engine.env"))
        if word.startswith(_CODE_BY_ENVIRONMENT)
    ]
    if loaded:
        yield Weak(
            "engine.env",
            ", ".join(loaded),
            "the engine runs code that it names",
            Gain.HOST.after(1),
        )
    if settings.get("containers.keyring") is False:
        yield Weak(
            "containers.keyring",
            False,
            "containers share the caller's keyring",
            Gain.SECRETS.after(2),
        )
    if "allow_host_loopback=true" in _strings(settings.get("engine.network_cmd_options")):
        why = "containers with slirp4netns reach the host's loopback address"
        yield Weak(
            "engine.network_cmd_options",
            "allow_host_loopback=true",
            why,
            Gain.NETWORK.at_once,
        )


def _strings(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _annotations(settings: Configuration) -> Iterator[Weak]:
    """Annotations that the OCI runtime obeys: seccomp filter, groups, devices, hooks."""
    for word in _strings(settings.get("containers.annotations")):
        name = word.partition("=")[0].strip()
        for prefix, (why, gives) in _ANNOTATIONS.items():
            if name.startswith(prefix):
                yield Weak(
                    "containers.annotations",
                    name,
                    why,
                    gives,
                )


def _unlimited(settings: Configuration) -> Iterator[Weak]:
    pids = settings.get("containers.pids_limit")
    if isinstance(pids, int) and not isinstance(pids, bool) and pids <= 0:
        yield Weak(
            "containers.pids_limit",
            pids,
            "no container has a process limit",
            Gain.DISTURBANCE.at_once,
        )
    if settings.get("containers.cgroups") == "disabled":
        yield Weak(
            "containers.cgroups",
            "disabled",
            "no container can be limited",
            Gain.DISTURBANCE.at_once,
        )
    umask = settings.get("containers.umask")
    if isinstance(umask, str) and umask.strip("0o") == "":
        yield Weak(
            "containers.umask",
            umask,
            "containers create world-writable files",
            Gain.OTHERS_DATA.after(2),
        )
    if settings.get("network.firewall_driver") == "none":
        yield Weak(
            "network.firewall_driver",
            "none",
            "networks are not isolated",
            Gain.NETWORK.at_once,
        )


def _extra_capabilities(settings: Configuration) -> Iterator[Weak]:
    listed = settings.get("containers.default_capabilities")
    names = {f"CAP_{str(name).upper().removeprefix('CAP_')}" for name in listed or ()}
    extra = sorted(names - DEFAULT_CAPABILITIES)
    if extra:
        text = ", ".join(name.removeprefix("CAP_") for name in extra)
        yield Weak(
            "containers.default_capabilities",
            text,
            "all containers get more than Podman's defaults",
            Gain.HOST.after(1),
        )


def _failed(weak: list[Weak]) -> Verdict:
    first = max(weak, key=lambda setting: setting.gives.severity)
    return failed(
        f"{first.name} in {first.file}: {first.why}",
        "; ".join(f"{setting.name} = {setting.value}" for setting in weak),
        evidence=tuple(
            Evidence(setting.file, f"{setting.name} = {setting.value}") for setting in weak
        ),
        gives=first.gives,
        commands=tuple(
            f"# {setting.file}: remove `{setting.name.partition('.')[2]}`" for setting in weak
        ),
    )


def _engine(**values: Any) -> EngineFacts:
    return engine(accepting(configuration=configuration(**values)))
