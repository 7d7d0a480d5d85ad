"""The verdict of each check on a service at rest: what its file decides, and what it leaves to
others.

A service is judged as a container that was just created. A file decides a verdict if it holds
whatever the rest may be: the check is asked again for the host and image that would be best for it,
and for the worst. Where they disagree, the answer is unknown here, because of the host, the image
or the running program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from hardentui.errors import CannotFix
from hardentui.features.applications.loading import Library
from hardentui.features.at_rest.against_host import Running, drift_of
from hardentui.features.at_rest.places import place_of
from hardentui.features.at_rest.possible_images import image_of
from hardentui.features.at_rest.possible_values import PossibleValues, Verdicts
from hardentui.features.at_rest.remedies import as_fixes_see, open_mounts, remedied_at_rest
from hardentui.features.at_rest.services import Format, Service, is_for_docker
from hardentui.features.at_rest.sources import SOMEONES_HOME
from hardentui.features.at_rest.unread_host import NOW, OF_HOST, around
from hardentui.features.looking.gather import with_peers
from hardentui.features.looking.judging import Judge
from hardentui.features.vendors.loading import vendor_of
from hardentui.harden.evaluate import judge, parameters_of, run
from hardentui.harden.remedy import OptionDiff, fix_parameters, spec_diff
from hardentui.harden.waiving import waive
from hardentui.model.check import Check, FixContext, Parameters
from hardentui.model.configuration import Configuration, FileFact, Missing
from hardentui.model.facts import (
    STOCK_CAPABILITIES,
    ContainerFacts,
    EngineFacts,
    NetworkFacts,
    NotRunning,
    UnitFacts,
)
from hardentui.model.finding import Finding, Kind, Status, Subject, Verdict, not_applicable, unknown
from hardentui.model.host import Firewall, HostFacts
from hardentui.model.known import Known, Together, Unread, known, later
from hardentui.model.mount import HostMount
from hardentui.model.peers import Peers
from hardentui.model.spec import Mount, Spec
from hardentui.model.trust import Policy, Requirement, TrustFacts
from hardentui.model.waiver import Waiver
from hardentui.options import ENV_FILE, IMAGE, LABELS, MOUNTS, TABLE, USER
from hardentui.reading.containers import is_root
from hardentui.reading.mounts import is_place_of_secrets, shown_from_host
from hardentui.reading.networks import network_names
from hardentui.reading.socket_services import Power
from hardentui.reading.sockets import known_path
from hardentui.systemd.unit_text import head_comments

OF_IMAGE = Unread("only the image can tell")
WHEN_RUNNING = Unread("only a running container can tell")
_FINE = (Status.PASS, Status.NOT_APPLICABLE)
_SOMEWHERE = "it depends on its image or its host"
_ONLY_RUNNING = unknown(WHEN_RUNNING.reason)
_ONLY_IMAGE = unknown(OF_IMAGE.reason)
HISTORY = frozenset(
    "drifted-files outdated-tag restart-loop root-exec-session runtime-denials stale-container "
    "superseded-image unit-drift".split()
)
"""Checks of what has happened to a container or its image on a host: a file has no such history."""
_NO_HISTORY = not_applicable("a file has no history")
OBSERVING = frozenset({"capabilities-beyond-declared", "unexpected-listener", "unexpected-process"})
"""Checks of what the program does: they do not apply to a container that is not running."""
_NAMING_PROGRAMS = ("init-path", "runtime", "hooks-dir", "conmon")
_SOCKETS = ("/run/", "/var/run/", "/tmp/", "/var/lib/lxd/", "/var/snap/")  # noqa: S108 - compared
_FRESH: dict[str, Any] = {
    "exec_sessions": (),
    "exec_events": (),
    "repositories": (),
    "hidden_mounts": "",
    "network_helper": (),
}
"""What is known of each container that was just created."""
_OF_FILES = ("seccomp_file", "seccomp_rules", "mounted_programs", "secret_drivers")


def facts_of(service: Service) -> ContainerFacts:
    """The service as a container that was just created on a host of which nothing is known."""
    spec = service.whole
    engine = EngineFacts(
        label="",
        version=service.version,
        rootless=service.rootless,
        default_capabilities=STOCK_CAPABILITIES,
        info=OF_HOST,
        trust=OF_HOST,
        auto_update_timer=OF_HOST,
    )
    reading = Together(around)
    labels = dict(word.partition("=")[::2] for word in known(lambda: spec[LABELS], else_=()))
    unit: UnitFacts | None = None
    if service.format is Format.QUADLET:
        unit = UnitFacts(
            f"{service.name}.service",
            service.file.path,
            quadlet=True,
            comments=head_comments(service.file.text),
        )
        labels["PODMAN_SYSTEMD_UNIT"] = unit.name
    elif service.format is Format.SERVICE:
        labels["PODMAN_SYSTEMD_UNIT"] = service.file.name
    inspect: dict[str, Any] = {
        "ImageName": known(lambda: spec[IMAGE], else_=""),
        "Config": {"Labels": labels},
    }
    if service.pod is not None:
        inspect["Pod"] = service.pod["Id"]
    links: dict[str, str] = {}
    if service.format is Format.RUN:
        mounts = known(lambda: spec[MOUNTS], else_=())
        relative = [mount.source for mount in mounts if mount.source.startswith(".")]
        links = {path: service.on_host(path) for path in relative}
    inspect["IsInfra"] = service.infra
    given: dict[str, Any] = {
        **_FRESH,
        **dict.fromkeys(_OF_FILES, OF_HOST),
        "links": links,
        "unit": unit,
        "unit_exists": unit is not None,
        "unit_refusal": service.refusal.sentence if service.refusal is not None else "",
        "image": OF_IMAGE,
        "application": later(Library().of),
        "vendor": later(vendor_of),
        "host": OF_HOST,
        "kernel": NotRunning(),
        "runtime": WHEN_RUNNING,
        "image_ids": OF_HOST,
        "registry_digest": OF_HOST,
        "log_limit_in_force": WHEN_RUNNING,
        "named_uid": OF_IMAGE,
        "lender_on_host": OF_HOST,
        "pod": service.pod,
        "networks": service.networks,
        "volumes": service.volumes,
        "env_files": later(lambda facts: OF_HOST if facts.spec[ENV_FILE] else {}),
        "secret_files": later(_secret_files),
        "mounted": later(reading.part, "mounted"),
        "sockets": later(reading.part, "sockets"),
    }
    return ContainerFacts(
        id=service.name,
        name=service.name,
        spec=spec,
        inspect=inspect,
        engine=engine,
        now=NOW,
        **given,
    )


def _secret_files(facts: ContainerFacts) -> dict[str, Known[FileFact | Missing]]:
    """Whose they are and who may read them, only their host knows."""
    return {
        source: OF_HOST
        for destination, source in shown_from_host(facts).items()
        if is_place_of_secrets(destination)
    }


def group_facts(
    services: Iterable[Service],
    peers: Peers | None = None,
) -> dict[int, ContainerFacts]:
    """Facts by the position of the service, each with the others of its group as peers, or with these
    peers."""
    if peers is not None:
        return {
            position: facts_of(service).replace(peers=peers)
            for position, service in enumerate(services)
        }
    by_group: dict[str, list[tuple[int, ContainerFacts]]] = {}
    for position, service in enumerate(services):
        by_group.setdefault(service.group, []).append((position, facts_of(service)))
    made: dict[int, ContainerFacts] = {}
    for pairs in by_group.values():
        positions, facts = zip(*pairs, strict=True)
        made.update(zip(positions, with_peers(facts), strict=True))
    return made


class _Worlds:
    """One service on the best host with the best image, and on the worst. `folder`: of its file,
    which may lie elsewhere once it runs.
    """

    def __init__(
        self,
        facts: ContainerFacts,
        folder: str,
    ) -> None:
        self._facts = facts
        self._folder = folder
        self._made: dict[tuple[bool, str], ContainerFacts] = {}

    def at(
        self,
        check: Check,
        *,
        best: bool,
    ) -> ContainerFacts:
        """That world for a check. A host has one security module: AppArmor where the check is about
        it."""
        about = check.id if check.id.startswith("apparmor-") or check.id == _OF_GROUPS else ""
        if (best, about) not in self._made:
            self._made[best, about] = _world(
                self._facts,
                self._folder,
                best=best,
                about=about,
            )
        return self._made[best, about]


_OF_GROUPS = "dangerous-supplementary-groups"


def _world(
    facts: ContainerFacts,
    folder: str,
    *,
    best: bool,
    about: str,
) -> ContainerFacts:
    engine = facts.engine
    apparmor = about.startswith("apparmor-")
    security = {
        "selinuxEnabled": not best and not apparmor,
        "apparmorEnabled": not best and apparmor,
    }
    capacity = {} if best else _SMALL
    info = {
        "host": {"logDriver": "journald", "cgroupVersion": "v2", "security": security, **capacity}
    }
    rootless = best if isinstance(engine.rootless, Unread) else engine.rootless
    more: dict[str, Any] = {}
    if known(lambda: facts.spec.settings.keys() & _PROGRAMS) == set():
        more["programs"] = more["mounted_programs"] = {}
    mounted = known(lambda: facts.mounted, else_=())
    if best or not any(
        _may_hold_sockets(path, folder) for mount in mounted for path in mount.paths
    ):
        more["sockets"] = ()
    if not best:
        below = [_below(mount) for mount in mounted if _is_top_level(mount)]
        more["mounted"] = (*mounted, *below)
    if not best and about == _OF_GROUPS:
        more["spec"] = _with_group_0(facts.spec)
    made_elsewhere = {
        name: NetworkFacts(name, {"driver": "bridge", "internal": best})
        for name in known(lambda: network_names(facts), else_=())
    }
    return facts.replace(
        **more,
        engine=engine.replace(
            rootless=rootless,
            info=info,
            trust=_STOCK,
            auto_update_timer=best,
        ),
        networks={**made_elsewhere, **facts.networks},
        host=HostFacts(
            cloud="" if best else "a cloud",
            firewall=Firewall(metadata_filtered=best),
            tcp_services=(),
        ),
        image=image_of(facts, best=best),
    )


_STOCK = TrustFacts(
    policy=Policy("policy.json", (Requirement("insecureAcceptAnything"),)),
    configuration=Configuration(),
    home=SOMEONES_HOME,
)
"""Podman's own configuration, as packages install it."""
_SMALL = {"memTotal": 4 << 30, "cpus": 2}
"""The smallest host that services are expected on: a limit that is not below it may limit nothing."""
_PROGRAMS = {option for option in TABLE if option.name in _NAMING_PROGRAMS}


