"""A system or home directory is relabelled for the container.

What it checks:
Whether `:z` or `:Z` is used on a mount whose source is a system directory or a whole home directory. These
options rewrite the SELinux label of every file below the source. Podman forgets them once the container runs,
so they are known only from the command that created it.

Why it matters:
SELinux uses labels to decide what the host's own services may access. After relabelling /etc, /usr or /home,
logins, SSH and mail may be refused until somebody restores the labels, and confined containers (with `:Z`
this one, with `:z` all) may read what the policy kept from them: keys, mail, configuration.

What may break:
Without the option, SELinux denies the container the files in that directory. Mount a directory that is made
for the container, and relabel that one. `restorecon -R PATH` restores earlier labels.
"""

from __future__ import annotations

from functools import lru_cache

from hardentui.checks.prelude import *
from hardentui.options import MOUNTS, Mount
from hardentui.reading.mounts import at_or_above, host_mounts, shown
from hardentui.reading.security_modules import SELINUX, lsm

_SYSTEM = (
    *("/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/run", "/sys", "/tmp"),  # noqa: S108
    *("/usr", "/usr/bin", "/usr/lib", "/usr/local", "/var", "/var/lib", "/var/lib/containers", "/var/log"),
)


def evaluate(facts: ContainerFacts) -> Verdict:
    system = [mount for mount in host_mounts(facts) if _is_system(mount.path)]
    if not system:
        return passed("no system or home directory is mounted")
    module = lsm(facts)
    if not isinstance(module, Unread) and module != SELINUX:
        return not_applicable("without SELinux, :z and :Z have no effect")
    bad = [mount for mount in system if {"z", "Z"} & set(mount.mount.options)]
    declared = shown([mount.mount for mount in system])
    if bad:
        evidence = tuple(Evidence("--volume", shown([mount.mount])) for mount in bad)
        return failed(f"the labels of {listed([o.path for o in bad])} are rewritten", declared, "", evidence)
    command = section(facts.inspect, "Config").get("CreateCommand")
    if facts.inspect and not command and facts.running:
        return unknown(
            "Podman forgets :z and :Z of a running container, and its create command is not known", declared
        )
    return passed(declared)


@lru_cache(maxsize=4096)
def _is_system(path: str) -> bool:
    """A system directory, a directory above one, or a whole home directory."""
    home = path.startswith("/home/") and path.count("/") == 2
    return home or any(at_or_above(path, other) for other in _SYSTEM)


def remediate(spec: Spec, context: FixContext) -> Spec:
    bad = {mount.mount for mount in host_mounts(context.facts.planned(spec)) if _is_system(mount.path)}
    return spec.with_(MOUNTS, tuple(m.with_options(drop=("z", "Z")) if m in bad else m for m in spec[MOUNTS]))


_SELINUX = EngineFacts(info={"host": {"security": {"selinuxEnabled": True}}})
_NONE = EngineFacts(info={"host": {"security": {"selinuxEnabled": False, "apparmorEnabled": True}}})

CHECK = Check(
    title="System or home directory relabelled",
    severity=Severity.HIGH,  # services of the host stop, and containers may read it
    summary="Mount a dedicated directory and relabel that one",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    passes=lambda: (
        container((MOUNTS, (Mount("bind", "/srv/web", "/w", ("Z",)),)), engine=_SELINUX),
        container((MOUNTS, (Mount("bind", "/home", "/h", ("Z",)),)), engine=_NONE),
    ),
    fails=lambda: (
        container((MOUNTS, (Mount("bind", "/home/anna", "/h", ("Z",)),)), engine=_SELINUX),
        container((MOUNTS, (Mount("bind", "/etc/", "/e", ("ro", "z")),))),
    ),
    references=("NIST SP 800-190 4.5.5",),
    catalogue="S5-14",
)
