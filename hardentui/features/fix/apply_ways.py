"""How a plan reaches a container: through its unit, or while it runs. See also `replacing`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hardentui import account
from hardentui.errors import CannotFix
from hardentui.features.change.container_state import restart_policy
from hardentui.features.change.file_operator import planned_write, planned_writes
from hardentui.features.change.inspected import has_health_check, stop_timeout
from hardentui.features.change.unit_operators import note_unit
from hardentui.features.looking.unit_origin import Origin
from hardentui.features.trial.life import stops_when_told
from hardentui.host.files import Files, LocalFiles
from hardentui.model.application_labels import COMPOSE, compose_files, compose_project
from hardentui.model.draft import Draft
from hardentui.model.facts import ContainerFacts, EngineFacts
from hardentui.model.journal import EntryAction, JournalEntry
from hardentui.model.known import known
from hardentui.model.operations import (
    LimitsBefore,
    NoteUnit,
    Operation,
    ReloadUnits,
    RestartUnit,
    StartSubstitute,
    StartUnits,
    UpdateContainer,
    WriteFile,
    substitute_in,
)
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import BY_NAME, TABLE
from hardentui.reading.containers import image_config, section
from hardentui.visible import visible
from hardentui.writers.compose import MARK, new_named_volumes, service_override

_NOT_PUT_BACK = frozenset({"cpuset-cpus", "cpuset-mems"})
_LIVE = frozenset(option.name for option in TABLE if option.updatable) - _NOT_PUT_BACK | {
    "restart",
    "health-cmd",
}
"""Options that `podman update` sets, and that `LimitsBefore` holds for the way back."""
UPDATES_RESTART = Version(5, 1)
KEEPS_UPDATES = Version(5, 4)
"""Before 5.1, what `podman update` changed is lost at the next start; before 5.4, the other limits
are."""
_SECOND = 1_000_000_000
"""In nanoseconds, as inspect shows times."""
_OVERRIDDEN = ("compose", "docker-compose", "container-compose")
"""Names of compose files beside which compose looks for an override."""
_RESTART_SECONDS = 60.0
USUAL = 1.5
"""Seconds of stop and start where nothing is known: the median of 36 changes on two CPUs was 1.3.
"""
LONGEST_TRIED = 600.0


class Downtime(Struct, frozen=True):
    """An expected downtime: `seconds`, and `why`: where that comes from."""

    seconds: float
    why: str

    @property
    def words(self) -> str:
        expected = f"about {self.seconds:.1f} s" if self.seconds else "none"
        return f"Expected downtime: {expected} ({self.why})."


def expected_downtime(
    facts: ContainerFacts,
    files: Files,
    entries: Iterable[JournalEntry],
    engine: str,
    tried: tuple[float, float] | None,
) -> Downtime:
    """What is best known: its last change, else how it takes the signal that stops it, else its
    trial.

    Args:
        entries: of the journal, newest first; `engine` is its address there.
        tried: seconds that a twin needed to start and to stop.
    """
    last = next(
        (
            entry.downtime_seconds
            for entry in entries
            if (entry.action, entry.containers, entry.engine)
            == (EntryAction.APPLY, (facts.name,), engine)
            and entry.downtime_seconds is not None
            and substitute_in(entry.operations) is None
        ),
        None,
    )
    if last is not None:
        return Downtime(last, "as in its last change")
    start, stop = (min(max(seconds, 0.0), LONGEST_TRIED) for seconds in tried or (USUAL, 0.0))
    if facts.engine.local and not stops_when_told(files, facts.inspect):
        limit = stop_timeout(facts.inspect)
        return Downtime(
            limit + start, f"it ignores the signal that stops it and is killed after {limit} s"
        )
    if tried is not None:
        return Downtime(
            start + stop, f"its twin stopped in {stop:.1f} s and was ready in {start:.1f} s"
        )
    return Downtime(USUAL, "stop and start; no other time is known")


def downtime_of_all(
    group: Sequence[ContainerFacts],
    files: Files,
    copied: bool,
) -> str:
    """The same for containers that are stopped together, as a sentence; empty if none runs.

    Args:
        copied: what changed since a first copy is copied meanwhile.
    """
    each = {
        facts.name: expected_downtime(
            facts,
            files,
            (),
            "",
            None,
        )
        for facts in group
        if facts.running
    }
    if not each:
        return ""
    slowest = max(each, key=lambda name: each[name].seconds)
    seconds, why = each[slowest].seconds + USUAL * (len(each) - 1), each[slowest].why
    why = why if len(each) == 1 else f"{len(each)} containers; {visible(slowest, 80)}: {why}"
    more = " Data that changed since a first copy is copied meanwhile." if copied else ""
    return f"{Downtime(seconds, why).words}{more}"


class ApplyWay(Struct, frozen=True):
    """How a plan is applied to a container."""

    # carried out before the service is judged; `afterwards`: those carried out then
    operations: tuple[Operation, ...]
    afterwards: tuple[Operation, ...] = ()
    original: str | None = None  # the name under which the original is kept
    notes: tuple[str, ...] = ()  # remarks for the user
    restarts: bool = True  # the service is briefly down

    @property
    def substitute(self) -> StartSubstitute | None:
        """Who serves while the original gives its place to its successor."""
        return substitute_in(self.operations)


def live_flags(plan: Plan, facts: ContainerFacts) -> tuple[str, ...]:
    """The flags of `podman update` that apply the whole plan; empty if it needs a new container."""
    flags = []
    if not _keeps_updates(facts.engine) or _refuses_updates(facts):
        return ()
    for change in plan.changes:
        if change.option not in _LIVE or len(change.after) != 1 or not change.after[0]:
            return ()
        if change.option == "health-cmd" and has_health_check(facts.inspect):
            # `podman update` can take a health check away, but not restore all of a former one
            return ()
        flags.append(f"{BY_NAME[change.option].flag}={change.after[0]}")
    return tuple(flags)


def _keeps_updates(engine: EngineFacts) -> bool:
    """Whether a container has what was updated after its next start, too; never with the old
    database."""
    host = known(lambda: engine.info.get("host"), else_=None)
    return engine.version >= KEEPS_UPDATES and (host or {}).get("databaseBackend") != "boltdb"


def _refuses_updates(facts: ContainerFacts) -> bool:
    """Whether `podman update` fails, whatever the flags: it also checks the timeout of a health
    check, and `--no-healthcheck` leaves one of 0."""
    health: Mapping[str, Any] = (facts.inspect.get("Config") or {}).get("Healthcheck") or {}
    return bool(health) and int(health.get("Timeout") or 0) < _SECOND


def update_way(
    facts: ContainerFacts,
    flags: Sequence[str],
    before: Sequence[Operation] = (),
) -> ApplyWay:
    """Change limits and the health check of the container while it runs.

    Args:
        before: operations that come first, if it runs from a unit.
    """
    host: Mapping[str, Any] = facts.inspect.get("HostConfig") or {}
    limits = LimitsBefore(
        memory=int(host.get("Memory") or 0),
        memory_swap=int(host.get("MemorySwap") or 0),
        memory_reservation=int(host.get("MemoryReservation") or 0),
        cpu_quota=int(host.get("CpuQuota") or 0),
        cpu_period=int(host.get("CpuPeriod") or 0),
        cpu_shares=int(host.get("CpuShares") or 0),
        pids=int(host.get("PidsLimit") or 0),
        restart=restart_policy(facts.inspect),
    )
    update = UpdateContainer(
        id=facts.id,
        arguments=tuple(flags),
        before=limits,
    )
    return ApplyWay((*before, update), restarts=False)


def unit_way(
    facts: ContainerFacts,
    origin: Origin,
    draft: Draft,
    live: Sequence[str],
    with_data: Draft | None = None,
) -> ApplyWay:
    """Change the files of its unit, and restart it if needed.

    Args:
        with_data: its unit as it is, but with the volumes of the plan: what an undo writes that
            brings newer data back.
        live: flags that change the running container without a restart.

    Raises:
        CannotFix: systemd does not run here, or the unit cannot hold the whole plan.
        WriteError: a file cannot be read.
    """
    if not os.path.isdir("/run/systemd/system"):
        raise CannotFix(
            f"{visible(facts.name, 80)} runs from {visible(origin.unit, 80)}, but systemd does not "
            "run here.",
            "Apply it on the machine whose systemd starts it.",
        )
    if draft.left_out:
        raise CannotFix(
            f"{visible(origin.unit, 80)} cannot hold all changes: {' '.join(draft.left_out)}",
            "Leave these fixes out of the plan.",
        )
    uid = origin.manager.uid if origin.manager.rootless else None
    writes: tuple[WriteFile, ...] = planned_writes(
        [(file.path, file.text, file.mode) for file in draft.files],
        {file.path: file.before for file in draft.files},
    )
    writes = tuple(_with_data(writes, with_data))
    noted: NoteUnit = note_unit(origin.unit, uid)
    files: tuple[Operation, ...] = (noted, *writes, ReloadUnits(uid=uid))
    if live and facts.running:
        return update_way(facts, live, files)
    if not noted.active:
        return ApplyWay(
            files,
            notes=(f"{visible(origin.unit, 80)} is not running and is not started",),
            restarts=False,
        )
    restart = RestartUnit(
        unit=origin.unit, uid=uid, seconds=_RESTART_SECONDS + stop_timeout(facts.inspect)
    )
    back = (StartUnits(units=noted.dependents, uid=uid),) if noted.dependents else ()
    return ApplyWay((*files, restart), back)


def _with_data(
    writes: Sequence[WriteFile],
    draft: Draft | None,
) -> Iterator[WriteFile]:
    texts = {file.path: file.text for file in draft.files} if draft and not draft.left_out else {}
    if not texts.keys() <= {write.path for write in writes}:
        texts = {}  # it would need a file that the change does not write
    for write in writes:
        text = texts.get(write.path)
        yield replace(write, with_data=None if text is None else text.encode("utf-8"))


class ComposeOverride(Struct, frozen=True):
    """The file of its compose project that keeps what was changed at the next `compose up`."""

    name: str
    text: str
    # directory, name: where compose reads it; no directory: it cannot be written there, `why_not`
    directory: str = ""
    why_not: str = ""
    left_out: tuple[str, ...] = ()  # flags that compose has no key for


def compose_override(
    facts: ContainerFacts,
    after: Spec,
    old: str | None = None,
) -> ComposeOverride | None:
    """What became of a container of a compose project, for its override file; None if it is of
    none.

    The directory is what a label says, which is none of the image, and it is written to only if
    nobody else controls it and the project's own file lies there.

    Args:
        old: the file to add it to; None: the one that lies there, if it is ours.
    """
    of_image = section(image_config(facts), "Labels")
    labels = {name: value for name, value in facts.labels.items() if name not in of_image}
    service = next(
        (labels[f"{prefix}service"] for prefix in COMPOSE if f"{prefix}service" in labels), ""
    )
    if not service or not compose_project(labels):
        return None
    directory, own = compose_files(labels)
    base = os.path.basename(own.partition(",")[0])
    stem, ending = os.path.splitext(base)
    beside = f"{stem}.override{ending}" if stem in _OVERRIDDEN else ""
    name = beside or "compose.override.yaml"
    path, why_not = os.path.join(directory, name), ""
    if (
        not directory.startswith("/")
        or not facts.engine.local
        or not os.path.isfile(os.path.join(directory, base))
    ):
        why_not = "its project's directory is not known"
    elif not beside or "," in own:
        why_not = "its project names its files itself"
    elif not account.is_ours(os.path.join(directory, base)):
        why_not = f"others control {visible(directory, 200)}"
    if old is None:
        old = "" if why_not else _text(path)
        if old and MARK not in old:
            why_not, old = f"{visible(path, 200)} is not ours", ""
    part, left_out = service_override(facts.spec, after)
    if not part:
        return None
    from hardentui.writers.compose_override import override_text

    text = override_text(
        old,
        service,
        part,
        new_named_volumes(facts.spec, after),
    )
    return ComposeOverride(
        name,
        text,
        "" if why_not else directory,
        why_not,
        left_out,
    )


def _text(path: str) -> str:
    try:
        return LocalFiles().read_text(path)
    except OSError:
        return ""


def compose_write(
    facts: ContainerFacts,
    after: Spec,
    planned: Iterable[Operation] = (),
) -> tuple[tuple[Operation, ...], tuple[str, ...]]:
    """The operation that writes the override file of its compose project, and what to know of it.

    Args:
        planned: for other containers; a file of theirs is added to.

    Raises:
        WriteError: the file cannot be read.
    """
    if (override := compose_override(facts, after)) is None:
        return (), ()
    place = os.path.join(override.directory, override.name)
    written = [
        each.content for each in planned if isinstance(each, WriteFile) and each.path == place
    ]
    if written and (added := compose_override(facts, after, written[-1].decode())) is not None:
        override = added
    lost = (
        "" if not override.left_out else f"; compose has no key for {', '.join(override.left_out)}"
    )
    if override.why_not:
        return (), (f"compose up makes it anew without the fixes: {override.why_not}{lost}",)
    write = planned_write(place, override.text)
    return (write,) if write else (), (
        f"{override.name} of its project keeps it for compose up{lost}",
    )


def dependents_of(way: ApplyWay) -> tuple[str, ...]:
    """The units that go down with the one that is restarted, and come up again."""
    noted = (operation for operation in way.operations if isinstance(operation, NoteUnit))
    return tuple(unit for operation in noted for unit in operation.dependents)