def _is_top_level(mount: HostMount) -> bool:
    """Directories such as `/`, `/etc` and `/home` often hold other filesystems of the host."""
    return any(path.count("/") == 1 for path in mount.paths)


def _below(mount: HostMount) -> HostMount:
    """Another filesystem that the host has below a mounted directory; read-only does not count for
    it."""
    path, destination = (
        f"{place.rstrip('/')}/other" for place in (mount.paths[0], mount.destination)
    )
    return HostMount(
        destination,
        (path,),
        "bind",
        path,
        ("rw",),
    )


def _with_group_0(spec: Spec) -> Spec:
    """An image that does not know the user gives it group 0, and so does one whose own user is a
    number."""
    user = known(lambda: spec[USER], else_="") or "1000"
    return spec if is_root(user) or ":" in user else spec.with_(USER, f"{user}:0")


def _may_hold_sockets(path: str, folder: str) -> bool:
    """Whether services of the host make their sockets there, so that only the host knows what
    answers. At the path of an engine's socket, that engine does. A folder that is checked below
    `/tmp` is not run there."""
    service = known_path(path)
    if service is not None and service.power is Power.ENGINE:
        return False
    holder = path.rstrip("/") + "/"
    if folder and holder.startswith(f"{folder}/"):
        return path.endswith((".sock", ".socket"))
    return path.endswith((".sock", ".socket")) or any(
        holder.startswith(place) or place.startswith(holder) for place in _SOCKETS
    )


