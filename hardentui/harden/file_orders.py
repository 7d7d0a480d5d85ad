"""Orders of protection of the file system: mounts, tmpfs, secrets, masked paths. See `orders`."""

from __future__ import annotations

from collections.abc import Mapping

from hardentui.model.facts import ContainerFacts
from hardentui.options import (
    MOUNTS,
    READ_ONLY,
    READ_ONLY_TMPFS,
    SECRETS,
    TMPFS,
    UNMASK,
    Mount,
)
from hardentui.writers.context import volume_for

_TIGHT = frozenset({"ro", "readonly", "noexec", "nosuid", "nodev", "O"})
_OPENING = frozenset({"exec", "suid", "dev", "rw", "z", "Z"})
_PROPAGATION = {"private": 0, "rprivate": 0, "slave": 1, "rslave": 1, "shared": 2, "rshared": 2}
_TMPFS_OF_PODMAN = ("/dev", "/run", "/tmp", "/var/tmp")  # noqa: S108 - compared, never opened


def mounts(before: ContainerFacts, after: ContainerFacts) -> str:
    """No mount is added, except a volume of its own where it could write before, and none is opened."""
    old = {mount.destination: mount for mount in before.spec[MOUNTS]}
    for mount in after.spec[MOUNTS]:
        known = old.get(mount.destination)
        if known is None and _takes_its_writes(mount, before):
            continue
        if known is None:
            return f"adds a mount at {mount.destination}"
        if mount != known and (why := _opened(known, mount)):
            return f"{why} the mount at {mount.destination}"
    return ""


def _takes_its_writes(mount: Mount, before: ContainerFacts) -> bool:
    """Whether it is a volume of this container alone, in place of a directory of a writable root."""
    own = mount.type == "volume" and mount.source == volume_for(before.name, mount.destination)
    return own and not mount.subpath and not before.spec[READ_ONLY] and not _OPENING & {*mount.options}


def _opened(old: Mount, new: Mount) -> str:
    if (old.type, old.source, old.subpath) != (new.type, new.source, new.subpath):
        return "changes the source of"
    was, now = frozenset(old.options), frozenset(new.options)
    if old.read_only and not new.read_only:
        return "makes writable"
    if lost := (was - now) & _TIGHT:
        return f"removes {', '.join(sorted(lost))} from"
    if gained := (now - was) & _OPENING:
        return f"adds {', '.join(sorted(gained))} to"
    if "U" in now - was and old.type != "volume":
        return "changes the owner of host files below"
    if _propagation(now) > _propagation(was):
        return "widens mount propagation of"
    return ""


def _propagation(options: frozenset[str]) -> int:
    return max((_PROPAGATION.get(option, 0) for option in options), default=0)


def tmpfs(before: ContainerFacts, after: ContainerFacts) -> str:
    """With a read-only root, a new tmpfs is a new writable place."""
    old, new = _tmpfs(before), _tmpfs(after)
    for path, options in new.items():
        known = old.get(path)
        if known is None:
            if before.spec[READ_ONLY] and not _writable_already(before, path):
                return f"makes {path} writable"
        elif _loose(options) - _loose(known):
            return f"adds {', '.join(sorted(_loose(options) - _loose(known)))} to the tmpfs at {path}"
        elif "size" in known and known["size"] != options.get("size") and "size" not in options:
            return f"removes the size limit of the tmpfs at {path}"
    return ""


def _tmpfs(facts: ContainerFacts) -> dict[str, Mapping[str, str]]:
    mounts: dict[str, Mapping[str, str]] = {}
    for entry in facts.spec[TMPFS]:
        path, _, options = entry.partition(":")
        mounts[path.rstrip("/")] = dict(word.partition("=")[::2] for word in options.split(",") if word)
    return mounts


def _loose(options: Mapping[str, str]) -> frozenset[str]:
    """What the tmpfs allows; Podman mounts it nosuid and nodev, but not noexec."""
    opened = {"exec", "suid", "dev"} & set(options)
    return frozenset(opened if "noexec" in options else opened | {"exec"})


def _writable_already(facts: ContainerFacts, path: str) -> bool:
    if facts.spec[READ_ONLY_TMPFS] and path in _TMPFS_OF_PODMAN:
        return True
    return any(mount.destination == path and not mount.read_only for mount in facts.spec[MOUNTS])


def read_only_tmpfs(before: ContainerFacts, after: ContainerFacts) -> str:
    came = after.spec[READ_ONLY_TMPFS] and not before.spec[READ_ONLY_TMPFS]
    return "makes /run and /tmp writable" if came and before.spec[READ_ONLY] else ""


def secrets(before: ContainerFacts, after: ContainerFacts) -> str:
    """A secret stays a file, readable by no more users than before."""
    old = {_secret_name(secret): secret for secret in before.spec[SECRETS]}
    for secret in after.spec[SECRETS]:
        name = _secret_name(secret)
        if name not in old:
            return f"adds the secret {name}"
        if _secret_bits(secret) & ~_secret_bits(old[name]):
            return f"lets more users read the secret {name}"
    return ""


def _secret_name(secret: str) -> str:
    name, *options = secret.split(",")
    target = next((option for option in options if option.startswith("target=")), "")
    return f"{name} {target}".strip()


def _secret_bits(secret: str) -> int:
    """Its mode; a variable counts as a world-readable and world-writable file."""
    options = dict(part.partition("=")[::2] for part in secret.split(",")[1:])
    if options.get("type") == "env":
        return 0o7777
    try:
        return int(options.get("mode") or "0444", 8)
    except ValueError:
        return 0o7777


def masks_lifted(before: ContainerFacts, after: ContainerFacts) -> str:
    old, new = before.spec[UNMASK], after.spec[UNMASK]
    if any(word.upper() == "ALL" for word in old):
        return ""
    return f"unmasks {', '.join(sorted(set(new) - set(old)))}" if set(new) - set(old) else ""
