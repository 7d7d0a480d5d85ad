"""From an engine's documents, the kernel and the host to facts: the only place that combines them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct, json
from msgspec.structs import replace

from hardentui.engine.read import Engine
from hardentui.engine.shapes import Listed
from hardentui.host.files.reader import Files
from hardentui.host.process.cgroups import CgroupTree, find_cgroups
from hardentui.host.process.entered import read_entered
from hardentui.host.process.left_open import read_left_open
from hardentui.host.process.proc import read_kernel
from hardentui.host.process.since_start import lost_masks
from hardentui.images.bases import bases_of
from hardentui.model.apps import app_of
from hardentui.model.facts import (
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
from hardentui.model.known import NOT_READ, Known, Unreadable
from hardentui.model.peers import Peer, Peers
from hardentui.model.runtime import RuntimeConfig
from hardentui.model.trust import full_reference
from hardentui.options.engine_defaults import EngineDefaults
from hardentui.options.read import read_spec
from hardentui.options.sources import Sources
from hardentui.scanners.registry_answers import NEVER_ASKED, RegistryAnswers
from hardentui.scanners.stored import StoredScans
from hardentui.workbench.looking.borrowed_network import lender_on_host
from hardentui.workbench.looking.detailed_inspection import UNIT_LABEL, inspect_in_detail, small_things
from hardentui.workbench.looking.host_side import HostSide
from hardentui.workbench.looking.inventories import Inventories
from hardentui.workbench.looking.mount_links import links_of
from hardentui.workbench.looking.mounted_paths import mounts_and_sockets
from hardentui.workbench.looking.once_per_engine import OncePerEngine
from hardentui.workbench.looking.runtime_config import RuntimeConfigs
from hardentui.workbench.looking.shared_resources import Shared, asked
from hardentui.workbench.opening.opened import Opened

INSIDE_NOT_READ = Unreadable(
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


class _ContainerParts(Struct, frozen=True):
    """What was read for one container, each from another place.

    Attributes:
        document: its inspect document.
        pod: the inspect document of its pod.
        oci_config: the runtime's configuration of it.
    """

    document: Mapping[str, Any]
    image: Known[ImageFacts]
    kernel: Known[Kernel | NotRunning]
    networks: Mapping[str, NetworkFacts]
    volumes: Mapping[str, VolumeFacts]
    pod: Mapping[str, Any] | None
    oci_config: Mapping[str, Any] | None


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
        self._scanned: dict[str, ImageFacts] = {}
        self._engine_facts: EngineFacts | None = None
        self._refined_from = engine.facts
        self._shared = Shared(engine, ())
        self._defaults = EngineDefaults()
        self._runtimes = RuntimeConfigs()

    def refresh(self, listed: tuple[Listed, ...]) -> None:
        """Use a new list of containers, and forget what may have changed with it."""
        self._shared = Shared(self.engine, listed)
        self._scanned.clear()
        self._host_side.forget(tuple(container.pid for container in listed if container.pid))
        self._once.forget(
            {container.labels[UNIT_LABEL] for container in listed if UNIT_LABEL in container.labels}
        )

    def engine_facts(self) -> EngineFacts:
        """The engine with what its user trusts."""
        if self._trust is None:
            self._trust = self._opened.read_trust(self.engine.facts)
        known = self.engine.facts
        if self._engine_facts is None or known is not self._refined_from:
            self._refined_from = known
            self._engine_facts = replace(known, trust=self._trust)
        return self._engine_facts

    def container(self, document: Mapping[str, Any], *, closer: bool = False) -> ContainerFacts:
        """The facts of one container from its inspect document.

        Args:
            closer: also its processes, listening sockets and changed files.
        """
        shared = self._shared  # the same list for the whole method, even if a new one arrives
        self._defaults = self._defaults.learned(document)
        oci_config = self._oci_config(document)
        runtime = self._runtimes.read(oci_config)
        parts = _ContainerParts(
            document=document,
            image=self._image(str(document.get("Image") or ""), compared=closer),
            kernel=self._kernel(document, runtime),
            networks=shared.networks_of(document),
            volumes=shared.volumes_of(document),
            pod=shared.pod(str(document.get("Pod") or "")),
            oci_config=oci_config,
        )
        facts = ContainerFacts(
            id=str(document.get("Id", "")),
            name=str(document.get("Name", "")).lstrip("/"),
            spec=read_spec(self._sources(parts, shared)),
            inspect=document,
            engine=self.engine_facts(),
            image=parts.image,
            kernel=parts.kernel,
            host=self._opened.host_facts(),
            networks=parts.networks,
            volumes=parts.volumes,
            pod=parts.pod,
            image_ids=shared.image_ids,
            links=links_of(self._files, document, parts.volumes) if self.engine.facts.local else {},
            registry_digest=self._registry_digest(document),
            runtime=runtime,
            now=self._opened.clock(),
        )
        added = mounts_and_sockets(facts, self._host_side, shared.giver)
        added |= small_things(facts, self.engine, self._files, self._once)
        added["lender_on_host"] = lender_on_host(facts, shared.giver)
        if closer:
            added |= inspect_in_detail(facts, self.engine, self._files, self._cgroups, self._once)
        return replace(facts, **added)

    def _sources(self, parts: _ContainerParts, shared: Shared) -> Sources:
        engine = self.engine_facts()
        host = _part(engine.info, "host")
        kernel, pod = parts.kernel, parts.pod
        pod_mounts = (pod or {}).get("mounts") or ()
        return Sources(
            inspect=parts.document,
            image=parts.image.inspect if isinstance(parts.image, ImageFacts) else None,
            umask=kernel.umask if isinstance(kernel, Kernel) and isinstance(kernel.umask, str) else "",
            oci_config=parts.oci_config,
            default_capabilities=engine.default_capabilities,
            default_network=engine.default_network,
            version=engine.version,
            rootless=engine.rootless is True,
            log_driver=str(host.get("logDriver") or ""),
            runtime=str((host.get("ociRuntime") or {}).get("name") or ""),
            pids_limit=self._defaults.pids_limit,
            default_ulimits=self._defaults.ulimits,
            cgroup_version={"v1": 1, "v2": 2}.get(str(host.get("cgroupVersion") or "")),
            network_names={str(network.inspect.get("id")): name for name, network in parts.networks.items()},
            pod_name=shared.pod_names.get(str(parts.document.get("Id", "")), ""),
            pod_shares=None if pod is None else frozenset(pod.get("SharedNamespaces") or ()),
            pod_mounts=frozenset(str(mount.get("Destination")) for mount in pod_mounts),
            container_names=shared.names,
            volumes={name: volume.inspect for name, volume in parts.volumes.items()},
            base_hosts=self._base_hosts(engine, _part(parts.document, "HostConfig")),
        )

    def _base_hosts(self, engine: EngineFacts, shown: Mapping[str, Any]) -> str | None:
        """The text that /etc/hosts of the engine's containers starts with, if this one has something else."""
        known = engine.trust.configuration if isinstance(engine.trust, TrustFacts) else engine.trust
        if not shown.get("HostsFile") or not engine.local or isinstance(known, Unreadable):
            return None
        setting = known.values.get("containers.base_hosts_file")
        path = str(setting.value) if setting and setting.value else "/etc/hosts"
        if path in ("none", "image"):
            return "" if path == "none" else None
        try:
            return self._files.read_text(path)
        except OSError:
            return None

    def _oci_config(self, document: Mapping[str, Any]) -> Mapping[str, Any] | None:
        path = document.get("OCIConfigPath")
        if not self.engine.facts.local or not isinstance(path, str) or not path:
            return None
        return _json_file(self._files, path)

    def _kernel(
        self, document: Mapping[str, Any], runtime: Known[RuntimeConfig]
    ) -> Known[Kernel | NotRunning]:
        state = document.get("State") or {}
        status = str(state.get("Status") or "")
        if status not in _RUNNING:
            return NotRunning(status or "unknown")
        if not self.engine.facts.local:
            return Unreadable(self.engine.facts.unseen)
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
        return replace(
            kernel,
            entered=read_entered(self._files, kernel, self._host_side.processes_by_mounts),
            lost_masks=lost_masks(self._files, kernel, runtime),
            left_open=read_left_open(self._files, kernel),
        )

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
        self._scanned.pop(identity, None)

    def _image(self, identity: str, *, compared: bool = False) -> Known[ImageFacts]:
        """An image; `compared` with the others of the engine requires reading each of them, once."""
        if not identity:
            return Unreadable("the container has no image (a root file system of its own)")
        known = self._images.get(identity)
        if known is None:
            known = asked(lambda: self._read_image(identity))
            self._images[identity] = known
        if not isinstance(known, ImageFacts):
            return known
        if self._stored.scans is not None:
            known = self._with_scan(known, self._stored.scans, again=compared)
        return replace(known, bases=self._bases(known)) if compared else known

    def _with_scan(self, image: ImageFacts, scans: StoredScans, *, again: bool) -> ImageFacts:
        """With its stored scan result, read once for all containers of a list."""
        known = self._scanned.get(image.id)
        if again or known is None:
            known = self._scanned[image.id] = replace(image, scan=scans.of(image.id))
        return known

    def _bases(self, image: ImageFacts) -> Known[tuple[str, ...]]:
        ids = self._shared.image_ids
        if isinstance(ids, Unreadable):
            return ids
        identities = dict.fromkeys(ids.values())
        if len(identities) > _MOST_COMPARED:
            return Unreadable(f"there are more than {_MOST_COMPARED} other images")

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
            facts = self._image(str(listed["Id"]), compared=True)
            if isinstance(facts, ImageFacts):
                users = tuple(container.name for container in shared.listed if container.image_id == facts.id)
                images.append(replace(facts, used_by=users))
        return tuple(images)