def verdict_of(
    check: Check,
    parameters: Parameters,
    facts: ContainerFacts,
    worlds: _Worlds,
) -> Verdict:
    """The verdict that the file decides, or unknown."""
    if check.id in HISTORY:
        return _NO_HISTORY
    verdict = judge(check, facts, parameters)
    status = verdict.status
    if check.id in OBSERVING and status in _FINE:
        return _ONLY_RUNNING
    if status is Status.UNKNOWN:
        worst, best = (
            judge(check, worlds.at(check, best=best), parameters) for best in (False, True)
        )
        if worst.status in _FINE and best.status in _FINE:
            return worst
        if worst.status is Status.FAIL and best.status is Status.FAIL:
            return best
        if worst.status is Status.FAIL and best.status in _FINE:
            return unknown(_SOMEWHERE, worst.declared)
        return _ONLY_IMAGE if verdict.reason.endswith(OF_IMAGE.reason) else verdict
    other = judge(
        check,
        worlds.at(check, best=status is Status.FAIL),
        parameters,
    ).status
    if (other in _FINE) == (status in _FINE) and other is not Status.UNKNOWN:
        return verdict
    return unknown(_SOMEWHERE, verdict.declared)


class Judged(Struct, frozen=True):
    """A service with its findings."""

    service: Service
    facts: ContainerFacts
    findings: tuple[Finding, ...]
    fix_facts: ContainerFacts  # what fixes see of it
    fixable: frozenset[str]  # the failing checks that an edit of its file fixes


