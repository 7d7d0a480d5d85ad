"""Docker's documents as Podman's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from shlex import quote
from typing import Any

from hardentui.model.facts import ALL_CAPABILITIES, STOCK_CAPABILITIES, capability_name
from hardentui.model.trust import full_reference

ONLY_DOCKER = frozenset({"CAP_AUDIT_WRITE", "CAP_MKNOD", "CAP_NET_RAW"})
"""Docker gives these to every container; Podman does not."""


DEFAULT_CAPABILITIES = STOCK_CAPABILITIES | ONLY_DOCKER


DEFAULT_NETWORK = "bridge"


_STOCK_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


_CHECK_DEFAULTS = {"Interval": 30_000_000_000, "Timeout": 30_000_000_000, "Retries": 3}


_SHARED_MEMORY = 64 * 1024 * 1024
"""Bytes of /dev/shm that Docker gives unasked; 2 % more than Podman does."""


_TMPFS = {"exec": "noexec", "suid": "nosuid", "dev": "nodev"}
"""An option of a tmpfs -> what Docker takes without it."""


Document = Mapping[str, Any]


def _identity(text: str) -> str:
    return text.removeprefix("sha256:")


def listed_document(row: Document) -> Document:
    networks = (row.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        **row,
        "Names": [
            name.removeprefix("/") for name in row.get("Names") or () if name.count("/") == 1
        ],
        "ImageID": _identity(row.get("ImageID") or ""),
        "Networks": [name for name in networks if name not in ("host", "none")],
        "Created": None,
    }


def image_document(image: Document, history: Any) -> Document:
    config = dict(image.get("Config") or {})
    config["Healthcheck"] = _health(config.get("Healthcheck"))
    layers = [
        {
            "created_by": layer.get("CreatedBy"),
            "comment": layer.get("Comment"),
        }
        for layer in reversed(history)
    ]
    return {
        **named_image_document(image),
        "Config": config,
        "History": layers,
    }


def named_image_document(image: Document) -> Document:
    names = {
        field: [
            full_reference(name) for name in image.get(field) or () if not name.startswith("<none>")
        ]
        for field in ("RepoTags", "RepoDigests")
    }
    return {**image, "Id": _identity(image["Id"]), **names}


def network_document(network: Document) -> Document:
    """Docker keeps bridges apart, as Podman does with `isolate`."""
    options = network.get("Options") or {}
    ours = {"isolate": "true"} if network["Driver"] == "bridge" else {}
    if mtu := options.get("com.docker.network.driver.mtu"):
        ours["mtu"] = mtu
    places = (network.get("IPAM") or {}).get("Config") or ()
    return {
        "name": network["Name"],
        "id": network.get("Id"),
        "driver": network["Driver"],
        "network_interface": options.get("com.docker.network.bridge.name"),
        "subnets": [
            {
                "subnet": each.get("Subnet"),
                "gateway": each.get("Gateway"),
            }
            for each in places
        ],
        "ipv6_enabled": bool(network.get("EnableIPv6")),
        "internal": bool(network.get("Internal")),
        "dns_enabled": network["Name"] != DEFAULT_NETWORK,
        "labels": network.get("Labels") or {},
        "options": ours,
        "ipam_options": {"driver": "host-local"},
    }


def volume_document(volume: Document) -> Document:
    labels = volume.get("Labels") or {}
    return {
        **volume,
        "Labels": labels,
        "Anonymous": "com.docker.volume.anonymous" in labels,
    }


def _security(info: Document) -> set[str]:
    """`apparmor`, `seccomp`, `rootless`, `userns`…"""
    options = info.get("SecurityOptions") or ()
    return {option.partition("name=")[2].partition(",")[0] for option in options}


def info_document(info: Document) -> Document:
    security = _security(info)
    return {
        "host": {
            "security": {
                "apparmorEnabled": "apparmor" in security,
                "capabilities": ",".join(sorted(DEFAULT_CAPABILITIES)),
                "rootless": "rootless" in security,
                "seccompEnabled": "seccomp" in security,
                "selinuxEnabled": "selinux" in security,
            },
            "cgroupVersion": f"v{info.get('CgroupVersion') or 1}",
            "cpus": info.get("NCPU"),
            "kernel": info.get("KernelVersion"),
            "logDriver": info.get("LoggingDriver"),
            "memTotal": info.get("MemTotal"),
            "ociRuntime": {"name": info.get("DefaultRuntime")},
        },
        "store": {
            "graphRoot": info.get("DockerRootDir"),
            "volumePath": f"{info.get('DockerRootDir')}/volumes",
        },
    }


def container(
    document: Document,
    info: Document,
    engine_pid: int = 0,
) -> Document:
    """Docker's document of a container as Podman's.

    Args:
        info: Docker's document about itself.
        engine_pid: of a process in the engine's namespaces; 0 = none that we see.
    """
    config, host = document["Config"], document["HostConfig"]
    mode = host.get("NetworkMode") or ""
    own_network = mode not in ("host", "none") and not mode.startswith("container:")
    networks = (document.get("NetworkSettings") or {}).get("Networks") or {} if own_network else {}
    bounding = _bounding(host)
    root = (config.get("User") or "").partition(":")[0] in ("", "0", "root")
    asked = _Asked(document, info)
    state = dict(document.get("State") or {})
    state.update(
        CgroupPath=_cgroup(document["Id"], host, info),
        ConmonPid=engine_pid,
    )
    started = not str(state.get("StartedAt") or "0001").startswith("0001")
    return {
        **{
            key: document.get(key) for key in ("Id", "Created", "Driver", "RestartCount", "ExecIDs")
        },
        "Name": document["Name"].removeprefix("/"),
        "State": state,
        "Image": _identity(document["Image"]),
        "ImageName": asked.image,
        "Path": "/run/podman-init" if host.get("Init") else document.get("Path"),
        "Args": [
            *(["--", document.get("Path")] if host.get("Init") else ()),
            *(document.get("Args") or ()),
        ],
        "OCIConfigPath": _runtime_config(document) if started else "",
        "OCIRuntime": host.get("Runtime"),
        "ProcessLabel": document.get("ProcessLabel"),
        "AppArmorProfile": document.get("AppArmorProfile"),
        "BoundingCaps": sorted(bounding),
        "EffectiveCaps": sorted(bounding) if root else [],
        "Mounts": [
            _mount(mount, asked.binds)
            for mount in document.get("Mounts") or ()
            if mount["Type"] != "tmpfs"
        ],
        "NetworkSettings": {
            **(document.get("NetworkSettings") or {}),
            "Networks": networks,
        },
        "Config": {
            **config,
            "Env": [entry for entry in config.get("Env") or () if entry != _STOCK_PATH],
            "Annotations": host.get("Annotations") or {},
            "Healthcheck": _health(config.get("Healthcheck")),
            "CreateCommand": asked.words,
        },
        "HostConfig": {
            **host,
            "NetworkMode": DEFAULT_NETWORK if own_network else mode,
            "CapAdd": _named(host.get("CapAdd")),
            "CapDrop": _named(host.get("CapDrop")),
            "CgroupMode": host.get("CgroupnsMode"),
            "CpuPeriod": 100_000 if host.get("NanoCpus") else host.get("CpuPeriod"),
            "CpuQuota": host["NanoCpus"] // 10_000
            if host.get("NanoCpus")
            else host.get("CpuQuota"),
            "IpcMode": "" if host.get("IpcMode") == "private" else host.get("IpcMode"),
            "LogConfig": asked.log,
            "PidsLimit": host.get("PidsLimit") or 0,
            "SecurityOpt": asked.security,
            "ShmSize": None if host.get("ShmSize") == _SHARED_MEMORY else host.get("ShmSize"),
            "Tmpfs": asked.tmpfs,
            "UsernsMode": "private" if asked.mapped else "",
        },
        "Remarks": [*asked.steps, *asked.remarks],
        "Unknowable": asked.unknowable,
    }


def _named(names: Iterable[str] | None) -> list[str]:
    """Capabilities in Podman's spelling; `all` is every one."""
    return sorted(capability_name(name) for name in names or ())