def with_peers(all_facts: Collection[ContainerFacts]) -> Iterator[ContainerFacts]:
    """Each container with all others of its engine, for checks that compare containers."""
    apps = _apps_of_pods(all_facts)
    peers = Peers(tuple(_peer(facts, apps) for facts in all_facts))
    for facts in all_facts:
        yield replace(facts, peers=peers)


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
    kernel = facts.kernel
    ranges: tuple[tuple[int, int], ...] = ()
    if isinstance(kernel, Kernel) and isinstance(kernel.uid_map, tuple):
        ranges = tuple((line.outside, line.size) for line in kernel.uid_map)
    return Peer(
        id=facts.id,
        name=facts.name,
        networks=tuple((document.get("NetworkSettings") or {}).get("Networks") or ()),
        app=app_of(facts.labels) or apps_of_pods.get(pod, ""),
        pod=pod,
        process_label=str(document.get("ProcessLabel") or ""),
        uid_ranges=ranges,
        ipc_namespace=_ipc_namespace(kernel),
        programs=tuple(facts.programs),
    )


def _ipc_namespace(kernel: Known[Kernel | NotRunning]) -> str:
    """Its number; empty if unknown."""
    known = kernel.namespaces if isinstance(kernel, Kernel) else {}
    return "" if isinstance(known, Unreadable) else known.get("ipc", "")


def _part(document: Known[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """A section of a document; empty if missing."""
    part = document.get(name) if isinstance(document, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _json_file(files: Files, path: str) -> Mapping[str, Any] | None:
    try:
        document = json.decode(files.read_bytes(path))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
