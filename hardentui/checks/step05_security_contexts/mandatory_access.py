"""SELinux and AppArmor."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.capabilities import WITH_PRIVILEGED
from hardentui.reading.confinement import (
    UNCONFINED_TYPES,
    need_apparmor,
    need_selinux,
    selinux_switched_off,
    selinux_type,
    unconfined_by_apparmor,
)
from hardentui.reading.host_words import to_relabel_all
from hardentui.reading.mounts import host_mounts
from hardentui.reading.selinux_words import to_label


def _fix_apparmor_unconfined(spec: Spec, context: FixContext) -> Spec:
    if spec[APPARMOR] == "unconfined":
        spec = spec.without(APPARMOR)
    if _switched_off(spec):
        raise CannotFix(
            "privileged mode also turns AppArmor off",
            joined(WITH_PRIVILEGED, ", or name a profile."),
        )
    return spec


_APPARMOR = EngineFacts(info={"host": {"security": {"apparmorEnabled": True}}})

_SELINUX = EngineFacts(info={"host": {"security": {"selinuxEnabled": True}}})


@Check(
    gives=Gain.HOST.after(2),  # a layer is missing (CIS 5.2)
    points=4,
    summary="Run the container under an AppArmor profile",
    remediate=_fix_apparmor_unconfined,
    passes=lambda: (
        container(engine=_APPARMOR),
        container(kernel=Kernel(7, lsm_label="containers-default-0.62.2//&crun (mixed)")),
        container(kernel=Kernel(7, lsm_label="containers-default-0.62.2 (enforce)")),
        container(
            kernel=Kernel(7, lsm_label="crun (unconfined)"),
            engine=rootless(),
        ),
        container("--security-opt=apparmor=unconfined", engine=_SELINUX),
    ),
    fails=lambda: (
        container("--security-opt=apparmor=unconfined", engine=_APPARMOR),
        container(
            "--security-opt=apparmor=unconfined",
            kernel=Kernel(7, lsm_label="crun (unconfined)"),
            engine=_APPARMOR,
        ),
        container("--privileged", kernel=Kernel(7, lsm_label="unconfined")),
    ),
    references=("CIS Docker 1.6 5.2", "OWASP Docker rule 6"),
)
def apparmor_unconfined(facts: ContainerFacts) -> Verdict:
    """Not confined by AppArmor.

    What it checks:
    On a host with AppArmor and a rootful engine: whether the container runs under a profile. It
    does not with `apparmor=unconfined` or in privileged mode. For a running container, the label of
    the main process decides; a stacked label such as `containers-default-…//&crun (mixed)` counts
    as confined. Podman applies no profile to rootless containers, nor on hosts that use SELinux.

    Why it matters:
    The default profile denies what a container never needs: writing kernel settings below /proc/sys
    and /sys, mounting, tracing processes outside. If another barrier fails (a kept capability, a
    removed mask), the profile still says no.

    What may break:
    Programs that mount, trace other processes or change kernel settings from inside. Give them a
    profile of their own that allows just that, rather than none.
    """
    need_apparmor(facts)
    why = _switched_off(facts.spec)
    return judge(
        ask(facts, lambda kernel: kernel.lsm_label),
        lambda label: (unconfined_by_apparmor(label), label or "no label"),
        declared_bad=bool(why),
        declared=why or f"profile {facts.spec[APPARMOR] or 'of the engine'}",
        reason="the container runs without an AppArmor profile",
        where=proc(facts, "attr/current"),
    )


def _switched_off(spec: Spec) -> str:
    if spec[APPARMOR]:
        return "apparmor=unconfined" if spec[APPARMOR] == "unconfined" else ""
    return "privileged" if spec[PRIVILEGED] else ""


def _fix_selinux_disabled(spec: Spec, context: FixContext) -> Spec:
    spec = spec.without(LABEL_DISABLE)
    if spec[LABEL_TYPE] in UNCONFINED_TYPES:
        spec = spec.without(LABEL_TYPE)
    left = selinux_switched_off(spec)
    if left:
        raise CannotFix(
            f"{left} also turns SELinux off", "Fix that first; a custom type also turns it back on."
        )
    return spec


_NO_SELINUX = EngineFacts(
    info={"host": {"security": {"selinuxEnabled": False, "apparmorEnabled": True}}}
)


@Check(
    gives=Gain.HOST.after(2),  # a layer is missing
    points=4,
    summary="Let SELinux confine the container",
    remediate=_fix_selinux_disabled,
    passes=lambda: (
        container(engine=_SELINUX),
        container(kernel=Kernel(7, lsm_label="system_u:system_r:container_t:s0:c1,c2")),
        container("--security-opt=label=disable", engine=_NO_SELINUX),
    ),
    fails=lambda: (
        container("--security-opt=label=disable -v /srv/web:/web -v /etc:/h:ro", engine=_SELINUX),
        container("--security-opt=label=type:spc_t", engine=_SELINUX),
        container("--pid=host", engine=_SELINUX),
        container(
            "--privileged",
            kernel=Kernel(7, lsm_label="system_u:system_r:spc_t:s0"),
        ),
    ),
    references=("CIS Docker 1.6 5.3", "OWASP Docker rule 6"),
)
def selinux_disabled(facts: ContainerFacts) -> Verdict:
    """Not confined by SELinux.

    What it checks:
    On a host with SELinux: whether the container runs in a confined domain (container_t or a custom
    one). The separation is off with `label=disable`, in privileged mode, with a type such as spc_t,
    and silently with `--pid=host` and `--ipc=host`. For a running container, the label of the main
    process decides.

    Why it matters:
    SELinux is the barrier that held in many container escapes: a process of type container_t cannot
    read or write host files even as root, because they carry other labels. With spc_t or without a
    label, a vulnerability in the runtime, a leaked file descriptor or a careless mount is enough to
    reach every file on the host.

    What may break:
    Bind mounts without `:Z` or `:z` are then denied, as host files should be. Label the directories
    that belong to the container, by rule (`semanage fcontext`, `restorecon`) or with `:Z`; never
    /, /etc, /usr, /var or a home, which the host's own services would lose. Host sockets and
    devices may need a custom policy, which udica can write.
    """
    need_selinux(facts)
    why = selinux_switched_off(facts.spec)
    return judge(
        ask(facts, lambda kernel: kernel.lsm_label),
        lambda label: (
            selinux_type(label) in (UNCONFINED_TYPES | {""}),
            label or "no label",
        ),
        declared_bad=bool(why),
        declared=why or f"type {facts.spec[LABEL_TYPE] or 'container_t'}",
        reason="SELinux does not separate the container from the host",
        where=proc(facts, "attr/current"),
        commands=_to_label_mounts(facts),
    )


def _to_label_mounts(facts: ContainerFacts) -> tuple[str, ...]:
    """What its bind mounts need once SELinux confines it."""
    bound = [
        mount.path
        for mount in host_mounts(facts)
        if mount.asked.type == "bind" and not {"z", "Z"} & set(mount.asked.options)
    ]
    release = known(lambda: facts.host.os_release, else_={})
    lines = (line for path in bound for line in to_label(release, path))
    return tuple(dict.fromkeys(lines))


_CONFIG = "/etc/selinux/config"


@Check(
    gives=Gain.HOST.after(2),  # a layer is missing for all
    summary="Set SELinux to enforcing, now and at boot",
    passes=lambda: (_host("enforcing", "enforcing"), _host("absent", "")),
    fails=lambda: (
        _host("permissive", "enforcing"),
        _host("enforcing", "permissive"),
        _host("absent", "disabled"),
        _host(
            "enforcing",
            "enforcing",
            configuration=configuration(containers__label=False),
        ),
    ),
    references=(
        "CIS Docker 1.6 5.3",
        "NIST SP 800-190 4.5.1",
        "OWASP Docker rule 6",
        "CSVS 2.6",
    ),
)
def selinux_not_enforcing(facts: HostFacts) -> Verdict:
    """SELinux not enforcing.

    What it checks:
    On a host with SELinux: whether it enforces now, whether its configuration makes it enforce
    after the next boot, and whether the rootful engine's containers.conf leaves labels on. A host
    without SELinux in the kernel and without an SELinux configuration is not judged here; AppArmor
    has its own check.

    Why it matters:
    SELinux is the barrier behind the barrier: a process that has escaped still carries the
    container's label and can touch almost nothing on the host. It alone stopped several well-known
    escapes. In permissive mode it only logs and stops nothing.

    What may break:
    What SELinux only logged before is denied now. First look at the recent log (`ausearch -m avc
    -ts recent`): bind mounts without `:z` or `:Z` are the usual cause. After a time without
    SELinux, all files need new labels; the host's own way to that is in the finding.
    """
    modules = facts.security_modules
    live, configured = modules.selinux, modules.selinux_configured
    for part in (live, configured):
        if isinstance(part, Unread):
            return unknown(part)
    if live == "absent" and not configured:
        return not_applicable("this host does not use SELinux")
    if live == "absent" and modules.apparmor is True:
        return not_applicable("this host uses AppArmor instead of SELinux")
    evidence = (
        Evidence("/sys/fs/selinux/enforce", str(live)),
        Evidence(_CONFIG, f"SELINUX={configured}" if configured else "not set"),
    )
    if live != "enforcing":
        state = "off" if live == "absent" else str(live)
        last = "setenforce 1" if live == "permissive" else to_relabel_all(facts.os_release)
        commands = (f"# {_CONFIG}", "SELINUX=enforcing", last)
        return failed(
            f"SELinux is {state} now", str(configured), state, evidence, commands=commands
        )
    if configured and configured != "enforcing":
        reason = f"SELinux enforces now, but will be {configured} after the next boot"
        return failed(
            reason,
            str(configured),
            "enforcing",
            evidence,
            commands=(f"# {_CONFIG}", "SELINUX=enforcing"),
        )
    settings = facts.configuration
    if settings.get("containers.label") is False:
        where = settings.file_of("containers.label")
        return failed(
            f"SELinux enforces, but {where} turns off labels for all containers",
            "label = false",
            "enforcing",
            (*evidence, Evidence(where, "label = false")),
            commands=(f"# {where}", "label = true"),
        )
    if settings.fault is not None:
        return unknown(settings.fault)
    return passed(str(configured), "enforcing", evidence)


def _host(
    live: str,
    configured: str,
    **over: Any,
) -> HostFacts:
    modules = SecurityModules(
        selinux=live,
        selinux_configured=configured,
        apparmor=False,
    )
    return host(
        **{
            "security_modules": modules,
            "configuration": configuration(),
            **over,
        }
    )


_PEER = Peer(
    "2" * 64,
    "db",
    process_label="system_u:system_r:container_t:s0:c1,c2",
    pod="p",
)

_PEERS = Peers((_PEER,))


@Check(
    gives=Gain.OTHERS_DATA.after(2),  # SELinux does not keep these containers apart
    compares=True,
    summary="Let Podman choose the SELinux level",
    remediate=lambda spec, context: spec.without(LABEL_LEVEL),
    passes=lambda: (
        container(engine=_SELINUX, peers=_PEERS),
        container(
            kernel=Kernel(7, lsm_label="system_u:system_r:container_t:s0:c3,c4"), peers=_PEERS
        ),
        container(
            "--security-opt=label=level:s0:c1,c2",
            engine=_SELINUX,
            peers=_PEERS,
            inspect={"Pod": "p"},
        ),
        container("--privileged", engine=_SELINUX),
    ),
    fails=lambda: (
        container(
            "--security-opt=label=level:s0:c2,c1",
            engine=_SELINUX,
            peers=_PEERS,
        ),
        container("--security-opt=label=level:s0", engine=_SELINUX),
    ),
    references=("podman-run(1) --security-opt label=level",),
)
def shared_mcs_categories(facts: ContainerFacts) -> Verdict:
    """SELinux categories shared between containers.

    What it checks:
    On a host with SELinux: whether the categories in the container's label (`s0:c12,c815`) are also
    those of a container of another pod or application, or whether the level was forced to a bare
    `s0` without categories. Containers that SELinux does not confine at all are covered by
    `selinux-disabled`.

    Why it matters:
    All containers run in the same SELinux domain; only the categories keep them apart. With equal
    categories, a process in one may open the other's files and signal its processes as far as
    ordinary permissions allow, and both are often root. A level without categories is below all of
    them.

    What may break:
    Containers that share files through a common level lose access to what the other one labelled
    with `:Z`. Use `:z` for a directory shared by several containers, or put them into one pod,
    which has one level.
    """
    need_selinux(facts)
    label = _label(facts)
    if selinux_type(label) in UNCONFINED_TYPES if label else selinux_switched_off(facts.spec):
        return not_applicable("SELinux does not confine the container (see selinux-disabled)")
    forced = facts.spec[LABEL_LEVEL]
    declared = f"level {forced or 'chosen by Podman'}"
    level = _level(label) or forced
    evidence = (Evidence(proc(facts, "attr/current"), label or declared),)
    if level and not _categories(level) and (forced or label):
        return failed(
            "the level has no categories",
            declared,
            label,
            evidence,
        )
    if not level:
        return passed(
            declared,
            reason="Podman picks categories that no other container has",
        )
    same = [
        peer.name
        for peer in facts.peers.with_categories(frozenset(_categories(level).split(",")))
        if peer.id != facts.id and not related(facts, peer)
    ]
    if same:
        return failed(
            f"the same categories as {listed(same)}",
            declared,
            label,
            evidence,
        )
    return passed(declared, label, evidence)


def _label(facts: ContainerFacts) -> str:
    """The live label, otherwise the one that Podman recorded; empty for a plan."""
    live = ask(facts, lambda kernel: kernel.lsm_label)
    if isinstance(live, str) and live:
        return live
    return "" if is_planned(facts) else str(facts.inspect.get("ProcessLabel") or "")


def _level(label: str) -> str:
    return label.split(":", 3)[3] if label.count(":") >= 3 else ""


def _categories(level: str) -> str:
    return level.partition(":")[2]
