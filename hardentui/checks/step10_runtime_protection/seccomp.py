"""Seccomp filters: absent, altered, or the default alone."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.lib.seccomp import (
    FAMILIES,
    Condition,
    NoFilter,
    SeccompProfile,
    SeccompRule,
    ways_to_family,
)
from hardentui.reading.capabilities import WITH_PRIVILEGED
from hardentui.reading.confinement import filter_of, filter_rules, good_but_not_seen
from hardentui.reading.host_words import to_restore_default_files
from hardentui.reading.networks import (
    asks_for_host_network,
    on_host_network,
    ports_of_pod,
    published,
    publishes_more,
    reach,
    uses_network_of_pod,
)
from hardentui.reading.repairs import repair

_PROFILE = "/usr/share/containers/seccomp.json"


@Check(
    gives=Gain.HOST.after(1),  # all containers have a weaker filter
    summary="Reinstall the profile of the package",
    passes=lambda: (_host(),),
    fails=lambda: (
        _host(seccomp_profile=Missing(_PROFILE)),
        _host(seccomp_intact=False),
        _host(
            seccomp_profile=file(
                _PROFILE, 0o666, Danger(_PROFILE, "world-writable (0666)", "chmod o-w")
            )
        ),
    ),
    references=("CIS Docker 1.6 2.17",),
)
def altered_seccomp_default(facts: HostFacts) -> Verdict:
    """Default seccomp profile missing or modified.

    What it checks:
    The default seccomp profile that the rootful engine would use (`seccomp_profile` in
    containers.conf, otherwise `/etc/containers/seccomp.json`, otherwise the packaged one): whether
    it exists, who can change it, and whether it is what the package installed, according to dpkg's
    checksums. On hosts without dpkg, the content cannot be compared here.

    Why it matters:
    The profile allows some three hundred system calls and blocks the rest of the kernel: mounting,
    loading modules, tracing, BPF. All containers without a profile of their own rely on it. A
    modified profile does not show in any container's settings: all of them look as filtered as
    before.

    What may break:
    Containers that needed a call that someone added to the profile. Give them their own profile
    with that one call, instead of opening it for all.
    """
    profile = facts.seccomp_profile
    if isinstance(profile, Missing) and profile.path == "unconfined":
        return not_applicable("containers.conf turns the filter off (see weak-engine-defaults)")
    if isinstance(profile, Missing):
        return failed(
            f"the default profile {profile.path} does not exist",
            profile.path,
            evidence=(Evidence(profile.path, "does not exist"),),
            commands=to_restore_default_files(facts.os_release),
        )
    if profile.dangers:
        return failed(
            f"others can change the default profile: {profile.dangers[0]}",
            profile.path,
            evidence=danger_evidence(profile.dangers),
            commands=tuple(repair(danger, facts.os_release) for danger in profile.dangers),
        )
    if not facts.seccomp_intact:
        return failed(
            "the default profile differs from the one in the package",
            profile.path,
            evidence=(Evidence(profile.path, "its checksum differs from the package's"),),
            commands=to_restore_default_files(facts.os_release),
        )
    return passed(profile.path, "as installed by the package")


def _host(**over: Any) -> HostFacts:
    return host(
        **{
            "seccomp_profile": file(_PROFILE),
            "seccomp_intact": True,
            **over,
        }
    )


_DEFAULT_TYPES = ("container_t", "spc_t", "unconfined_t")

_MEMBER = {"Pod": "2" * 64}


@Check(
    gives=Gain.HOST.after(3),  # the default filter holds; a learned one is narrower
    points=12,
    summary="Record what the service does and give it its own seccomp profile",
    passes=lambda: (
        "-p 127.0.0.1:8080:80",
        "-p 80:80 --security-opt=seccomp=/etc/containers/seccomp/web.json",
        "-p 80:80 --security-opt=label=type:web.process",
        container(
            pod=_pod("127.0.0.1"),
            inspect=_MEMBER,
        ),
        "--security-opt=seccomp=/etc/containers/seccomp/db.json",
    ),
    fails=lambda: (
        "-p 80:80",
        "--network=host --security-opt=apparmor=unconfined",
        container(
            pod=_pod("0.0.0.0"),
            inspect=_MEMBER,
        ),
    ),
    references=("CSVS 3.4", "OWASP Docker rule 6"),
)
def default_seccomp_only(facts: ContainerFacts) -> Verdict:
    """Exposed service without its own seccomp profile.

    What it checks:
    Whether a container with a port that other machines reach (or on the host's network) has its own
    seccomp profile, AppArmor profile or SELinux type, beyond the defaults that every container
    gets.

    The ports of a pod count for each of its members, which share the pod's address.

    Why it matters:
    The default profile must suit everyone, so it allows over 300 system calls. A web server uses
    about 60. A profile made from what the service really does removes what the next kernel
    vulnerability will need, and a denied call is a loud sign that something is wrong.

    What may break:
    A profile recorded for too short a time denies what the service does only at night, on reload or
    after an error. Record it with tests and backups running, log before you enforce, and record
    again after image updates.
    """
    spec = facts.spec
    need_own_program(facts)
    own = {
        "seccomp profile": spec[SECCOMP_PROFILE] not in ("", "unconfined")
        or spec[SECCOMP_POLICY] == "image",
        "AppArmor profile": spec[APPARMOR] not in ("", "unconfined"),
        "SELinux type": bool(spec[LABEL_TYPE]) and spec[LABEL_TYPE] not in _DEFAULT_TYPES,
    }
    made = [name for name, there in own.items() if there]
    if made and not spec[PRIVILEGED]:
        return passed(f"its own {', '.join(made)}")
    open_to_all = need(_open_in_pod(facts) if uses_network_of_pod(facts) else _open(facts))
    if not open_to_all:
        return not_applicable("no port is open to the outside")
    if spec[PRIVILEGED]:
        return not_applicable("privileged mode (see privileged)")
    return failed(
        "only the default profiles that every container gets",
        "no profile of its own",
        commands=("--security-opt seccomp=FILE   # a profile recorded from a trial",),
    )


def _open(facts: ContainerFacts) -> Known[bool]:
    if publishes_more(facts) or any(reach(port) != "loopback" for port in published(facts)):
        return True
    on_host = on_host_network(facts)
    return asks_for_host_network(facts) if isinstance(on_host, Unread) else on_host


def _open_in_pod(facts: ContainerFacts) -> Known[bool]:
    """Whether its pod has an open port: the members share the pod's address, so it counts for each."""
    pod = facts.pod
    if pod is None:
        return Unread("the pod could not be inspected, so its open ports are not known")
    if section(pod, "InfraConfig").get("HostNetwork"):
        return True
    return any(reach(port) != "loopback" for port in ports_of_pod(pod))


def _pod(address: str) -> dict[str, object]:
    return {
        "SharedNamespaces": ["net"],
        "InfraContainerID": "infra",
        "InfraConfig": {"PortBindings": {"80/tcp": [{"HostIp": address, "HostPort": "80"}]}},
    }


_RULE = (
    '{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 4294967295, '
    '"valueTwo": FAMILY, "op": "SCMP_CMP_MASKED_EQ"}]}'
)


def _allowed(*conditions: Condition) -> SeccompRule:
    return SeccompRule("ALLOW", conditions)


_INTERNET = (
    "socket",
    _allowed(
        Condition(
            0,
            "MASKED_EQ",
            0xFFFFFFFF,
            2,
        )
    ),
)

_BOTH = ("X86_64", "X86")

_ALL_BUT_VSOCK = ("socket", _allowed(Condition(0, "NE", 40)))


@Check(
    gives=Gain.HOST.after(3),  # kernel code more within reach, by the engine's default
    scope=Kind.SITE,
    summary="Give it a seccomp profile that allows only the socket families it needs",
    passes=lambda: (
        "",
        container(runtime=_runs(_INTERNET)),
        container(
            runtime=_runs(
                _INTERNET, ("socketcall", SeccompRule("ERRNO", (), 1)), architectures=_BOTH
            )
        ),
    ),
    fails=lambda: (
        container(runtime=_runs(("socket", _allowed()))),
        container(runtime=_runs(_ALL_BUT_VSOCK)),
        container(runtime=_runs(_INTERNET, architectures=_BOTH)),
        container(
            runtime=_runs(
                _INTERNET,
                ("socketcall", _allowed()),
                architectures=_BOTH,
            )
        ),
    ),
    references=("CVE-2026-123876",),
)
def open_socket_families(facts: ContainerFacts) -> Verdict:
    """Unrestricted socket families.

    What it checks:
    Whether the seccomp filter in force lets the container create sockets of the families AF_VSOCK
    and AF_ALG, in every way there is: `socket` with the plain family, `socket` with higher bits set
    (the kernel looks at the lower 32 bits, a filter compares 64), and the 32-bit call `socketcall`,
    whose arguments a filter cannot read: it is open for all families if a rule allows any, and if
    the profile covers the 32-bit architecture.

    Why it matters:
    Network namespaces do not apply to these families. AF_VSOCK leads from a virtual machine to its
    hypervisor and to agents that listen there, past every firewall. AF_ALG passes data to the
    kernel's crypto code, in which vulnerabilities are found again and again, and which an ordinary
    service never uses by itself.

    What may break:
    Programs that use the kernel's crypto (some VPN and disk tools) or talk to the hypervisor (guest
    agents). The fix is a custom profile that allows the families that the service needs, with a
    masked comparison of the lower 32 bits, and leaves out the 32-bit architecture, which ends
    32-bit programs.
    """
    need_own_program(facts)
    seccomp = filter_rules(facts)
    ways: dict[str, tuple[str, ...]] = {}
    for name, family in FAMILIES.items():
        if answer := ways_to_family(seccomp.rules, family):
            ways[name] = answer
    if not ways and not seccomp.in_force:
        return good_but_not_seen(seccomp.declared)
    if not ways:
        return passed(
            seccomp.declared, "neither AF_ALG nor AF_VSOCK", (Evidence(seccomp.source, "checked"),)
        )
    evidence = tuple(
        Evidence(seccomp.source, f"{name}: {', '.join(each)}") for name, each in ways.items()
    )
    names = listed(list(ways))
    reason = f"can create sockets of {names}"
    return failed(
        reason, seccomp.declared, f"the filter allows {names}", evidence, commands=_commands()
    )


def _commands() -> tuple[str, ...]:
    return (
        f"# in the seccomp profile, for each family that is needed (1, 2, 10, 16): {_RULE}",
        "# and without SCMP_ARCH_X86 in its architectures, or with a rule that denies socketcall",
    )


def _runs(
    *rules: tuple[str, SeccompRule], architectures: tuple[str, ...] = ("X86_64",)
) -> RuntimeConfig:
    by_name: dict[str, tuple[SeccompRule, ...]] = {}
    for name, rule in rules:
        by_name[name] = (*by_name.get(name, ()), rule)
    return RuntimeConfig(
        seccomp=SeccompProfile(
            "ERRNO",
            None,
            architectures,
            by_name,
        )
    )


@Check(
    gives=Gain.HOST.after(1),  # no container has a filter
    summary="Use a runtime and a kernel with seccomp support",
    fix=FixKind.DECISION,
    risk=Risk.SAFE,
    passes=lambda: (rootful(info=_info(True)),),
    fails=lambda: (
        rootful(info=_info(False)),
        rootless(info=_info(False)),
    ),
    references=("CIS Docker 1.6 2.17",),
)
def seccomp_disabled(facts: EngineFacts) -> Verdict:
    """Seccomp not available to the engine.

    What it checks:
    Whether the engine reports seccomp support (`seccompEnabled` in `podman info`). It does not if
    the runtime was built without it or the kernel lacks it.

    Why it matters:
    Without seccomp, every container can use every system call of the kernel, whatever profile its
    settings name. Most known container escapes start with a call that the default profile blocks.

    What may break:
    Nothing: with the distribution's runtime package, the default profile is on, and nearly all
    images run with it.
    """
    enabled = ((facts.info.get("host") or {}).get("security") or {}).get("seccompEnabled")
    evidence = (Evidence("info: host.security.seccompEnabled", str(enabled).lower()),)
    if enabled is True:
        return passed("on", evidence=evidence)
    if enabled is False:
        return failed(
            "the engine does not support seccomp",
            "off",
            evidence=evidence,
        )
    return unknown("the engine does not report whether it supports seccomp")


def _info(enabled: bool) -> dict[str, Any]:
    return {"host": {"security": {"seccompEnabled": enabled}}}


_OTHERS_WRITE, _GROUP_AND_OTHERS_WRITE = 0o002, 0o022

_PATH = "/etc/containers/seccomp/web.json"


@Check(
    gives=Gain.HOST.after(2, Origin.ACCOUNT),  # another account chooses the filter
    summary="Put the profile where only root can write",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    passes=lambda: (
        "",
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json", seccomp_file=FileFact(_PATH)
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_file=FileFact(
                _PATH,
                uid=1000,
                gid=1000,
                mode=0o664,
            ),
            engine=rootless(),
        ),
    ),
    fails=lambda: (
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json", seccomp_file=Missing(_PATH)
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_file=FileFact(_PATH, mode=0o664),
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_file=FileFact(_PATH, uid=1000),
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_file=FileFact(
                _PATH,
                uid=1000,
                gid=100,
                mode=0o664,
            ),
            engine=rootless(),
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_file=FileFact(
                _PATH,
                uid=1000,
                gid=1000,
                mode=0o666,
            ),
            engine=rootless(),
        ),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json",
            seccomp_file=FileFact(
                _PATH, dangers=(Danger("/etc/containers", "world-writable", "chmod o-w"),)
            ),
        ),
    ),
    references=("podman-run(1) --security-opt seccomp",),
)
def seccomp_profile_file_unsafe(facts: ContainerFacts) -> Verdict:
    """Seccomp profile missing or writable by others.

    What it checks:
    The file named by `seccomp=FILE`: whether it still exists, and whether anyone other than root
    (or the engine's own user) can write to it or to a parent directory. Podman reads the file when
    it creates the container.

    Why it matters:
    Without the file, the container cannot be recreated: the next update or reboot ends in an
    outage. If others can write to it, they decide which system calls the container can use after
    its next start: one added line, and the filter is as good as off, without a trace in the
    container's configuration.

    What may break:
    Nothing in the running container. People or tools that edit the profile from another account
    need root's rights (or those of the engine's user) for it afterwards.
    """
    path = facts.spec[SECCOMP_PROFILE]
    if path in ("", "unconfined"):
        return not_applicable("no custom profile is set")
    file = facts.seccomp_file
    if isinstance(file, Missing):
        gone = (Evidence(file.path, "does not exist"),)
        return failed(
            "the file is missing, so the container cannot be recreated", path, evidence=gone
        )
    dangers = [str(danger) for danger in file.dangers]
    private = file.gid == file.uid != 0  # the group of one account, as useradd(8) makes it
    if file.mode & (_OTHERS_WRITE if private else _GROUP_AND_OTHERS_WRITE):
        dangers.append(f"mode {file.octal} lets others write to it")
    if facts.engine.rootless is False and file.uid != 0:
        dangers.append(f"owned by UID {file.uid}")
    if not dangers:
        return passed(
            path,
            evidence=(Evidence(file.path, f"UID {file.uid}, mode {file.octal}"),),
        )
    evidence = tuple(Evidence(file.path, danger) for danger in dangers)
    return failed(
        "others can change which system calls are allowed",
        path,
        evidence=evidence,
        commands=(
            *(("chown root:root FILE",) if facts.engine.rootless is False else ()),
            "chmod 0644 FILE",
        ),
    )