def _bounding(host: Document) -> frozenset[str]:
    dropped, added = _named(host.get("CapDrop")), _named(host.get("CapAdd"))
    if host.get("Privileged") or "all" in added:
        return ALL_CAPABILITIES if host.get("Privileged") else ALL_CAPABILITIES.difference(dropped)
    return (frozenset() if "all" in dropped else DEFAULT_CAPABILITIES.difference(dropped)).union(
        added
    )


def _cgroup(
    identity: str,
    host: Document,
    info: Document,
) -> str:
    parent = host.get("CgroupParent") or ""
    if info.get("CgroupDriver") == "systemd":
        return f"/{parent or 'system.slice'}/docker-{identity}.scope"
    return f"{parent or '/docker'}/{identity}"


def _runtime_config(document: Document) -> str:
    """Where the system's containerd, or one that Docker has started, keeps the runtime's
    configuration."""
    run = str((document.get("NetworkSettings") or {}).get("SandboxKey") or "").partition("/netns/")[
        0
    ]
    of_docker = run not in ("", "/run/docker", "/var/run/docker")
    base = f"{run}/containerd/daemon" if of_docker else "/run/containerd"
    return f"{base}/io.containerd.runtime.v2.task/moby/{document['Id']}/config.json"


def _health(check: Any) -> Any:
    """With the times that Docker takes where none is given."""
    if not check or not check.get("Test") or check["Test"][0] == "NONE":
        return check
    return {
        **check,
        **{key: check.get(key) or usual for key, usual in _CHECK_DEFAULTS.items()},
    }