Progress: TypeAlias = Callable[[int, int], None]
_TOLD_EVERY = 25
"""Services: each takes some hundredths of a second."""


def judge_services(
    services: Iterable[Service],
    judging: Judge,
    waivers: Iterable[Waiver],
    today: date,
    running: Running | None = None,
    progress: Progress | None = None,
    peers: Peers | None = None,
) -> tuple[Judged, ...]:
    """Each service with its findings. What is one decision for a whole site is none of a file.

    Args:
        peers: what runs beside them, if that is more than these services.
        running: finds the container of a name; with it, unit-drift compares the file with what runs.
        progress: told now and then how many services are judged, and of how many.
    """
    services = tuple(services)
    checks = tuple(
        (check, parameters_of(check, judging.checklist))
        for check in judging.checks
        if check.kind is Kind.CONTAINER and check.about in (Kind.CONTAINER, Kind.IMAGE)
    )
    by_id = {check.id: (check, parameters) for check, parameters in checks}
    waivers = tuple(waivers)
    facts_of_all = group_facts(services, peers)
    judged: list[Judged] = []
    for position, service in enumerate(services):
        if progress is not None and position % _TOLD_EVERY == 0:
            progress(position, len(services))
        judged.append(
            _judged(
                service,
                facts_of_all[position],
                checks,
                by_id,
                waivers,
                judging,
                today,
                running,
            )
        )
    return tuple(judged)


