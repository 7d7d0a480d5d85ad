"""From an engine's documents, the kernel and the host to facts: the only place that combines them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import json

from hardentui.do import Do, Verb
from hardentui.engine.peer import is_strangers, runs_for
from hardentui.engine.read import Engine
from hardentui.engine.shapes import Listed
from hardentui.features.looking.listed import Shared, asked
from hardentui.features.looking.stored import NEVER_ASKED, StoredAboutImages
from hardentui.features.opening.opened import Opened
from hardentui.host.files import Files
from hardentui.host.process.cgroups import CgroupTree, find_cgroups
from hardentui.host.process.entered import read_entered
from hardentui.host.process.proc import lost_masks, read_kernel, refuse_another
from hardentui.model.application import Application
from hardentui.model.application_labels import app_of
from hardentui.model.facts import (
    ContainerFacts,
    EngineFacts,
    ImageFacts,
    Kernel,
    NetworkFacts,
    NotRunning,
    left_out,
)
from hardentui.model.image import NeverScanned, RegistryDigest, ScanReport
from hardentui.model.known import NOT_READ, Known, Later, Together, Unread, known, later
from hardentui.model.peers import Peer, Peers
from hardentui.model.spec import Spec
from hardentui.model.trust import TrustFacts, full_reference
from hardentui.model.vendor import Vendor
from hardentui.options.engine_defaults import EngineDefaults
from hardentui.options.inspect import Sources
from hardentui.options.inspect.network_limits import added_ulimits
from hardentui.options.read import read_spec
from hardentui.reading.containers import ask_or, engine_info, section
from hardentui.reading.vendors import application_by_vendor

INSIDE_NOT_READ = Unread("the files in the image were not read", do=Do(Verb.IMAGE_INSIDE))
_RUNNING = ("running", "paused", "stopping")
_NOT_THEIRS = "the process that its Podman names is not of the account that runs this Podman"


if TYPE_CHECKING:
    from hardentui.features.applications.loading import Library
    from hardentui.features.looking.host_side import HostSide
    from hardentui.features.looking.mounted_paths import MountsAndSockets
    from hardentui.features.looking.readers.place import Place

V = TypeVar("V")
UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"


class Gatherer:
    """One engine's containers as facts. What containers share (images, networks, volumes) is read
    once.
    `opened`: how its host and what its user trusts are read, both with the first container. The
    files are not read if the engine is remote.
    """

    def __init__(
        self,
        engine: Engine,
        opened: Opened,
        stored: StoredAboutImages,
    ) -> None:
        self._opened = opened
        self._stored = stored
        self.engine = engine
        self._files = opened.files_of(engine.facts)
        self._side: HostSide | None = None
        self._pids: tuple[int, ...] = ()
        self._services: frozenset[str] = frozenset()
        self._trust: Known[TrustFacts] | None = None
        self._applications: Library | None = None
        self._cgroups: Known[CgroupTree] | None = None
        self._images: dict[str, Known[ImageFacts]] = {}
        # with what may have changed since the last list
        self._fresh: dict[str, Known[ImageFacts]] = {}
        self._engine_facts: EngineFacts | None = None
        self._refined_from = engine.facts
        self._shared = Shared(engine, ())
        self._defaults = EngineDefaults()

    def refresh(self, listed: tuple[Listed, ...]) -> None:
        """Use a new list of containers, and forget what may have changed with it."""
        self._shared = Shared(self.engine, listed)
        self._engine_facts = None
        self._fresh.clear()
        self._side = None
        self._pids = tuple(container.pid for container in listed if container.pid)
        self._services = frozenset(
            unit for container in listed if (unit := container.labels.get(UNIT_LABEL))
        )
        if "_place" in self.__dict__:
            self._place.once.forget(self._services)

    @cached_property
    def _place(self) -> Place:
        """Where the facts are read that few checks ask for; what reads them is loaded with the
        first."""
        from hardentui.features.looking.once_per_engine import OncePerEngine
        from hardentui.features.looking.readers.place import Place
        from hardentui.features.looking.readers.runtime import RuntimeConfigs

        once = OncePerEngine(
            self.engine,
            self._opened.files,
            self._opened.run,
            self._opened.clock,
        )
        once.forget(self._services)
        return Place(
            self.engine,
            self._files,
            once,
            RuntimeConfigs(),
        )

    def _host_side(self) -> HostSide:
        """The engine's side of the mounts, read anew with each list."""
        side = self._side
        if side is None:
            from hardentui.features.looking.host_side import HostSide

            side = self._side = HostSide(
                self._opened.files,
                self._opened.clock,
                self._pids,
            )
        return side

    def engine_facts(self) -> EngineFacts:
        """The engine with what its user trusts."""
        facts = self.engine.facts
        if self._engine_facts is None or facts is not self._refined_from:
            self._refined_from = facts
            self._engine_facts = facts.replace(
                trust=later(self._read_trust),
                auto_update_timer=later(lambda _: self._place.once.auto_update_timer()),
            )
        return self._engine_facts

    def _application(self, facts: ContainerFacts) -> Application | None:
        if self._applications is None:
            from hardentui.features.applications.loading import Library

            self._applications = Library()
        return self._applications.of(facts)

    def _read_trust(self, engine: EngineFacts) -> Known[TrustFacts]:
        if self._trust is None:
            self._trust = self._opened.read_trust(engine)
        return self._trust

    def container(
        self,
        document: Mapping[str, Any],
        *,
        costly: bool = True,
    ) -> ContainerFacts:
        """A container by its inspect document; everything else is read when it is first asked for.
        `costly`: False = without what takes too long for hundreds of containers.
        """
        shared = self._shared  # the same list for all of its facts, even if a new one arrives
        self._defaults = self._defaults.learned(document)
        local = self.engine.facts.local
        oci = Together(self._oci_config)
        around = Together(self._mounts_and_sockets, shared)
        return ContainerFacts(
            id=str(document.get("Id", "")),
            name=str(document.get("Name", "")).lstrip("/"),
            spec=later(
                self._spec,
                shared,
                oci,
                self._defaults,
            ),
            inspect=document,
            engine=self.engine_facts(),
            now=self._opened.clock(),
            image=later(self._image_of),
            application=later(self._application),
            vendor=later(_vendor),
            kernel=later(self._kernel, costly=costly),
            host=later(lambda facts: self._opened.host_facts()),
            networks=later(lambda facts: shared.networks_of(document)),
            volumes=later(lambda facts: shared.volumes_of(document)),
            pod=later(lambda facts: shared.pod(str(document.get("Pod") or ""))),
            image_ids=later(lambda facts: shared.image_ids),
            links=later(self._links) if local else {},
            registry_digest=later(lambda facts: self._registry_digest(document)),
            runtime=later(lambda facts: self._place.runtimes.read(oci.whole(facts))),
            mounted=later(around.part, "mounted"),
            hidden_mounts=later(around.part, "hidden_mounts"),
            sockets=later(around.part, "sockets"),
            lender_on_host=later(self._lender_on_host, shared),
            **({} if costly else left_out(ContainerFacts)),
        ).asking(self._reader)

    def _limits_of_monitor(self, facts: ContainerFacts) -> tuple[str, ...]:
        """What Podman adds at start to a container without a command: it took its own limits, up to
        its usual ones, and its monitor inherited them.
        """
        pid = section(facts.inspect, "State").get("ConmonPid")
        if (
            not self.engine.facts.local
            or not pid
            or section(facts.inspect, "Config").get("CreateCommand")
        ):
            return ()
        from hardentui.host.process.rlimits import read_rlimits

        limits = known(
            read_rlimits,
            self._files,
            int(pid),
            else_=(),
        )
        return added_ulimits({limit.name: limit.hard for limit in limits})

    def _reader(self, name: str) -> Later[Any] | None:
        """What reads a fact of a container; the functions are loaded with the first."""
        from hardentui.features.looking.readers import OF_LOCAL_ENGINES, READERS

        read = READERS.get(name)
        if read is None or (name in OF_LOCAL_ENGINES and not self.engine.facts.local):
            return None
        return later(read, self._place)

    def _links(self, facts: ContainerFacts) -> dict[str, str]:
        from hardentui.features.looking.readers.links import links_of

        return links_of(self._files, facts.inspect, facts.volumes)

    def _lender_on_host(
        self,
        facts: ContainerFacts,
        shared: Shared,
    ) -> Known[bool]:
        from hardentui.features.looking.readers.lender import lender_on_host

        return lender_on_host(facts, shared.giver)

    def _mounts_and_sockets(
        self,
        facts: ContainerFacts,
        shared: Shared,
    ) -> MountsAndSockets:
        from hardentui.features.looking.mounted_paths import mounts_and_sockets

        return mounts_and_sockets(
            facts,
            self._host_side(),
            shared.giver,
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
                default_ulimits=self._limits_of_monitor(facts) or defaults.ulimits,
                cgroup_version={"v1": 1, "v2": 2}.get(str(host.get("cgroupVersion") or "")),
                pod_name=shared.pod_names.get(facts.id, ""),
                pod_shares=None if pod is None else frozenset(pod.get("SharedNamespaces") or ()),
                pod_mounts=frozenset(str(mount.get("Destination")) for mount in pod_mounts),
                container_names=shared.names,
                volumes={name: volume.inspect for name, volume in facts.volumes.items()},
                base_hosts=self._base_hosts(engine, section(facts.inspect, "HostConfig")),
            )
        )

    def _base_hosts(
        self,
        engine: EngineFacts,
        shown: Mapping[str, Any],
    ) -> str | None:
        """The text that /etc/hosts of the engine's containers starts with, if this one has
        something else."""
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

    def _kernel(
        self,
        facts: ContainerFacts,
        *,
        costly: bool,
    ) -> Kernel | NotRunning:
        state = section(facts.inspect, "State")
        status = str(state.get("Status") or "")
        if status not in _RUNNING:
            return NotRunning(status or "unknown")
        if not self.engine.facts.local:
            return Kernel.unread(self.engine.facts.unseen)
        owner, pid = self.engine.facts.owner, int(state.get("Pid") or 0)
        if owner is not None and is_strangers(owner.uid) and not runs_for(pid, owner.uid):
            return Kernel.unread(_NOT_THEIRS)
        if self._cgroups is None:
            self._cgroups = find_cgroups(self._files)
        kernel = read_kernel(
            self._files,
            pid,
            engine_pid=int(state.get("ConmonPid") or 0) or None,
            cgroup_path=str(state.get("CgroupPath") or ""),
            cgroups=self._cgroups,
            engine_mounts=lambda *of: self._host_side().mount_table(*of),
        )
        if isinstance(known(lambda: kernel.started), Unread):
            return kernel
        more: Together[Mapping[str, Later[Any]]] = Together(
            lambda _: self._readers_of_process(facts),
        )
        return kernel.replace(
            entered=later(
                self._of_process,
                lambda: read_entered(
                    self._files,
                    kernel,
                    self._host_side().processes_by_mounts,
                ),
            ),
            lost_masks=later(
                self._of_process, lambda: lost_masks(self._files, kernel, facts.runtime)
            ),
            **({} if costly else left_out(Kernel)),
        ).asking(lambda name: more.whole(kernel).get(name))

    def _readers_of_process(
        self,
        facts: ContainerFacts,
    ) -> Mapping[str, Later[Any]]:
        from hardentui.features.looking.readers.process import readers_of_process

        return readers_of_process(facts, self._place, self._cgroups)

    def _of_process(
        self,
        kernel: Kernel,
        read: Callable[[], V],
    ) -> V:
        """What is read of a process later than the rest, if it is still the same."""
        value = read()
        refuse_another(self._files, kernel)
        return value

    def _registry_digest(
        self,
        document: Mapping[str, Any],
    ) -> Known[RegistryDigest]:
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

    def _image_of(self, facts: ContainerFacts) -> Known[ImageFacts]:
        return self._image(str(facts.inspect.get("Image") or ""))

    def _image(self, identity: str) -> Known[ImageFacts]:
        if not identity:
            return Unread("the container has no image (a root file system of its own)")
        image = self._fresh.get(identity)
        if image is None:
            image = self._images.get(identity) or asked(lambda: self._read_image(identity))
            self._images[identity] = image
            if not isinstance(image, Unread) and self._opened.state_directory is not None:
                image = image.replace(scan=later(self._scan))
            self._fresh[identity] = image
        return image

    def _scan(self, image: ImageFacts) -> Known[ScanReport | NeverScanned]:

        directory = self._opened.state_directory
        from hardentui.scanners.stored import StoredScans

        return NeverScanned() if directory is None else StoredScans(directory).of(image.id)

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
                users = tuple(
                    container.name for container in shared.listed if container.image_id == facts.id
                )
                images.append(facts.replace(used_by=users))
        return tuple(images)


