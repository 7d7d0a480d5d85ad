"""From an engine's documents, the kernel and the host to facts: the only place that combines them."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from msgspec import Struct, json

from hardentui.engine.read import Engine
from hardentui.engine.shapes import Listed
from hardentui.features.looking.container_readers import (
    UNIT_LABEL,
    Place,
    readers_of_container,
    readers_of_process,
)
from hardentui.features.looking.host_side import HostSide
from hardentui.features.looking.inventories import Inventories
from hardentui.features.looking.mounted_paths import mounts_and_sockets
from hardentui.features.looking.shared_resources import OncePerEngine, Shared, asked
from hardentui.features.opening.opened import Opened
from hardentui.host.files.reader import Files
from hardentui.host.process.cgroups import CgroupTree, find_cgroups
from hardentui.host.process.left_open import read_left_open
from hardentui.host.process.proc import lost_masks, read_entered, read_kernel, refuse_another
from hardentui.images.bases import bases_of
from hardentui.model.apps import app_of
from hardentui.model.facts import (
    AS_FAR_AS_KNOWN,
    COSTLY,
    ONLY_IN_DETAIL,
    ContainerFacts,
    EngineFacts,
    ImageFacts,
    Kernel,
    NetworkFacts,
    NotRunning,
    VolumeFacts,
)
from hardentui.model.host import TrustFacts
from hardentui.model.image import RegistryDigest
from hardentui.model.known import NOT_READ, Known, Together, Unread, known, later
from hardentui.model.network import Peer, Peers
from hardentui.model.seccomp import NoFilter, RawFilter, RuntimeConfig, SeccompProfile
from hardentui.model.spec import Spec
from hardentui.model.trust import full_reference
from hardentui.options import NETWORK
from hardentui.options.engine_defaults import EngineDefaults
from hardentui.options.read import read_spec
from hardentui.options.sources import Sources
from hardentui.reading.containers import ask_or, engine_info, section
from hardentui.reading.networks import mode_of
from hardentui.reading.seccomp import parse_profile
from hardentui.reading.system_calls import RAW_FILTER, raw_filter
from hardentui.scanners.registry_answers import NEVER_ASKED, RegistryAnswers
from hardentui.scanners.stored import StoredScans

_INIT = "/run/podman-init"
"""Where Podman mounts the program of `--init`."""


class RuntimeConfigs:
    """Builds them; most containers have the same filter, which is parsed once."""

    def __init__(self) -> None:
        self._profiles: dict[bytes, SeccompProfile | None] = {}

    def read(self, document: Mapping[str, Any] | None) -> Known[RuntimeConfig]:
        """`document` is None if it could not be read."""
        if document is None:
            return Unread("the configuration of the runtime (config.json) cannot be read")
        annotations = _texts(document.get("annotations"))
        process, linux = document.get("process"), _section(document, "linux")
        score = process.get("oomScoreAdj") if isinstance(process, dict) else None
        devices = _section(linux, "resources").get("devices")
        return RuntimeConfig(
            annotations=annotations,
            seccomp=self._filter(linux, annotations),
            sysctl=_texts(linux.get("sysctl")),
            oom_score_adj=score if isinstance(score, int) else None,
            masks=frozenset(_paths(linux, "maskedPaths")) | frozenset(_paths(linux, "readonlyPaths")),
            device_rules=frozenset(_device_rules(devices)),
            device_filter=bool(devices),
            programs=tuple(dict.fromkeys((*_hooks(document), *_init(document)))),
        )

    def _filter(
        self, linux: Mapping[str, Any], annotations: Mapping[str, str]
    ) -> SeccompProfile | RawFilter | NoFilter | None:
        if RAW_FILTER in annotations:
            compiled = raw_filter(annotations[RAW_FILTER])
            given = None if isinstance(compiled, Unread) else compiled.filter
            return given if isinstance(given, RawFilter) else None
        section = linux.get("seccomp")
        if not section:
            return NoFilter("no linux.seccomp in the runtime's configuration")
        text = json.encode(section)
        if text not in self._profiles:
            try:
                self._profiles[text] = parse_profile(section)
            except (AttributeError, TypeError, ValueError):
                self._profiles[text] = None
        return self._profiles[text]


def _hooks(document: Mapping[str, Any]) -> Iterator[str]:
    for stage in _section(document, "hooks").values():
        for hook in stage if isinstance(stage, list) else ():
            if isinstance(hook, dict) and "path" in hook:
                yield str(hook["path"])


def _init(document: Mapping[str, Any]) -> Iterator[str]:
    mounts = document.get("mounts")
    for mount in mounts if isinstance(mounts, list) else ():
        if isinstance(mount, dict) and mount.get("destination") == _INIT:
            yield str(mount.get("source"))


def _section(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = document.get(name)
    return section if isinstance(section, dict) else {}


def _paths(linux: Mapping[str, Any], name: str) -> Iterator[str]:
    listed = linux.get(name)
    yield from (str(path) for path in (listed if isinstance(listed, list) else ()))


def _device_rules(listed: object) -> Iterator[str]:
    """The rules that allow something, as cgroup v1 lists them."""
    for rule in listed if isinstance(listed, list) else ():
        if isinstance(rule, dict) and rule.get("allow") is True:
            major, minor = (_number(rule.get(name)) for name in ("major", "minor"))
            yield f"{rule.get('type') or 'a'} {major}:{minor} {rule.get('access') or 'rwm'}"


def _number(given: object) -> str:
    return str(given) if isinstance(given, int) and given >= 0 else "*"


def _texts(given: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in given.items()} if isinstance(given, dict) else {}


_MOST_LINKS = 40  # as many as the kernel follows


def links_of(files: Files, document: Mapping[str, Any], volumes: Mapping[str, VolumeFacts]) -> dict[str, str]:
    """Host path of a mount -> its target, for the mounts of a container that go through links.

    A path that cannot be read (no permission, not recorded) is left out; the typed one is used.
    """
    links = {}
    for path in _host_paths(document, volumes):
        try:
            real = real_path(files, path)
        except OSError:
            continue
        if real != posixpath.normpath(path):
            links[path] = real
    return links


def real_path(files: Files, path: str) -> str:
    """The path without symbolic links.

    Raises:
        OSError: part of it cannot be read, or its links form a loop.
    """
    left = [part for part in path.split("/") if part][::-1]
    real, links = "/", 0
    while left:
        part = left.pop()
        if part in (".", ".."):
            real = posixpath.dirname(real) if part == ".." else real
            continue
        here = posixpath.join(real, part)
        if not stat.S_ISLNK(files.stat(here, follow=False).mode):
            real = here
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError("too many links")
        target = files.read_link(here)
        real = "/" if target.startswith("/") else real
        left += [part for part in target.split("/") if part][::-1]
    return real


def _host_paths(document: Mapping[str, Any], volumes: Mapping[str, VolumeFacts]) -> Iterable[str]:
    for mount in document.get("Mounts") or ():
        source = mount.get("Source") if isinstance(mount, Mapping) and mount.get("Type") == "bind" else None
        if isinstance(source, str) and source.startswith("/"):
            yield source
    for volume in volumes.values():
        device = (volume.inspect.get("Options") or {}).get("device")
        if isinstance(device, str) and device.startswith("/"):
            yield device


_OF_HOST = "/proc/1/ns/net"
_MOST_LENDERS = 8

Ask = Callable[[str], Known[Mapping[str, Any]]]


def lender_on_host(facts: ContainerFacts, ask: Ask) -> Known[bool]:
    """Whether the network that a container borrows is the host's own; False for one that borrows none.

    For a running container, the kernel knows. Otherwise the lender decides, or the lender of that one.

    Args:
        ask: for the inspect document of a container by its name or ID.
    """
    mode = next((value for value in facts.spec[NETWORK] if mode_of(value) in ("container", "ns")), "")
    if not mode:
        return False
    shared = ask_or(facts, lambda kernel: kernel.shared_namespaces, None)
    if shared is not None:
        return "net" in shared
    return _leads_to_host(mode, ask)


def _leads_to_host(mode: str, ask: Ask) -> Known[bool]:
    for _ in range(_MOST_LENDERS):
        kind, _, lender = mode.partition(":")
        if kind == "ns":
            same = lender == _OF_HOST
            return True if same else Unread(f"which network it joins at {lender} is not known")
        if kind != "container":
            return kind == "host"
        document = ask(lender)
        if isinstance(document, Unread):
            return Unread(f"the network of container {lender}, which it borrows: {document.reason}")
        mode = str(section(document, "HostConfig").get("NetworkMode") or "")
    return Unread("the network that it borrows is passed on too often")


INSIDE_NOT_READ = Unread(
    "the files in the image were not read; hardentui images --inside reads them without running it"
)
_MOST_COMPARED = 500
_RUNNING = ("running", "paused", "stopping")


class StoredAboutImages(Struct, frozen=True):
    """What earlier looks left about images; None = it is ignored.

    Attributes:
        inventories: their contents.
        scans: results of vulnerability scanners.
        registry: answers of registries.
    """

    inventories: Inventories | None = None
    scans: StoredScans | None = None
    registry: RegistryAnswers | None = None


V = TypeVar("V")


class Gatherer:
    """One engine's containers as facts. What containers share (images, networks, volumes) is read once.

    Args:
        opened: how its host and what its user trusts are read, both with the first container. The files are
            not read if the engine is remote.
    """

    def __init__(self, engine: Engine, opened: Opened, stored: StoredAboutImages) -> None:
        self._opened = opened
        self._stored = stored
        self._once = OncePerEngine(engine, opened.files, opened.run, opened.clock)
        self.engine = engine
        self._files = opened.files_of(engine.facts)
        self._host_side = HostSide(opened.files, opened.clock)
        self._trust: Known[TrustFacts] | None = None
        self._cgroups: Known[CgroupTree] | None = None
        self._images: dict[str, Known[ImageFacts]] = {}
        self._fresh: dict[str, Known[ImageFacts]] = {}  # with what may have changed since the last list
        self._engine_facts: EngineFacts | None = None
        self._refined_from = engine.facts
        self._shared = Shared(engine, ())
        self._defaults = EngineDefaults()
        self._runtimes = RuntimeConfigs()
        self._place = Place(engine, self._files, self._once)

    def refresh(self, listed: tuple[Listed, ...]) -> None:
        """Use a new list of containers, and forget what may have changed with it."""
        self._shared = Shared(self.engine, listed)
        self._engine_facts = None
        self._fresh.clear()
        self._host_side.forget(tuple(container.pid for container in listed if container.pid))
        self._once.forget(
            {container.labels[UNIT_LABEL] for container in listed if UNIT_LABEL in container.labels}
        )

    def engine_facts(self) -> EngineFacts:
        """The engine with what its user trusts."""
        facts = self.engine.facts
        if self._engine_facts is None or facts is not self._refined_from:
            self._refined_from = facts
            self._engine_facts = facts.replace(
                trust=later(self._read_trust),
                auto_update_timer=later(lambda _: self._once.auto_update_timer()),
            )
        return self._engine_facts

    def _read_trust(self, engine: EngineFacts) -> Known[TrustFacts]:
        if self._trust is None:
            self._trust = self._opened.read_trust(engine)
        return self._trust

    def container(self, document: Mapping[str, Any], *, costly: bool = True) -> ContainerFacts:
        """A container by its inspect document; everything else is read when it is first asked for.

        Args:
            costly: False = without what takes too long for hundreds of containers.
        """
        shared = self._shared  # the same list for all of its facts, even if a new one arrives
        self._defaults = self._defaults.learned(document)
        local = self.engine.facts.local
        oci = Together(self._oci_config)
        around = Together(mounts_and_sockets, self._host_side, shared.giver)
        readers: dict[str, Any] = {**readers_of_container(self._place)}
        if not costly:
            readers |= dict.fromkeys(COSTLY & readers.keys(), ONLY_IN_DETAIL)
            readers |= AS_FAR_AS_KNOWN
        return ContainerFacts(
            id=str(document.get("Id", "")),
            name=str(document.get("Name", "")).lstrip("/"),
            spec=later(self._spec, shared, oci, self._defaults),
            inspect=document,
            engine=self.engine_facts(),
            now=self._opened.clock(),
            image=later(self._image_of, costly=costly),
            kernel=later(self._kernel, costly=costly),
            host=later(lambda facts: self._opened.host_facts()),
            networks=later(lambda facts: shared.networks_of(document)),
            volumes=later(lambda facts: shared.volumes_of(document)),
            pod=later(lambda facts: shared.pod(str(document.get("Pod") or ""))),
            image_ids=later(lambda facts: shared.image_ids),
            links=later(lambda facts: links_of(self._files, document, facts.volumes) if local else {}),
            registry_digest=later(lambda facts: self._registry_digest(document)),
            runtime=later(lambda facts: self._runtimes.read(oci.whole(facts))),
            mounted=later(around.part, "mounted"),
            hidden_mounts=later(around.part, "hidden_mounts"),
            sockets=later(around.part, "sockets"),
            lender_on_host=later(lender_on_host, shared.giver),
            **readers,
        )

    def _spec(
        self,
        facts: ContainerFacts,
        shared: Shared,
        oci: Together[Mapping[str, Any] | None],
        defaults: EngineDefaults,
    ) -> Spec:
        engine, pod = facts.engine, facts.pod
        host: Mapping[str, Any] = engine_info(engine, "")
        pod_mounts = (pod or {}).get("mounts") or ()
        return read_spec(
            Sources(
                inspect=facts.inspect,
                image=known(lambda: facts.image.inspect, else_=None),
                umask=ask_or(facts, lambda kernel: kernel.umask, ""),
                oci_config=oci.whole(facts),
                default_capabilities=engine.default_capabilities,
                default_network=engine.default_network,
                version=engine.version,
                rootless=engine.rootless is True,
                log_driver=str(host.get("logDriver") or ""),
                runtime=str((host.get("ociRuntime") or {}).get("name") or ""),
                pids_limit=defaults.pids_limit,
                default_ulimits=defaults.ulimits,
                cgroup_version={"v1": 1, "v2": 2}.get(str(host.get("cgroupVersion") or "")),
                network_names={
                    str(network.inspect.get("id")): name for name, network in facts.networks.items()
                },
                pod_name=shared.pod_names.get(facts.id, ""),
                pod_shares=None if pod is None else frozenset(pod.get("SharedNamespaces") or ()),
                pod_mounts=frozenset(str(mount.get("Destination")) for mount in pod_mounts),
                container_names=shared.names,
                volumes={name: volume.inspect for name, volume in facts.volumes.items()},
                base_hosts=self._base_hosts(engine, section(facts.inspect, "HostConfig")),
            )
        )

    def _base_hosts(self, engine: EngineFacts, shown: Mapping[str, Any]) -> str | None:
        """The text that /etc/hosts of the engine's containers starts with, if this one has something else."""
        if not shown.get("HostsFile") or not engine.local:
            return None
        configuration = known(lambda: engine.trust.configuration)
        if isinstance(configuration, Unread):
            return None
        setting = configuration.values.get("containers.base_hosts_file")
        path = str(setting.value) if setting and setting.value else "/etc/hosts"
        if path in ("none", "image"):
            return "" if path == "none" else None
        try:
            return self._files.read_text(path)
        except OSError:
            return None

    def _oci_config(self, facts: ContainerFacts) -> Mapping[str, Any] | None:
        path = facts.inspect.get("OCIConfigPath")
        if not self.engine.facts.local or not isinstance(path, str) or not path:
            return None
        return _json_file(self._files, path)

    def _kernel(self, facts: ContainerFacts, *, costly: bool) -> Kernel | NotRunning:
        state = section(facts.inspect, "State")
        status = str(state.get("Status") or "")
        if status not in _RUNNING:
            return NotRunning(status or "unknown")
        if not self.engine.facts.local:
            return Kernel.unread(self.engine.facts.unseen)
        if self._cgroups is None:
            self._cgroups = find_cgroups(self._files)
        kernel = read_kernel(
            self._files,
            int(state.get("Pid") or 0),
            engine_pid=int(state.get("ConmonPid") or 0) or None,
            cgroup_path=str(state.get("CgroupPath") or ""),
            cgroups=self._cgroups,
            engine_mounts=self._host_side.mount_table,
        )
        if isinstance(known(lambda: kernel.started), Unread):
            return kernel
        readers: dict[str, Any] = {**readers_of_process(facts, self._place, self._cgroups)}
        if not costly:
            readers |= dict.fromkeys(COSTLY & readers.keys(), ONLY_IN_DETAIL)
        return kernel.replace(
            entered=later(
                self._of_process,
                lambda: read_entered(self._files, kernel, self._host_side.processes_by_mounts),
            ),
            lost_masks=later(self._of_process, lambda: lost_masks(self._files, kernel, facts.runtime)),
            left_open=later(self._of_process, lambda: read_left_open(self._files, kernel)),
            **readers,
        )

    def _of_process(self, kernel: Kernel, read: Callable[[], V]) -> V:
        """What is read of a process later than the rest, if it is still the same."""
        value = read()
        refuse_another(self._files, kernel)
        return value

    def _registry_digest(self, document: Mapping[str, Any]) -> Known[RegistryDigest]:
        if self._stored.registry is None:
            return NEVER_ASKED
        try:
            return self._stored.registry.of(full_reference(str(document.get("ImageName") or "")))
        except ValueError:
            return NEVER_ASKED

    def forget_image(self, identity: str) -> None:
        """New data about an image is available."""
        self._images.pop(identity, None)
        self._fresh.pop(identity, None)

    def _image_of(self, facts: ContainerFacts, *, costly: bool) -> Known[ImageFacts]:
        image = self._image(str(facts.inspect.get("Image") or ""))
        return image if costly or isinstance(image, Unread) else image.replace(bases=ONLY_IN_DETAIL)

    def _image(self, identity: str) -> Known[ImageFacts]:
        if not identity:
            return Unread("the container has no image (a root file system of its own)")
        image = self._fresh.get(identity)
        if image is None:
            image = self._images.get(identity) or asked(lambda: self._read_image(identity))
            self._images[identity] = image
            if not isinstance(image, Unread):
                image = image.replace(bases=later(self._bases))
                if (scans := self._stored.scans) is not None:
                    image = image.replace(scan=later(lambda image: scans.of(image.id)))
            self._fresh[identity] = image
        return image

    def _bases(self, image: ImageFacts) -> Known[tuple[str, ...]]:
        """Found by comparing it with each other image of the engine."""
        ids = self._shared.image_ids
        if isinstance(ids, Unread):
            return ids
        identities = dict.fromkeys(ids.values())
        if len(identities) > _MOST_COMPARED:
            return Unread(f"there are more than {_MOST_COMPARED} other images")
        return bases_of(image, {identity: self._image(identity) for identity in identities})

    def _read_image(self, identity: str) -> ImageFacts:
        inspect = self.engine.image(identity)
        history = inspect.get("History")
        inventories = self._stored.inventories
        inventory = inventories.known(identity) if inventories else None
        return ImageFacts(
            id=identity,
            inspect=inspect,
            history=tuple(reversed(history)) if isinstance(history, list) else NOT_READ,
            engine=self.engine.facts,
            names=tuple(inspect.get("RepoTags") or ()),
            inventory=inventory or INSIDE_NOT_READ,
            now=self._opened.clock(),
        )

    def networks(self) -> tuple[NetworkFacts, ...]:
        """The networks of the engine that containers use."""
        return self._shared.used_networks()

    def images(self) -> tuple[ImageFacts, ...]:
        """All images of the engine, without their contents."""
        shared = self._shared
        images = []
        for listed in self.engine.images():
            facts = self._image(str(listed["Id"]))
            if isinstance(facts, ImageFacts):
                users = tuple(container.name for container in shared.listed if container.image_id == facts.id)
                images.append(facts.replace(used_by=users))
        return tuple(images)


