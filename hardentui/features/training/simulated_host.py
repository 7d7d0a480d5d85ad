"""The host that a lab has where there is no Podman: what it refuses, the facts of a container on it,
and what is known there of the shop's work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hardentui.engine.shapes import LAB_LABEL
from hardentui.errors import UsageError
from hardentui.features.training.answers import Answer
from hardentui.features.training.lab import ASKS_FOR_PAGE, Lab
from hardentui.features.training.lab_images import ACCOUNTS, RECIPES
from hardentui.features.training.stage import StageAnswer
from hardentui.lib.image import ImageFile, ImageInventory
from hardentui.model.facts import (
    ALL_CAPABILITIES,
    STOCK_CAPABILITIES,
    ContainerFacts,
    EngineFacts,
    ImageFacts,
    NotRunning,
    capability_name,
)
from hardentui.model.peers import Peer, Peers
from hardentui.model.spec import Option, Spec
from hardentui.options import (
    ADD_HOST,
    APPARMOR,
    CAP_ADD,
    CAP_DROP,
    CGROUPNS,
    CGROUPS,
    CPU_PERIOD,
    CPU_QUOTA,
    CPU_SHARES,
    CPUS,
    CPUSET_CPUS,
    ENV,
    EXPOSE,
    GROUP_ADD,
    HOSTNAME,
    IMAGE,
    INIT,
    INTERACTIVE,
    IPC,
    LABEL_DISABLE,
    LABEL_LEVEL,
    LABEL_TYPE,
    LABELS,
    LOG_DRIVER,
    LOG_OPT,
    MASK,
    MEMORY,
    MEMORY_RESERVATION,
    MEMORY_SWAP,
    MOUNTS,
    NETWORK,
    NETWORK_ALIAS,
    NO_NEW_PRIVILEGES,
    OOM_SCORE_ADJ,
    PID,
    PIDS_LIMIT,
    PRIVILEGED,
    PULL,
    READ_ONLY,
    READ_ONLY_TMPFS,
    SECCOMP_PROFILE,
    SHM_SIZE,
    STOP_SIGNAL,
    SYSCTL,
    TIMEZONE,
    TMPFS,
    TTY,
    ULIMIT,
    UMASK,
    UNMASK,
    USER,
    USERNS,
    UTS,
)
from hardentui.options.argv import parse_create_command, spec_from_argv
from hardentui.reading.containers import is_root
from hardentui.reading.mounts import at_or_above, normal

ENGINE = EngineFacts(
    label="simulated",
    simulated=True,
    default_capabilities=STOCK_CAPABILITIES,
    info={
        "host": {
            "logDriver": "k8s-file",
            "security": {"seccompEnabled": True},
        }
    },
)
_OPPOSITES = (("exec", "noexec"), ("suid", "nosuid"), ("dev", "nodev"), ("ro", "rw"))
_SIZES = "Sizes look like 64m, numbers like 20."


def refuse_invalid(answer: Answer) -> None:
    """Refuse what podman would refuse, as far as it can be told without one.

    Raises:
        UsageError: with the reason.
    """
    spec = _spec(answer)
    for option in spec.unknowable:
        raise UsageError(f"podman run does not accept this value of {option.flag}.", _SIZES)
    faults = (
        *_of_accounts(spec),
        *_of_capabilities(spec),
        *_of_processors(spec),
        *_of_mounts(answer, spec),
    )
    for fault in faults:
        raise UsageError(f"podman run refuses this: {fault}.")


def _spec(answer: Answer) -> Spec:
    return spec_from_argv(("podman", *answer.words))


def _of_accounts(spec: Spec) -> Iterator[str]:
    for name in (*spec[USER].split(":"), *spec[GROUP_ADD]):
        if name and name not in ACCOUNTS and not name.isdecimal() and name != "keep-groups":
            yield f"the image has no account {name}"


def _of_capabilities(spec: Spec) -> Iterator[str]:
    added = {capability_name(word) for word in spec[CAP_ADD]}
    dropped = {capability_name(word) for word in spec[CAP_DROP]}
    for name in sorted((added | dropped) - ALL_CAPABILITIES - {"all"}):
        yield f"there is no capability {name}"
    for name in sorted(added & dropped):
        yield f"{name} cannot be added and dropped"


def _of_processors(spec: Spec) -> Iterator[str]:
    if CPUS in spec and (CPU_QUOTA in spec or CPU_PERIOD in spec):
        yield "--cpus and --cpu-quota or --cpu-period cannot be given together"


def _of_mounts(
    answer: Answer,
    spec: Spec,
) -> Iterator[str]:
    line = parse_create_command(("podman", *answer.words))
    volumes = [text.split(":")[2:] for text in line.all("--volume")] if line else []
    for words in (*volumes, *(text.split(":")[1:] for text in spec[TMPFS])):
        options = [word.partition("=")[0] for text in words for word in text.split(",")]
        for word, opposite in _OPPOSITES:
            if word in options and opposite in options:
                yield f"a mount cannot be both {word} and {opposite}"
        if "O" in options and len(options) > 1:
            yield "a mount with O has no other option"
        if options.count("size") > 1:
            yield "a mount has one size"
    places = _places(spec)
    for place in places:
        if not place.startswith("/"):
            yield f"{place} is no absolute path"
        if places.count(place) > 1:
            yield f"{place} is mounted twice"


def _places(spec: Spec) -> list[str]:
    mounted = [mount.destination for mount in spec[MOUNTS]]
    return mounted + [text.partition(":")[0] for text in spec[TMPFS]]


def simulated_facts(
    lab: Lab,
    answer: Answer,
) -> ContainerFacts:
    """The facts of a container that these words would create, as far as they declare them."""
    spec = _spec(answer)
    reference = spec[IMAGE]
    recipe = next(
        (recipe for recipe in RECIPES if reference.endswith(f":{recipe.tag}")), RECIPES[0]
    )
    setuid = (
        (
            ImageFile(
                "/bin/su",
                "setuid root",
                1,
            ),
        )
        if recipe.setuid
        else ()
    )
    image = ImageFacts(
        id="1" * 64,
        inspect={"Config": {"Labels": {LAB_LABEL: "image"}}},
        engine=ENGINE,
        names=(reference,),
        inventory=ImageInventory(privileged_files=setuid),
    )
    networks = tuple(network.partition(":")[0] for network in spec[NETWORK])
    own = Peer(
        "0" * 64,
        lab.container,
        tuple(name for name in networks if name != "none"),
        lab.app,
    )
    others = [
        Peer(
            f"{number:064}",
            lab.neighbour(neighbour.name),
            tuple(lab.network(name) for name in neighbour.networks),
            neighbour.app,
        )
        for number, neighbour in enumerate(lab.neighbours, 1)
    ]
    return ContainerFacts(
        id=own.id,
        name=lab.container,
        spec=spec,
        inspect={
            "ImageName": reference,
            "State": {"Status": "running"},
            "Config": {},
        },
        engine=ENGINE,
        image=image,
        kernel=NotRunning("simulated"),
        named_uid=1000,  # of `shop`, the one account of the image besides root
        peers=Peers((own, *others)),
    )


_NEEDS = ("/bin/busybox", "/srv/www/index.html")
"""The files without which the shop serves no page."""
_LEAST_MEMORY = 1 << 20
_LEAST_PROCESSES = 3
_LEAST_FILES = 16
_UNDERSTOOD = frozenset(
    (
        CAP_ADD,
        CAP_DROP,
        USER,
        GROUP_ADD,
        UMASK,
        PRIVILEGED,
        NO_NEW_PRIVILEGES,
        APPARMOR,
        LABEL_DISABLE,
        LABEL_TYPE,
        LABEL_LEVEL,
        MASK,
        UNMASK,
        SYSCTL,
        SECCOMP_PROFILE,
        READ_ONLY,
        READ_ONLY_TMPFS,
        TMPFS,
        MOUNTS,
        IMAGE,
        NETWORK,
        LOG_DRIVER,
        LOG_OPT,
        MEMORY,
        MEMORY_SWAP,
        MEMORY_RESERVATION,
        PIDS_LIMIT,
        SHM_SIZE,
        ULIMIT,
        OOM_SCORE_ADJ,
        CPUS,
        CPU_QUOTA,
        CPU_PERIOD,
        CPU_SHARES,
        CPUSET_CPUS,
        CGROUPS,
        CGROUPNS,
        PID,
        IPC,
        UTS,
        USERNS,
        ENV,
        TIMEZONE,
        HOSTNAME,
        LABELS,
        TTY,
        INTERACTIVE,
        INIT,
        PULL,
        ADD_HOST,
        NETWORK_ALIAS,
        EXPOSE,
        STOP_SIGNAL,
    )
)
"""Options of which it is known here what they do to the shop."""
_LIMITS = frozenset({"nofile", "nproc", "core", "host"})
_STOCK_FILTERS = ("", "unconfined", "/usr/share/containers/seccomp.json")


def service_of(
    lab: Lab,
    answer: Answer,
    *,
    known: tuple[Answer, ...],
) -> StageAnswer:
    """Whether the shop surely no longer works, or why nobody can tell here. An empty answer says
    that nothing speaks against it, not that it was asked.

    Args:
        known: the start and the solution of the lab, with which it works.
    """
    spec, working = _spec(answer), [_spec(other) for other in known]
    if broken := next(_faults(spec), ""):
        return StageAnswer(False, broken)
    new = {row for row in spec if all(spec[row] != other[row] for other in working)}
    strange = new - _UNDERSTOOD
    if USER in new and not is_root(spec[USER]) and lab.service != ASKS_FOR_PAGE:
        strange.add(USER)  # the rights of its files are not known
    if SECCOMP_PROFILE in new and spec[SECCOMP_PROFILE] not in _STOCK_FILTERS:
        strange.add(SECCOMP_PROFILE)
    if ULIMIT in new and not _LIMITS.issuperset(_ulimits(spec)):
        strange.add(ULIMIT)
    if TMPFS in new and any(_is_strange(text) for text in spec[TMPFS]):
        strange.add(TMPFS)
    others = {neighbour.name for neighbour in lab.neighbours}
    strange |= {row for row, names in _names(spec).items() if row in new and others & {*names}}
    if ENV in new and any(_steers(pair) for pair in spec[ENV]):
        strange.add(ENV)
    flags = ", ".join(sorted({row.flag for row in strange}))
    return StageAnswer(None, f"only a real Podman shows what {flags} does to it" if flags else "")


def _ulimits(spec: Spec) -> dict[str, str]:
    return dict(text.partition("=")[::2] for text in spec[ULIMIT])


def _names(spec: Spec) -> Mapping[Option[Any], tuple[str, ...]]:
    """Names that its options give. With the name of a neighbour the shop finds something else."""
    hosts = spec[ADD_HOST]
    return {
        HOSTNAME: (spec[HOSTNAME],),
        NETWORK_ALIAS: spec[NETWORK_ALIAS],
        ADD_HOST: tuple(re.split("[:;]", ":".join(hosts))),
    }


def _is_strange(tmpfs: str) -> bool:
    """Whether a tmpfs has an option that decides what fits into it, or who may write there."""
    options = tmpfs.partition(":")[2].split(",")
    names = {option.partition("=")[0] for option in options}
    return bool(names & {"nr_inodes", "nr_blocks", "uid", "gid"})


def _steers(pair: str) -> bool:
    """Whether a variable changes what programs do, and not only what the shop reads."""
    name = pair.partition("=")[0].upper()
    return name.startswith("LD_") or name.endswith("_PROXY")


def _faults(spec: Spec) -> Iterator[str]:
    if 0 < spec[MEMORY] < _LEAST_MEMORY:
        yield "it does not start with so little memory"
    if 0 < spec[PIDS_LIMIT] < _LEAST_PROCESSES:
        yield "it does not start with so few processes"
    files = _ulimits(spec).get("nofile", "").rpartition(":")[2]
    if files.isdecimal() and int(files) < _LEAST_FILES:
        yield "it does not start with so few open files"
    path = dict(pair.partition("=")[::2] for pair in spec[ENV]).get("PATH", "/bin")
    if "/bin" not in path.split(":"):
        yield "its programs are not on its PATH"
    for mount in spec[MOUNTS]:
        if mount.source and _hides(mount.destination):
            yield f"the mount at {mount.destination} hides what it needs"
    for text in spec[TMPFS]:
        place, _, options = text.partition(":")
        words = options.split(",")
        if "notmpcopyup" in words and _hides(place):
            yield f"the tmpfs at {place} hides what it needs"
        if "noexec" in words and at_or_above(normal(place), _NEEDS[0]):
            yield f"nothing at {place} can be started"


def _hides(place: str) -> bool:
    return any(at_or_above(normal(place), needed) for needed in _NEEDS)
