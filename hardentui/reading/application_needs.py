"""What a container needs, as the entry of its known application says."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from hardentui.model.application import Application, ApplicationPath, PathUse, ProofKind
from hardentui.model.facts import ContainerFacts, capability_name
from hardentui.model.spec import Mount, Spec
from hardentui.options import ENV, MOUNTS, TMPFS, USER
from hardentui.reading.containers import is_root, known_application
from hardentui.reading.mounts import at_or_above
from hardentui.reading.scratch_mounts import volume_at

_USUAL_MODE = "0755"
_OF_FOREIGN_FILES = frozenset({"CAP_DAC_OVERRIDE"})
_FOR_EVERYBODY = ("/etc/localtime", "/etc/timezone", "/usr/share/", "/proc", "/sys", "/dev/")


def declared_fixes(application: Application) -> frozenset[str]:
    """The checks whose fixes its entry calls right."""
    right = {
        "default-capabilities-kept": True,
        "missing-health-check": bool(application.health.command),
        "new-privileges-allowed": application.privileges.needed is False,
        "root-user": bool(application.user.start_as),
        "writable-rootfs": application.root.works is True,
    }
    return frozenset(check for check, is_right in right.items() if is_right)


def first_use_is_known(facts: ContainerFacts) -> bool:
    """Whether the entry of its known application was proven by running it from empty volumes on."""
    application = known_application(facts)
    return application is not None and application.proof.kind is ProofKind.RUN


def entry_capabilities(
    application: Application,
    spec: Spec,
) -> frozenset[str] | None:
    """What it needs with the user that the spec starts it as; None if the entry does not say.

    Files of the host may belong to another user: one that stays root needs DAC_OVERRIDE for them.
    """
    own = application.capabilities
    if not is_root(spec[USER]) and application.user.start_as:
        return frozenset(map(capability_name, own.work))
    if own.start is None and is_root(application.user.image):
        return None
    needed = frozenset(map(capability_name, own.start or ()))
    stays_root = is_root(spec[USER]) and is_root(application.user.work)
    return needed | _OF_FOREIGN_FILES if stays_root and _files_of_host(spec) else needed


def _files_of_host(spec: Spec) -> bool:
    """Whether files of the host are mounted, besides sockets and what every account may read."""
    return any(
        mount.type == "bind"
        and not mount.source.endswith(".sock")
        and not mount.source.startswith(_FOR_EVERYBODY)
        for mount in spec[MOUNTS]
    )


def writable_paths(
    application: Application,
    spec: Spec,
) -> tuple[ApplicationPath, ...]:
    """Directories that it writes and that no mount, tmpfs or volume of the image holds."""
    mounted = _mounted(spec)
    return tuple(
        path
        for path in application.path
        if not path.volume
        and not any(at_or_above(place, path.path) for place in mounted)
        and _is_written(path, mounted)
    )


def _mounted(spec: Spec) -> list[str]:
    """Where something is mounted."""
    places = [mount.destination for mount in spec[MOUNTS]]
    places += [mount.partition(":")[0] for mount in spec[TMPFS]]
    return [place.rstrip("/") or "/" for place in places]


def _is_written(path: ApplicationPath, mounted: Iterable[str]) -> bool:
    """Whether it writes there, with what is mounted elsewhere."""
    return not path.only_with or any(at_or_above(path.only_with, place) for place in mounted)


def only_reads(
    application: Application,
    spec: Spec,
    mount: Mount,
) -> bool:
    """Whether its entry says that it only reads what is mounted there."""
    place = mount.destination.rstrip("/") or "/"
    mounted = _mounted(spec)
    written = [path.path for path in application.path if _is_written(path, mounted)]
    return any(at_or_above(read, place) for read in application.reads) and not any(
        at_or_above(path, place) or at_or_above(place, path) for path in written
    )


def with_entry_paths(
    spec: Spec,
    facts: ContainerFacts,
    size: str,
) -> Spec:
    """The spec with a tmpfs on each scratch directory that the entry names, and a volume on each
    one that it keeps. `size`: of a tmpfs for which the entry names none."""
    application = known_application(facts)
    if application is None:
        return spec
    paths = writable_paths(application, spec)
    tmpfs = [_tmpfs(path, size) for path in paths if not is_kept(path)]
    volumes = [volume_at(path.path, spec, facts) for path in paths if is_kept(path)]
    return spec.with_(TMPFS, (*spec[TMPFS], *tmpfs)).with_(
        MOUNTS,
        (*spec[MOUNTS], *volumes),
    )


def _tmpfs(path: ApplicationPath, size: str) -> str:
    """The tmpfs in place of a scratch directory. Neither Podman nor Docker gives it another owner
    than root, so one that an ordinary user writes is open to everybody in the container."""
    runs = "" if path.programs else "noexec,"
    mode = path.mode if is_root(path.owner) else "1777"
    access = "" if mode == _USUAL_MODE else f",mode={mode}"
    return f"{path.path}:rw,{runs}nosuid,nodev,size={path.size or size}{access}"


def is_kept(path: ApplicationPath) -> bool:
    """Whether what is in the directory has to outlive a stop."""
    return path.use in (PathUse.DATA, PathUse.CONFIGURATION)


def why_not_start_as(application: Application, spec: Spec) -> str:
    """Why it cannot start as its ordinary user in this container; empty if it can.

    Only root in the entry point gives a directory of the host to that user, and reads what belongs
    to somebody else.
    """
    user = application.user.start_as
    for mount in spec[MOUNTS]:
        if mount.type == "bind" and (why := _why_not_with(mount, application)):
            return f"{mount.source} on the host must {why} {user} first"
    if read := _secret_on_host(application, spec):
        return f"{read} on the host must be readable for {user} first"
    return ""


def _why_not_with(mount: Mount, application: Application) -> str:
    """What the ordinary user lacks on a directory or file of the host; empty if nothing."""
    place = mount.destination.rstrip("/") or "/"
    uses = {
        path.use
        for path in application.path
        if at_or_above(place, path.path) or at_or_above(path.path, place)
    }
    if PathUse.CONFIGURATION in uses:
        return "be readable for"
    return "belong to" if uses and not mount.read_only else ""


def _secret_on_host(application: Application, spec: Spec) -> str:
    """The file of the host that a variable for a secret's file leads to."""
    binds = [mount for mount in spec[MOUNTS] if mount.type == "bind"]
    files = {file for file in application.secrets.values() if file}
    for variable in spec[ENV] if binds and files else ():
        name, _, path = variable.partition("=")
        if name not in files:
            continue
        for mount in binds:
            if at_or_above(mount.destination.rstrip("/"), path):
                return mount.source or posixpath.basename(path)
    return ""