def _judged(
    service: Service,
    facts: ContainerFacts,
    checks: Iterable[tuple[Check, Parameters]],
    by_id: Mapping[str, tuple[Check, Parameters]],
    waivers: tuple[Waiver, ...],
    judging: Judge,
    today: date,
    running: Running | None,
) -> Judged:
    subject = Subject(
        Kind.SERVICE,
        service.id,
        service.name,
    )
    worlds = _Worlds(facts, service.file.directory)
    values = PossibleValues(
        service,
        facts,
        facts_of,
        partial(_verdicts, service.file.directory),
    )

    def verdict(
        check: Check,
        subject_facts: Any,
        parameters: Parameters,
    ) -> Verdict:
        if check.id == "unit-drift" and running is not None:
            return drift_of(service, running)
        if check.id == "short-image-name" and is_for_docker(service):
            return not_applicable("Docker takes a name without a registry from docker.io")
        if check.id == "mutable-image-tag" and service.built:
            return not_applicable("its files build it, so no pull brings another")
        strict = verdict_of(
            check,
            parameters,
            subject_facts,
            worlds,
        )
        if strict.status is Status.UNKNOWN and service.whole.unknowable:
            return values.verdict(check, parameters, strict)
        return strict

    if service.infra:  # a pod has no image of its own
        checks = [pair for pair in checks if pair[0].about is Kind.CONTAINER]
    findings = run(
        facts,
        subject,
        checks,
        verdict_of=verdict,
    )
    findings = [replace(finding, points=by_id[finding.check][0].points) for finding in findings]
    findings = waive(
        findings,
        (*waivers, *service.waivers),
        today,
        facts.image_name,
    )
    expired = {waiver.check: waiver for waiver in service.waivers if waiver.until < today}
    placed: list[Finding] = []
    fixable: set[str] = set()
    mounts = open_mounts(service)
    fix_facts = as_fixes_see(facts, mounts)
    for finding in findings:
        if finding.status not in (Status.FAIL, Status.WAIVED):
            placed.append(finding)
            continue
        check = by_id[finding.check][0]
        changed = _changed_by_fix(
            check,
            service,
            fix_facts,
            judging,
            mounts,
        )
        if changed:
            fixable.add(finding.check)
        asked_again = partial(_asked_again, *by_id[finding.check], facts)
        placed.append(
            replace(
                _telling_expiry(finding, expired),
                place=place_of(
                    service,
                    finding,
                    changed,
                    asked_again,
                ),
            )
        )
    return Judged(
        service,
        facts,
        tuple(placed),
        fix_facts,
        frozenset(fixable),
    )


def _verdicts(folder: str, facts: ContainerFacts) -> Verdicts:
    """What the file decides of a service with these facts."""
    worlds = _Worlds(facts, folder)

    def verdict(check: Check, parameters: Parameters) -> Verdict:
        return verdict_of(check, parameters, facts, worlds)

    return verdict


def _asked_again(
    check: Check,
    parameters: Parameters,
    facts: ContainerFacts,
    service: Service,
) -> Verdict:
    """The verdict on the service with another spec beside the same others."""
    changed = facts_of(service).replace(peers=later(lambda _: facts.peers))
    return _verdicts(service.file.directory, changed)(check, parameters)


def _telling_expiry(
    finding: Finding,
    expired: Mapping[str, Waiver],
) -> Finding:
    waiver = expired.get(finding.check)
    if waiver is None or finding.status is not Status.FAIL:
        return finding
    reason = f"{finding.verdict.reason} (it was accepted until {waiver.until})"
    return replace(finding, verdict=replace(finding.verdict, reason=reason))


def _changed_by_fix(
    check: Check,
    service: Service,
    facts: ContainerFacts,
    judging: Judge,
    mounts: Sequence[Mount],
) -> tuple[OptionDiff, ...]:
    """What the fix of a check changes; nothing if no option fixes it."""
    if check.remediate is None:
        return ()
    spec: Spec = service.spec.literal
    context = FixContext(facts, fix_parameters(check, judging.checklist, {}))
    try:
        return spec_diff(
            spec,
            remedied_at_rest(
                check,
                spec,
                context,
                mounts,
            ),
        )
    except (CannotFix, Unread):
        return ()