def _vendor(facts: ContainerFacts) -> Vendor | None:
    from hardentui.features.vendors.loading import vendor_of

    return vendor_of(facts)


def with_peers(all_facts: Collection[ContainerFacts]) -> Iterator[ContainerFacts]:
    """Each container with all others of its engine, for checks that compare containers."""
    peers = Together(lambda _: peers_of(lambda: all_facts))
    for facts in all_facts:
        yield facts.replace(peers=later(peers.whole))


def peers_of(all_facts: Callable[[], Iterable[ContainerFacts]]) -> Peers:
    """Args: all_facts: called twice, so that those of thousands need not be kept."""
    apps = _apps_of_pods(all_facts())
    return Peers(tuple(_peer(facts, apps) for facts in all_facts()))


def _apps_of_pods(all_facts: Iterable[ContainerFacts]) -> dict[str, str]:
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
        identity: apps.pop() if len(apps) == 1 else names[identity]
        for identity, apps in labelled.items()
    }


def _peer(
    facts: ContainerFacts,
    apps_of_pods: Mapping[str, str],
) -> Peer:
    document = facts.inspect
    pod = str(document.get("Pod") or "")
    lines = ask_or(facts, lambda kernel: kernel.uid_map, ())
    return Peer(
        id=facts.id,
        name=facts.name,
        networks=tuple((document.get("NetworkSettings") or {}).get("Networks") or ()),
        app=app_of(facts.labels) or application_by_vendor(facts) or apps_of_pods.get(pod, ""),
        pod=pod,
        process_label=str(document.get("ProcessLabel") or ""),
        uid_ranges=tuple((line.outside, line.size) for line in lines),
        ipc_namespace=ask_or(
            facts,
            lambda kernel: kernel.namespaces.get("ipc", ""),
            "",
        ),
        programs=tuple(facts.programs),
    )


def _json_file(files: Files, path: str) -> Mapping[str, Any] | None:
    try:
        document = json.decode(files.read_bytes(path))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
