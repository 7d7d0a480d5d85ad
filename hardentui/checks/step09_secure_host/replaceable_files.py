"""Programs, units and configuration that others can replace."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import Program, UnitProgram
from hardentui.reading.repairs import judge_files, repair

_RUNTIME = "/opt/crun/crun"

_OPEN = FileFact(
    _RUNTIME,
    dangers=(
        Danger(
            "/opt/crun",
            "world-writable (0777)",
            "chmod o-w",
            everybody=True,
        ),
    ),
)


@Check(
    gives=Gain.OTHERS_DATA.after(0, Origin.ACCOUNT),  # another account chooses what runs
    points=2,
    summary="Install the program where only root, or the engine's account, can write",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    passes=lambda: (
        "",
        container(programs={_RUNTIME: FileFact(_RUNTIME, mode=0o755)}),
    ),
    fails=lambda: (
        container(programs={_RUNTIME: _OPEN}),
        container(mounted_programs={_RUNTIME: _OPEN}),
    ),
    references=("podman(1) --runtime", "podman-create(1) --init-path"),
)
def replaceable_container_programs(facts: ContainerFacts) -> Verdict:
    """Container's programs can be replaced.

    What it checks:
    What the engine starts for this container, wherever it was named: its OCI runtime (`--runtime
    PATH`), its hooks and init program as the runtime got them at the last start, and the
    `--conmon`, `--hooks-dir` and `--network-cmd-path` of the command that created it; of scripts,
    the interpreter, and of hook files, their programs too. For each, who besides root, and the
    account of a rootless engine, can change the file or a directory that leads to it. What the
    engine's configuration names is covered by untrusted-engine-programs. Of the container's own
    command: whether it names a file in a bind mount that every account of the host can change, or
    replace.

    Why it matters:
    The engine runs the runtime, conmon and hooks outside the container, as root or as its own
    account, each time the container starts. Whoever can replace one runs code there, and decides
    what protects the container. An init program is process 1 in the container, with all its rights
    and secrets. Whoever changes the script that the container runs gets the same.

    What may break:
    Nothing in the container. Whoever builds these programs in place has to install them.
    """
    programs = facts.programs
    own = _open_to_all(facts)
    if not programs and not own:
        return not_applicable("no program is named for this container alone")
    declared = listed(sorted(programs))
    dangers = dangers_of(file for file in programs.values() if isinstance(file, FileFact))
    if dangers:
        commands = _repairs(facts, dangers)
        evidence = danger_evidence(dangers)
        reason = f"others can change what the engine runs for it: {dangers[0]}"
        return failed(
            reason,
            declared,
            evidence=evidence,
            commands=commands,
        )
    if own:
        reason = f"every account of the host can change what it runs: {own[0]}"
        commands = _repairs(facts, own)
        evidence = danger_evidence(own)
        return failed(
            reason,
            declared,
            evidence=evidence,
            commands=commands,
            gives=Gain.OTHERS_DATA.after(1, Origin.ACCOUNT),
        )
    hidden = [file.reason for file in programs.values() if isinstance(file, Unread)]
    return unknown(hidden[0], declared) if hidden else passed(declared)


def _repairs(facts: ContainerFacts, dangers: tuple[Danger, ...]) -> tuple[str, ...]:
    release = known(lambda: facts.host.os_release, else_={})
    return tuple(repair(danger, release) for danger in dangers)


def _open_to_all(facts: ContainerFacts) -> tuple[Danger, ...]:
    """What lets every account change a file that its command names in a bind mount. A file of
    another account is no danger by itself: a service often runs from the home of whoever develops
    it."""
    files = [file for file in facts.mounted_programs.values() if isinstance(file, FileFact)]
    dangers = dangers_of(file for file in files if file.kind == "file")
    return tuple(danger for danger in dangers if danger.everybody)


_CRUN = "/usr/bin/crun"
_OPEN_RUNTIME = Danger(
    _CRUN,
    "can be written by group 50 (0775)",
    "chmod g-w",
)
_HOOK = "/usr/share/containers/oci/hooks.d/log.json"
_KNOWN_HOOKS = tuple(
    "oci-seccomp-bpf-hook.json oci-nvidia-hook.json nvidia-container-toolkit.json oci-systemd-hook.json "
    "oci-umount.json oci-register-machine.json".split()
)


@Check(
    gives=Gain.HOST_ROOT.after(0, Origin.ACCOUNT),  # another account chooses what root runs
    summary="Remove unknown programs, and make root the owner of the others",
    passes=lambda: (
        host(
            programs=(Program("runtime", file(_CRUN, 0o755)),),
            configuration=configuration(),
        ),
        host(
            programs=(),
            configuration=configuration(),
        ),
    ),
    fails=lambda: (
        host(programs=(Program("runtime", file(_CRUN, 0o775, _OPEN_RUNTIME)),)),
        host(programs=(Program("hook", file(_HOOK), known=False),)),
        host(
            programs=(
                Program(
                    "runtime",
                    file("/opt/run/crun", 0o755),
                    known=False,
                ),
            )
        ),
    ),
    references=("containers.conf(5) runtimes",),
    parameters={"known_hooks": _KNOWN_HOOKS, "known_programs": ()},
)
def untrusted_engine_programs(
    facts: HostFacts,
    parameters: Parameters,
) -> Verdict:
    """Unknown or writable programs run by the engine.

    What it checks:
    The OCI runtimes, conmon, the network helpers and the hooks that the rootful engine would run,
    from containers.conf and Podman's built-in paths: who can change each file or its parent
    directories; whether it is where packages install programs (`/usr/bin`, `/usr/lib`,
    `/usr/libexec`…) under a name that Podman uses; and whether each hook is on the list of expected
    ones (parameter `known_hooks`). List programs that you installed elsewhere on purpose in the
    parameter `known_programs`. Also who can add files to the directories from which the engine
    takes helpers and hooks. Hooks and init programs of one container are in
    replaceable-container-programs.

    Why it matters:
    These programs run as root, or as the account of a rootless engine, before the container is
    confined. A hook sees every container that starts and can change all of them. A replaced runtime
    can drop every protection and still report it as active. It is the quietest way to stay on a
    host after a break-in.

    What may break:
    A removed hook no longer does its work: GPUs, for example, are passed to containers by one. Find
    out who installed it before you remove it.
    """
    programs = facts.programs
    if not programs:
        return not_applicable("no container runtime is installed")
    dangers = dangers_of(program.file for program in programs)
    strange = [program for program in programs if _strange(program, parameters)]
    if not dangers and not strange:
        if facts.configuration.fault is not None:
            return unknown(
                f"other programs may be configured: {facts.configuration.fault.reason}",
                source=facts.configuration.fault.source,
            )
        return passed(effective=f"{plural(len(programs), 'program')} checked")
    reasons = []
    if dangers:
        reasons.append(f"others can change programs that an engine runs: {dangers[0]}")
    if strange:
        reasons.append(f"unexpected {strange[0].role} {strange[0].file.path}")
    return failed(
        "; ".join(reasons),
        evidence=(
            *danger_evidence(dangers),
            *(Evidence(program.file.path, _about(program)) for program in strange),
        ),
        gives=None if dangers else Gain.HOST_ROOT.after(1, Origin.ACCOUNT),
        commands=tuple(repair(danger, facts.os_release) for danger in dangers),
    )


def _strange(program: Program, parameters: Parameters) -> bool:
    if program.file.path in parameters.texts("known_programs"):
        return False
    if program.role == "hook":
        return program.file.path.rpartition("/")[2] not in parameters.texts("known_hooks")
    return not program.known


def _about(program: Program) -> str:
    source = f", named by {program.named_by}" if program.named_by else ""
    return f"unexpected {program.role}{source}"


_FILE = "/etc/containers/containers.conf"
_POLICY = "/etc/containers/policy.json"
_DIRECTORY = "/etc/containers"


@Check(
    gives=Gain.HOST.after(
        1, Origin.ACCOUNT
    ),  # another account chooses the defaults of all containers
    summary="Make root the owner of the configuration and remove write permission for others",
    risk=Risk.SAFE,
    passes=lambda: (host(engine_configuration={_FILE: file(_FILE), _POLICY: file(_POLICY)}),),
    fails=lambda: (
        host(
            engine_configuration={
                _FILE: file(
                    _FILE,
                    0o666,
                    Danger(_FILE, "world-writable (0666)", "chmod o-w"),
                )
            }
        ),
        host(
            engine_configuration={
                _POLICY: file(
                    _POLICY,
                    0o644,
                    Danger(
                        _DIRECTORY,
                        "belongs to uid 1000",
                        "chown root:root",
                    ),
                )
            }
        ),
    ),
    references=("CIS Docker 1.6 3.5-3.6",),
)
def writable_engine_configuration(facts: HostFacts) -> Verdict:
    """Engine configuration writable by others.

    What it checks:
    Every file and directory below `/etc/containers` and `/usr/share/containers` (containers.conf,
    registries.conf, policy.json, storage.conf, the default seccomp profile, certs.d, their
    drop-ins), and below `~/.config/containers` of accounts that run containers: whether root, or
    that account, owns it, and whether its group or everyone can write to it or to one of its parent
    directories. Symbolic links are followed. Quadlet directories have their own check.

    Why it matters:
    These files decide for all containers: which programs run as root to start them, which rights
    they get by default, whose images are trusted. One line in containers.conf is enough to make
    every new container privileged, or to run your own program as root.

    What may break:
    Tools or accounts that edit these files without being root. Let them submit changes instead, for
    example through configuration management.
    """
    if facts.engine_configuration == {}:
        return not_applicable("there is no engine configuration")
    return judge_files(
        facts.engine_configuration,
        "other accounts change the engine's configuration",
        "only root and the accounts that they belong to can change them",
        facts.os_release,
    )


_QUADLET = "/etc/containers/systemd/web.container"
_SCRIPT = "/opt/web/prepare.sh"
_OWN = "/home/anna/.config/containers/systemd/web.container"


@Check(
    gives=Gain.HOST_ROOT.after(0, Origin.ACCOUNT),  # another account chooses what root starts
    summary="Remove write permission for others from Quadlets and unit files",
    risk=Risk.SAFE,
    passes=lambda: (
        host(
            units={
                _QUADLET: file(_QUADLET),
                _OWN: file(_OWN, uid=1000, gid=1000),
            }
        ),
    ),
    fails=lambda: (
        host(
            units={
                _QUADLET: file(
                    _QUADLET,
                    0o664,
                    Danger(
                        _QUADLET,
                        "can be written by group 1000 (0664)",
                        "chmod g-w",
                    ),
                )
            }
        ),
        host(
            units={_QUADLET: file(_QUADLET)},
            unit_programs=(
                UnitProgram(
                    _QUADLET,
                    _SCRIPT,
                    file(
                        _SCRIPT,
                        0o777,
                        Danger(_SCRIPT, "world-writable (0777)", "chmod o-w"),
                    ),
                ),
            ),
        ),
        host(
            units={
                _OWN: file(
                    _OWN,
                    0o644,
                    Danger(_OWN, "belongs to uid 1001", "chown 1000"),
                    uid=1001,
                )
            }
        ),
    ),
    references=("CIS Docker 1.6 3.1-3.4",),
)
def writable_unit_files(facts: HostFacts) -> Verdict:
    """Unit files writable by others.

    What it checks:
    Quadlet files, unit files and their drop-ins: only root may be able to change root's, and only
    the user and root those of a user who runs containers. Their directories count too, and so do
    the targets of symbolic links. The same goes for what these units run: programs, scripts passed
    to a shell, settings files (`EnvironmentFile=`), the YAML of a `.kube` and the Containerfile of
    a `.build`. Nothing below a closed directory is reachable.

    Why it matters:
    A Quadlet is a program that will run: it names the image, the rights and the host directories,
    and can run any command before the start. Whoever can write one for the rootful engine is root
    at the next `daemon-reload`. In a shared user account, it is a way to act as that user.

    What may break:
    People who deploy by copying files into these directories without being root need another way:
    their own Quadlets in `~/.config/containers/systemd`, or `/etc/containers/systemd/users/UID`,
    written by root.
    """
    if facts.units == {}:
        return not_applicable("there are no Quadlets or local unit files")
    programs = facts.unit_programs
    run_by = {program.path: f" (run by {program.unit})" for program in programs}
    verdict = judge_files(
        {
            **{program.path: program.file for program in programs},
            **facts.units,
        },
        "others change what systemd starts",
        "only their owners can change them",
        facts.os_release,
    )
    if verdict.status is not Status.FAIL:
        return verdict
    evidence = tuple(
        Evidence(item.where, f"{item.saw}{run_by.get(item.where, '')}") for item in verdict.evidence
    )
    return failed(
        verdict.reason, effective=verdict.effective, evidence=evidence, commands=verdict.commands
    )