def with_peers(all_facts: Collection[ContainerFacts]) -> Iterator[ContainerFacts]:
    """Each container with all others of its engine, for checks that compare containers."""
    peers = Together(lambda _: _peers(all_facts))
    for facts in all_facts:
        yield facts.replace(peers=later(peers.whole))


def _peers(all_facts: Collection[ContainerFacts]) -> Peers:
    apps = _apps_of_pods(all_facts)
    return Peers(tuple(_peer(facts, apps) for facts in all_facts))


def _apps_of_pods(all_facts: Collection[ContainerFacts]) -> dict[str, str]:
    """Pod ID -> the application named by its labels and those of its members, else the pod's name.

    The infra container, which holds the shared network, has no labels of its own.
    """
    labelled: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for facts in all_facts:
        if identity := str(facts.inspect.get("Pod") or ""):
            pod = facts.pod or {}
            names[identity] = f"pod {pod.get('Name') or identity[:12]}"
            app = app_of(facts.labels) or app_of(pod.get("Labels") or {})
            labelled.setdefault(identity, set()).update({app} - {""})
    return {
        identity: apps.pop() if len(apps) == 1 else names[identity] for identity, apps in labelled.items()
    }


def _peer(facts: ContainerFacts, apps_of_pods: Mapping[str, str]) -> Peer:
    document = facts.inspect
    pod = str(document.get("Pod") or "")
    lines = ask_or(facts, lambda kernel: kernel.uid_map, ())
    return Peer(
        id=facts.id,
        name=facts.name,
        networks=tuple((document.get("NetworkSettings") or {}).get("Networks") or ()),
        app=app_of(facts.labels) or apps_of_pods.get(pod, ""),
        pod=pod,
        process_label=str(document.get("ProcessLabel") or ""),
        uid_ranges=tuple((line.outside, line.size) for line in lines),
        ipc_namespace=ask_or(facts, lambda kernel: kernel.namespaces.get("ipc", ""), ""),
        programs=tuple(facts.programs),
    )


def _json_file(files: Files, path: str) -> Mapping[str, Any] | None:
    try:
        document = json.decode(files.read_bytes(path))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