_STOCK = ("/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json")
_MODES = {0: "none", 1: "strict", 2: "filter"}


def _fix_seccomp_unconfined(spec: Spec, context: FixContext) -> Spec:
    if spec[SECCOMP_PROFILE] == "unconfined":
        spec = spec.without(SECCOMP_PROFILE)
    if _by_options(spec):
        raise CannotFix(
            "privileged mode also turns the filter off",
            joined(WITH_PRIVILEGED, ", or name a profile."),
        )
    if (
        spec == context.facts.spec
        and isinstance(context.facts.kernel, Kernel)
        and _switched_off(context.facts)
    ):
        raise CannotFix(
            "no container option turns the filter off", "See seccomp_profile in containers.conf."
        )
    return spec


_RULES = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}


@Check(
    gives=Gain.HOST.after(1),  # every system call: one kernel hole from the host (CIS 5.22)
    points=12,
    summary="Restore the seccomp filter",
    remediate=_fix_seccomp_unconfined,
    passes=lambda: (
        "",
        container(kernel=Kernel(7, seccomp_mode=2)),
        container(
            "--security-opt=seccomp=/etc/containers/seccomp/web.json --privileged",
            seccomp_rules=_RULES,
        ),
        container(  # an annotation that pretends
            "--security-opt=seccomp=unconfined",
            kernel=Kernel(7, seccomp_mode=2),
            runtime=RuntimeConfig(seccomp=SeccompProfile("ERRNO")),
        ),
    ),
    fails=lambda: (
        "--security-opt=seccomp=unconfined",
        container(
            "--security-opt=seccomp=unconfined", kernel=Kernel(7, seccomp_mode=2), engine=rootless()
        ),
        "--privileged",
        container("--privileged", kernel=Kernel(7, seccomp_mode=0)),
        container(  # a filter of the program's own
            kernel=Kernel(7, seccomp_mode=2),
            runtime=RuntimeConfig(seccomp=NoFilter("no linux.seccomp")),
        ),
    ),
    references=("CIS Docker 1.6 5.22", "NIST SP 800-190 4.4.4", "OWASP Docker rule 6"),
)
def seccomp_unconfined(facts: ContainerFacts) -> Verdict:
    """No seccomp filter.

    What it checks:
    Whether a seccomp filter is in force. There is none with `seccomp=unconfined`, and none in
    privileged mode unless a profile is named, although the security options of such a container do
    not say so. For a running container, the mode of the main process must be 2 (filter). A filter
    that a program installed itself does not make up for a disabled one: if the runtime's
    configuration can be read, it must contain a filter.

    Why it matters:
    The kernel offers some 400 system calls, and nearly every vulnerability that leads from a
    container to the host is in one that ordinary programs never use: keyrings, BPF, user-space page
    faults, module loading. The default profile blocks those. Without it, an attacker can try all of
    them.

    What may break:
    Programs that need a blocked call: some debuggers, nested engines, old runtimes. They fail with
    "operation not permitted", and the audit log names the call. The answer is a custom profile that
    allows just that call.
    """
    why = _switched_off(facts)
    return judge(
        ask(facts, lambda kernel: kernel.seccomp_mode),
        lambda mode: (mode != 2 or bool(why), _words(mode, bool(why))),
        declared_bad=bool(why),
        declared=why or f"profile {facts.spec[SECCOMP_PROFILE] or 'of the engine'}",
        reason="every system call of the kernel is allowed",
        where=proc(facts),
    )


def _words(mode: int, switched_off: bool) -> str:
    whose = ", but not Podman's" if mode == 2 and switched_off else ""
    return f"Seccomp {mode} ({_MODES.get(mode, 'unknown')}{whose})"


def _switched_off(facts: ContainerFacts) -> str:
    """What turns the filter off; empty if nothing. The runtime's configuration overrides the
    options."""
    seccomp = filter_of(facts)
    if not isinstance(seccomp, Unread):
        return seccomp.filter.why if isinstance(seccomp.filter, NoFilter) else ""
    return _by_options(facts.spec)


def _by_options(spec: Spec) -> str:
    """Podman leaves out its own profile in privileged mode."""
    profile = spec[SECCOMP_PROFILE]
    if profile == "unconfined":
        return "seccomp=unconfined"
    return "privileged" if spec[PRIVILEGED] and profile in ("", *_STOCK) else ""