def _mount(mount: Document, binds: Mapping[str, set[str]]) -> Document:
    relabel = binds.get(mount["Destination"], set()) & {"z", "Z"}
    return {
        **mount,
        "Mode": ",".join(sorted(relabel)),
        "Options": [],
    }


def _link(network: str, link: str) -> str:
    """What stands for a `--link CONTAINER:ALIAS` of a network with names of its own.

    Podman has no links, and it is the other container that has an alias there.
    """
    linked, _, alias = link.partition(":")
    if alias in ("", linked):
        return f"--link={link}: Podman has no links; {network} resolves the name {linked} without"
    return (
        f"--link={link}: Podman has no links; give {linked} the alias {alias} in {network} "
        f"(--network={network}:alias={alias})"
    )


class _Asked:
    """What a container was asked for, as `podman create` is asked."""

    def __init__(
        self,
        document: Document,
        info: Document,
    ) -> None:
        self._name = document["Name"].removeprefix("/")
        self._config, self._host = document["Config"], document["HostConfig"]
        self.flags: list[tuple[str, str]] = [("--name", self._name)]
        self.steps: list[str] = []
        self.remarks: list[str] = []
        self.unknowable: list[str] = []
        self.binds: dict[str, set[str]] = {}
        self.image = self.image_document(document)
        self.mapped = "userns" in _security(info) and self._host.get("UsernsMode") != "host"
        self.security = self._security_options(info)
        self.log = self._logging(info)
        self.tmpfs = self._tmpfs()
        self.network_document(document)
        self._mounts()
        self._rest(info)
        self._migration(document)
        runtime = self._host.get("Runtime")
        other = (
            []
            if runtime in (None, "", "runc", info.get("DefaultRuntime"))
            else [f"--runtime={runtime}"]
        )
        flags = [f"{flag}={value}" for flag, value in self.flags]
        self.words = [
            "podman",
            *other,
            "create",
            *flags,
            self.image,
            *(self._config.get("Cmd") or ()),
        ]

    def image_document(self, document: Document) -> str:
        given = str(self._config.get("Image") or "")
        try:
            return full_reference(given)
        except ValueError:
            return _identity(document["Image"])

    def _security_options(self, info: Document) -> list[str]:
        options = []
        for option in self._host.get("SecurityOpt") or ():
            name, _, value = option.replace(":", "=", 1).partition("=")
            if name == "seccomp" and value.lstrip().startswith("{"):
                self.unknowable.append("seccomp")
            elif name == "seccomp" and value == "builtin":
                continue
            elif name == "no-new-privileges":
                options += ["no-new-privileges"] if value in ("", "true") else []
            else:
                options.append(f"{name}={value}")
        if "no-new-privileges" in _security(info) and "no-new-privileges" not in options:
            options.append("no-new-privileges")
        if self._host.get("MaskedPaths") == [] and not self._host.get("Privileged"):
            options.append("unmask=ALL")
        self.flags += [("--security-opt", option) for option in options]
        return options

    def _logging(self, info: Document) -> Document:
        given = self._host.get("LogConfig") or {}
        driver, settings = str(given.get("Type") or ""), given.get("Config") or {}
        kept = {key: value for key, value in settings.items() if key in ("max-size", "tag")}
        lost = sorted(f"--log-opt={key}" for key in settings.keys() - kept.keys())
        if driver == "local":
            kept.setdefault("max-size", "100m")  # Docker's own limit, of five files together
        elif driver not in ("json-file", "journald", "none"):
            lost.append(f"--log-driver={driver}")
            driver, kept = "journald", {}
        if lost:
            self.remarks.append(f"{', '.join(lost)}: Podman has no such logging")
        if kept or driver not in ("json-file", info.get("LoggingDriver")):
            driver = {"json-file": "k8s-file", "local": "k8s-file"}.get(driver, driver)
            self.flags.append(("--log-driver", driver))
        self.flags += [("--log-opt", f"{key}={value}") for key, value in kept.items()]
        return {
            "Type": driver,
            "Config": settings,
            "Size": kept.get("max-size"),
            "Tag": kept.get("tag"),
        }

    def _tmpfs(self) -> dict[str, str]:
        asked = {path: text.split(",") for path, text in (self._host.get("Tmpfs") or {}).items()}
        for mount in self._host.get("Mounts") or ():
            if mount["Type"] == "tmpfs":
                settings = mount.get("TmpfsOptions") or {}
                options = [f"size={settings['SizeBytes']}"] if settings.get("SizeBytes") else []
                options += [f"mode={settings['Mode']:o}"] if settings.get("Mode") else []
                asked[mount["Target"]] = options + (["ro"] if mount.get("ReadOnly") else [])
        for path, options in asked.items():
            options += [
                usual for option, usual in _TMPFS.items() if not {option, usual} & {*options}
            ]
            self.flags.append(("--tmpfs", path))
        return {path: ",".join(filter(None, options)) for path, options in asked.items()}

    def network_document(self, document: Document) -> None:
        mode = self._host.get("NetworkMode") or ""
        networks = (document.get("NetworkSettings") or {}).get("Networks") or {}
        own = {
            self._name,
            document["Id"][:12],
            self._config.get("Hostname"),
        }
        if mode in ("host", "none") or mode.startswith("container:"):
            self.flags.append(("--network", mode))
            networks = {}
        for name, endpoint in networks.items():
            endpoint = endpoint or {}
            fixed = endpoint.get("IPAMConfig") or {}
            options = [
                f"alias={alias}" for alias in endpoint.get("Aliases") or () if alias not in own
            ]
            options += [
                f"ip={fixed[key]}" for key in ("IPv4Address", "IPv6Address") if fixed.get(key)
            ]
            self.flags.append(
                (
                    "--network",
                    f"{name}:{','.join(options)}" if options else name,
                )
            )
            self.remarks += [_link(name, link) for link in endpoint.get("Links") or ()]
        for port, bindings in (self._host.get("PortBindings") or {}).items():
            for binding in bindings or ():
                address = binding.get("HostIp") or ""
                address = f"[{address}]" if ":" in address else address
                self.flags.append(
                    (
                        "--publish",
                        f"{address}:{binding.get('HostPort') or ''}:{port}".lstrip(":"),
                    )
                )
        if mac := self._config.get("MacAddress"):
            self.flags.append(("--mac-address", mac))

    def _mounts(self) -> None:
        for bind in self._host.get("Binds") or ():
            self.flags.append(("--volume", bind))
            source, _, rest = bind.partition(":")
            destination, _, options = rest.partition(":")
            self.binds[destination or source] = {*options.split(",")}
        for mount in self._host.get("Mounts") or ():
            if mount["Type"] != "tmpfs":
                source = f",source={mount['Source']}" if mount.get("Source") else ""
                self.flags.append(
                    (
                        "--mount",
                        f"type={mount['Type']}{source},target={mount['Target']}",
                    )
                )

    def _rest(self, info: Document) -> None:
        host, config = self._host, self._config
        names = (
            entry.partition("=")[0] for entry in config.get("Env") or () if entry != _STOCK_PATH
        )
        self.flags += [("--env", name) for name in names]
        self.flags += [
            ("--sysctl", f"{key}={value}") for key, value in (host.get("Sysctls") or {}).items()
        ]
        self.flags += (
            [("--cap-drop", "all")] if "ALL" in map(str.upper, host.get("CapDrop") or ()) else []
        )
        self.flags += [
            ("--device-cgroup-rule", rule) for rule in host.get("DeviceCgroupRules") or ()
        ]
        for device in host.get("Devices") or ():
            access = device.get("CgroupPermissions") or "rwm"
            self.flags.append(
                (
                    "--device",
                    f"{device['PathOnHost']}:{device['PathInContainer']}:{access}",
                )
            )
        for limit in host.get("Ulimits") or ():
            self.flags.append(
                (
                    "--ulimit",
                    f"{limit['Name']}={limit['Soft']}:{limit['Hard']}",
                )
            )
        usual = "host" if str(info.get("CgroupVersion")) == "1" else "private"
        if host.get("CgroupnsMode") not in (None, "", usual):
            self.flags.append(("--cgroupns", host["CgroupnsMode"]))
        if self.mapped:
            self.flags.append(("--userns", "auto"))
        untold = {
            "--link": host.get("Links"),
            "--storage-opt": host.get("StorageOpt"),
            "--gpus": host.get("DeviceRequests"),
            "--domainname": config.get("Domainname"),
            "--health-start-interval": (config.get("Healthcheck") or {}).get("StartInterval"),
        }
        if lost := [flag for flag, value in untold.items() if value]:
            self.remarks.append(f"{', '.join(lost)}: not carried over")

    def _migration(self, document: Document) -> None:
        """What has to be done so that Podman runs it instead."""
        name, given = quote(self._name), str(self._config.get("Image") or "")
        self.steps.append(
            f"before the start: docker update --restart=no {name} && docker stop {name}"
        )
        for mount in document.get("Mounts") or ():
            if mount["Type"] == "volume":
                volume, source = quote(mount["Name"]), quote(mount["Source"])
                self.steps.append(
                    f"then the data of volume {volume}: podman volume create {volume} && "
                    f"tar -C {source} --numeric-owner -cf - . | podman volume import {volume} -"
                )
        for network in (document.get("NetworkSettings") or {}).get("Networks") or ():
            if network not in ("bridge", "host", "none"):
                free = f"docker network rm {quote(network)}"
                self.steps.append(
                    f"the subnet of {network} is taken until: {free}; then Docker cannot start {name} again."
                    " Another Subnet= needs no such step"
                )
        if given != self.image:
            self.steps.append(f"Docker's image {given} is {self.image} for Podman")
        self.steps.append(
            f"an image that no registry has: docker save {quote(given)} | podman load"
        )
        if self._host.get("ReadonlyRootfs"):
            self.remarks.append(
                "--read-only: Podman also mounts a tmpfs on /run, /tmp and /var/tmp"
            )
        held = (_bounding(self._host) & ONLY_DOCKER).difference(
            added := _named(self._host.get("CapAdd"))
        )
        if held and not self._host.get("Privileged") and "all" not in added:
            names = ", ".join(sorted(name.removeprefix("CAP_") for name in held))
            self.remarks.append(
                f"{names}: Docker gives it, Podman does not; add it only if something fails"
            )
