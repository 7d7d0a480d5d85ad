"""The user that the service runs as, its groups, and how it could gain privileges."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.application_needs import why_not_start_as
from hardentui.reading.behaviour import (
    about_low_ports,
    identity,
    inside,
    owners_of_mounts,
    seen_long_enough,
    uid_lines,
    uids,
    with_low_ports,
)
from hardentui.reading.mounts import at_or_above, host_mounts, own_user_namespace, uid_inside
from hardentui.reading.scratch import about_written, needs, with_written

_KEEP = "keep-groups"
_GROUP_0 = ("0", "root")


def _fix_dangerous_supplementary_groups(
    spec: Spec,
    context: FixContext,
) -> Spec:
    facts, known, before = context.facts, context.parameters.texts("groups"), spec
    bad = _dangerous(
        spec[GROUP_ADD],
        known,
        own_user_namespace(facts),
    )
    if spec != facts.spec:
        facts = facts.planned(spec)  # another fix has changed the user, or its namespace
    if _has_group_0(facts):
        bad += _GROUP_0
        spec = _with_own_group(facts)
    fixed = spec.with_(
        GROUP_ADD,
        tuple(group for group in spec[GROUP_ADD] if group not in bad),
    )
    if not own_user_namespace(facts) and any(word in known for word in _by_user(spec)):
        fixed = fixed.with_(USER, spec[USER].partition(":")[0])
    live = ask(facts, _ids)
    if fixed == before and isinstance(live, tuple) and _live(facts, live, known):
        raise CannotFix(
            "the image's /etc/group makes the user a member",
            "Run it as a UID that is not in that file, or give it its own user namespace.",
        )
    return fixed


_MEMBER = Kernel(7, uid=101, gid=101, groups=(6,))

_ALL = (IdRange(0, 0, 4294967295),)

_MAP = (IdRange(0, 1000, 1), IdRange(1, 100000, 65536))

_IN_GROUP_0 = Kernel(
    7, uid=100999, gid=1000, uid_map=_MAP, gid_map=_MAP, groups=(), host_user_namespace=False
)


@Check(
    severity=Severity.MEDIUM,  # a group gives what the user was denied
    gain=Gain.HOST_ROOT,
    points=1,
    summary="Remove the privileged groups",
    remediate=_fix_dangerous_supplementary_groups,
    parameters={
        "groups": (
            *(
                "root",
                "0",
                "disk",
                "6",
                "shadow",
                "42",
                "kmem",
                "15",
                "wheel",
                "10",
                "sudo",
                "27",
            ),
            *(
                "docker",
                "podman",
                "lxd",
                "incus",
                "incus-admin",
                "libvirt",
                "staff",
                "50",
                "lpadmin",
            ),
            *("ssl-cert", "ssh_keys", "input"),
        )
    },
    passes=lambda: (
        "",
        "--group-add=2000 --group-add=www-data",
        "--group-add=6 --group-add=disk --userns=auto",
        "--user=1000:0 --userns=auto",
        container("--user=1000:0 --userns=auto", engine=rootless()),
        container("--user=0:0", engine=rootless()),
        container(
            "--user=1000",
            kernel=_IN_GROUP_0.replace(gid=100999),
            engine=rootless(),
        ),
        container(kernel=Kernel(7, uid=0, gid=0, groups=(0, 6, 10))),
        container(
            kernel=Kernel(
                7,
                uid=100101,
                gid=100101,
                groups=(100006,),
                host_user_namespace=False,
            )
        ),
    ),
    fails=lambda: (
        "--group-add=keep-groups",
        "--group-add=2000 --group-add=disk",
        "--group-add=6",
        "--group-add=ssl-cert",
        "--user=101:disk",
        container("--user=101:6", kernel=Kernel(7, uid=101, gid=6, groups=())),
        container(kernel=_MEMBER),
        "--user=1000:0",
        container(
            "--user=1000",
            kernel=Kernel(
                7,
                uid=1000,
                gid=0,
                groups=(),
                uid_map=_ALL,
                gid_map=_ALL,
            ),
        ),
        container("--user=1000:0", engine=rootless()),
        container(
            "--user=1000:1000 --group-add=2000 --group-add=root",
            engine=rootless(),
        ),
        container(
            "--user=1000",
            kernel=_IN_GROUP_0,
            engine=rootless(),
        ),
    ),
    references=("BSI SYS.1.6 A17",),
)
def dangerous_supplementary_groups(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Member of privileged host groups.

    What it checks:
    The groups of the main process as the kernel sees them, wherever they come from: `--group-add`,
    `--user UID:GID`, or the image's /etc/group. Bad are `keep-groups` (all groups of the caller)
    and groups that own disks, password hashes, kernel memory, private keys, keyboards, /usr/local,
    the engine's socket or administrative rights (parameter `groups`). Other groups of a container
    with its own user namespace are not host groups and are left out; so are groups of a process
    that is root on the host anyway. Group 0 of a container without a user namespace is the host's
    group root, and with a rootless engine the group of the account that runs it: an ordinary user
    that has it counts, with lower severity, whether it was given (`--user 1000:0`, `--group-add
    root`) or is what Podman sets for a UID without a group (`--user 1000`).

    Why it matters:
    For the files it owns, a group is as good as a password. Members of `disk` read and write the
    host's disks block by block, whatever the file permissions say; `shadow` reads password hashes;
    the group of an engine socket is root by another name. `keep-groups` passes on every group of
    the person who started the container. Once a matching file or device is visible inside, an
    attacker needs no further vulnerability.

    What may break:
    Whatever the group was granted for: a device, a shared directory, a socket. Give the container
    that one file with its own owner or an ACL instead, or use a group that owns nothing else.
    Images made for OpenShift give their files to group 0: without it, the service cannot write
    them.
    """
    need_own_program(facts)
    groups, known = facts.spec[GROUP_ADD], parameters.texts("groups")
    if groups == (_KEEP,) and facts.spec[USERNS] == "nomap":
        return not_applicable("no host group is mapped into the container")
    live = ask(facts, _ids)
    declared = _declared(facts.spec)
    effective = (
        f"uid {live[0]}, groups {' '.join(map(str, live[1]))}" if isinstance(live, tuple) else ""
    )
    bad = _dangerous(groups, known, own_user_namespace(facts))
    if not bad and _has_group_0(facts):
        where = proc(facts) if effective else CONFIGURATION
        reason = (
            "member of the group of the account that runs the engine"
            if facts.engine.rootless is True
            else "member of the host's group root"
        )
        evidence = (Evidence(where, effective or declared),)
        return failed(
            reason,
            declared,
            effective,
            evidence,
            Severity.LOW,
        )
    if isinstance(live, tuple):
        bad += tuple(
            name for name in _live(facts, live, known) if name.partition(" ")[0] not in bad
        )
    elif not own_user_namespace(facts):
        bad += tuple(f"{word} (by --user)" for word in _by_user(facts.spec) if word in known)
    if bad:
        where = proc(facts) if effective else CONFIGURATION
        return failed(
            f"member of {listed(list(map(_group, bad)))}",
            declared,
            effective,
            (Evidence(where, effective or declared),),
        )
    if isinstance(live, Unread):
        return unknown(live.reason, declared)
    return passed(declared, effective)


def _group(name: str) -> str:
    if name == "keep-groups":
        return "every group of whoever started it (keep-groups)"
    return f"group {name}" if name.isdecimal() else name


def _has_group_0(facts: ContainerFacts) -> bool:
    """Whether an ordinary user has the host's group 0, or with a rootless engine the account's
    group, which is the container's group 0: podman(1). With a map of its own, the container's group
    0 is another one.

    The running process decides. Before the start, only a group that was asked for is known.
    """
    spec = facts.spec
    if facts.engine.rootless is True:
        mapped = spec[USERNS] not in ("", "host") or bool(spec[UIDMAP] or spec[GIDMAP])
        mapped = mapped or bool(spec[SUBUIDNAME] or spec[SUBGIDNAME])
    else:
        mapped = own_user_namespace(facts)
    if mapped or is_root(declared_user(facts)):
        return False
    live, kernel = ask(facts, _ids), facts.kernel
    if isinstance(live, tuple) and isinstance(kernel, Kernel):
        uid, groups = live
        if facts.engine.rootless is not True:
            return uid != 0 and 0 in groups
        return inside(uid, kernel.uid_map) != 0 and any(
            inside(gid, kernel.gid_map) == 0 for gid in groups
        )
    asked = (
        declared_user(facts).partition(":")[2],
        *spec[GROUP_ADD],
    )
    return any(group in _GROUP_0 for group in asked)


def _with_own_group(facts: ContainerFacts) -> Spec:
    """The spec with the user's UID as its group, if it has group 0.

    Raises:
        CannotFix: the UID is not known.
    """
    ids, (name, _, group) = identity(facts), declared_user(facts).partition(":")
    if group not in ("", *_GROUP_0):
        return facts.spec
    uid = name if name.isdecimal() else str(ids[0]) if ids is not None else ""
    if not uid:
        raise CannotFix(
            "the user's own group is not known",
            "Set it: --user NAME:GROUP.",
        )
    return facts.spec.with_(USER, f"{uid}:{uid}")


def _declared(spec: Spec) -> str:
    parts = [f"group-add {listed(spec[GROUP_ADD])}"] if spec[GROUP_ADD] else []
    parts += [f"user {spec[USER]}"] if not is_root(spec[USER]) else []
    return ", ".join(parts) or "no added groups"


def _by_user(spec: Spec) -> tuple[str, ...]:
    """The group in `--user UID:GID`. Group 0 is the default anyway, and root needs no group."""
    user, _, group = spec[USER].partition(":")
    return (group,) if group not in ("", "0", "root") and not is_root(user) else ()


def _ids(kernel: Kernel) -> tuple[int, tuple[int, ...]]:
    """UID and all groups of the main process, as host IDs."""
    return kernel.uid, tuple(dict.fromkeys((kernel.gid, *kernel.groups)))


def _live(
    facts: ContainerFacts,
    ids: tuple[int, tuple[int, ...]],
    dangerous: tuple[str, ...],
) -> tuple[str, ...]:
    """The dangerous groups, by their IDs on the host: `6`, or `998 (docker)`."""
    uid, groups = ids
    if uid == 0:
        return ()
    named: Mapping[str, int] = known(lambda: facts.host.groups, else_={})
    numbers = {named[name]: name for name in dangerous if name in named}
    return tuple(
        f"{gid} ({numbers[gid]})" if gid in numbers else str(gid)
        for gid in groups
        if gid and (gid in numbers or str(gid) in dangerous)
    )


def _dangerous(
    groups: tuple[str, ...],
    known: tuple[str, ...],
    mapped: bool,
) -> tuple[str, ...]:
    """Names and IDs count only if they are the host's: with a map, `disk` is nobody's group."""
    return tuple(group for group in groups if group == _KEEP or (group in known and not mapped))


def _advise_new_privileges_allowed(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    """It breaks only programs with the setuid bit or file capabilities."""
    facts = context.facts
    notes = about_low_ports(before, after, facts)
    application = known_application(facts)
    if application is not None and not application.privileges.needed:
        return Advice(
            Risk.CHANGES_BEHAVIOUR,
            (f"it works with no-new-privileges, {application.said_by}", *notes),
        )
    if application is not None:
        why = f"{application.privileges.why.rstrip('.')}, {application.said_by}"
        return Advice(Risk.MAY_BREAK, (why, *notes))
    inventory = known(lambda: facts.image.inventory)
    if isinstance(inventory, ImageInventory) and not inventory.gaps:
        there = [file.path for file in inventory.privileged_files if not file.deleted]
        if not there:
            return Advice(
                Risk.SAFE,
                ("no program in the image could gain privileges", *notes),
            )
        return Advice(
            Risk.MAY_BREAK,
            (
                f"these programs no longer gain privileges: {listed(there)}",
                *notes,
            ),
        )
    seen = uids(facts)
    if seen is not None and seen_long_enough(facts) and all(uid == 0 for uid, _ in seen):
        why = "all processes are root, which gains nothing from such a program"
        return Advice(Risk.CHANGES_BEHAVIOUR, (why, *notes))
    reason = "it is not known whether the image has setuid programs: nobody looked inside it"
    return Advice(Risk.MAY_BREAK, (reason, *notes))


@Check(
    severity=Severity.MEDIUM,  # setuid programs work: a layer is missing (CIS 5.26)
    gain=Gain.HOST_ROOT,
    points=22,
    summary="Set no-new-privileges",
    remediate=lambda spec, context: with_low_ports(
        spec.with_(NO_NEW_PRIVILEGES, True), context.facts
    ),
    advise=_advise_new_privileges_allowed,
    passes=lambda: (
        "--security-opt=no-new-privileges",
        container(
            "--security-opt=no-new-privileges",
            kernel=Kernel(7, no_new_privileges=True),
        ),
        container(kernel=Kernel(7, no_new_privileges=True)),
    ),
    fails=lambda: (
        "",
        container(
            kernel=Kernel(7, no_new_privileges=False),
            engine=rootless(),
        ),
        container(kernel=Unread("the engine is on another machine")),
    ),
    references=("CIS Docker 1.6 5.26", "NIST SP 800-190 4.4.3", "OWASP Docker rule 4"),
)
def new_privileges_allowed(facts: ContainerFacts) -> Verdict:
    """Processes can gain new privileges.

    What it checks:
    Whether no-new-privileges is set. The kernel keeps it as the flag NoNewPrivs of each process; it
    cannot be cleared, and every child inherits it.

    Why it matters:
    A program with the setuid bit or file capabilities (sudo, su, ping, mount, a forgotten helper in
    the image) starts with more rights than its caller. An attacker who gets in as an unprivileged
    user looks for exactly such a file to become root in the container. With the flag set, those
    bits have no effect, and a careful choice of user and capabilities cannot be undone from inside.

    What may break:
    Programs that need those bits: sudo, su and newuidmap in the container, some versions of ping,
    mail servers and schedulers that switch users through a setuid helper. Services that start as
    root and drop root by themselves keep working.
    """
    need_own_program(facts)
    declared = facts.spec[NO_NEW_PRIVILEGES]
    return judge(
        ask(facts, lambda kernel: kernel.no_new_privileges),
        lambda on: (not on, f"NoNewPrivs {int(on)}"),
        declared_bad=not declared,
        declared="no-new-privileges" if declared else "no-new-privileges not set",
        reason="setuid programs can raise the privileges of a process",
        where=proc(facts),
    )


_MAIN = "the main process is root inside the container"
_BESIDE = "a process is root inside the container, or can regain root"


def _fix_root_user(spec: Spec, context: FixContext) -> Spec:
    if runs_systemd(context.facts):
        raise CannotFix(
            "systemd is the main process and must be root inside",
            "Give it its own user namespace (host-user-namespace): then its root is nobody on the "
            "host.",
        )
    chosen = context.parameters.text("user")
    if chosen:
        if is_root(chosen):
            raise CannotFix(
                "the chosen user is root as well", "Use a UID such as 1001:1001.", needs="user"
            )
        return _with_user(spec.with_(USER, chosen), context)
    live = ask(context.facts, _uids)
    if isinstance(live, tuple) and live[0] != 0 and live[1] == 0:
        raise CannotFix(
            "the UID map leads to root on the host",
            "Fix host-user-namespace first.",
        )
    name_of_root = isinstance(live, tuple) and live[0] == 0
    name_of_root = name_of_root or _named_root(context.facts, declared_user(context.facts))
    if spec[USER] and not is_root(spec[USER]) and not name_of_root:
        if _root_beside(context.facts):
            raise CannotFix(
                "it starts as an ordinary user, but one of its programs becomes root",
                "Set no-new-privileges, which stops setuid programs.",
            )
        return spec
    application = known_application(context.facts)
    if application is not None and is_root(application.user.image):
        if not application.user.start_as:
            raise CannotFix(
                "the user to run as must be chosen", application.user.why_root, needs="user"
            )
        if why := why_not_start_as(application, spec):
            raise CannotFix(why, needs="user")
        return with_low_ports(spec.with_(USER, application.user.start_as), context.facts)
    of_image = str(image_config(context.facts).get("User") or "")
    if not is_root(of_image) and not (name_of_root and not spec[USER]):
        return _with_user(spec.without(USER), context)
    raise CannotFix(
        "the user to run as must be chosen", _suggested_user(context.facts), needs="user"
    )


def _advise_root_user(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    facts = context.facts
    application = known_application(facts)
    if application is not None and after[USER] == application.user.start_as != "":
        said = f"it can start as {after[USER]}, {application.said_by}"
        return Advice(Risk.CHANGES_BEHAVIOUR, (said,))
    needed = needs(before, context, by_podman=False)
    notes = [
        *about_written(before, after, facts),
        *about_low_ports(before, after, facts),
    ]
    places = {mount.destination for mount in before[MOUNTS]}
    handed = [
        mount.destination
        for mount in after[MOUNTS]
        if mount not in before[MOUNTS] and mount.destination in places
    ]
    if handed:
        notes.append(
            f"the volumes at {listed(handed)} get this user as owner at each start (:U); other containers "
            "that use them may no longer be able to write there"
        )
    owners = owners_of_mounts(facts)
    binds = [
        mount.source
        + (f" (owned by UID {owners[mount.destination]})" if mount.destination in owners else "")
        for mount in after[MOUNTS]
        if mount.type == "bind" and not mount.read_only
    ]
    if binds:
        notes.append(
            f"change the owner of the files it writes in {listed(binds)} on the host yourself"
        )
    if needed.programs:
        beside = listed([place for place, _ in needed.programs])
        notes.append(
            f"the service writes next to its programs, in {beside}: the new user cannot write there"
        )
    if not needed.known:
        notes.append(
            "it is not known what it writes; the new user cannot write to files owned by root"
        )
    return Advice(None, tuple(notes))


_IMAGE = image(inspect={"Config": {"User": "1001"}})

_HOST_MAP = (IdRange(0, 0, 4294967295),)


@Check(
    severity=Severity.HIGH,  # one hole of kernel or runtime away from root of the host (CIS 4.1)
    gain=Gain.HOST_ROOT,
    points=40,
    summary="Run the main process as an unprivileged user",
    fix=FixKind.DECISION,
    remediate=_fix_root_user,
    advise=_advise_root_user,
    parameters={"user": ""},
    takes={"user": "user"},
    passes=lambda: (
        "--user=1001:1001",
        container(image=_IMAGE),
        container("--userns=keep-id", engine=rootless()),
        container(kernel=Kernel(7, uid=999, uid_map=_HOST_MAP)),
    ),
    fails=lambda: (
        container("--user=root", image=_IMAGE),
        "",
        "--user=0:0",
        "-v /etc:/host",
        container(
            "--user=toor",
            image=_IMAGE,
            kernel=Kernel(
                7,
                uid=0,
                uid_map=_HOST_MAP,
                host_user_namespace=True,
            ),
        ),
        container(
            "--user=toor",
            image=_IMAGE,
            named_uid=0,
        ),
        container(
            "--user=1",
            kernel=Kernel(
                7,
                uid=0,
                uid_map=(IdRange(0, 100000, 1), IdRange(1, 0, 1)),
                host_user_namespace=False,
            ),
        ),
        container().replace(inspect={"Config": {"User": "0"}}),
    ),
    references=("CIS Docker 1.6 4.1", "NIST SP 800-190 4.1.2", "OWASP Docker rule 2"),
)
def root_user(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """Runs as root.

    What it checks:
    Whether the main process has UID 0 inside the container. The user comes from `--user`, otherwise
    from the image; if neither sets one, it is root. A name counts by its UID in the image's
    /etc/passwd. For a running container the kernel decides, because an entrypoint may drop root on
    its own. Dropping it counts only if it is permanent: a process with a saved UID of 0 can regain
    root at any time, and a child process that is still root counts as root. The finding is worse if
    root inside is also root on the host (rootful, no user namespace), and worst if a writable
    system directory or the engine's socket is mounted.

    Why it matters:
    A vulnerability in the service gives an attacker the rights of its process. As root, they can
    change every file in the container, install tools, read every mounted file no matter who owns
    it, and use every remaining capability. Most container escapes of recent years needed UID 0
    inside. Without a user namespace, whoever escapes is root on the host right away.

    What may break:
    Files owned by root can no longer be written. The fix mounts a tmpfs where the service was seen
    to write, gives volumes the new owner (`:U`), and lets it use a low port; owners of host
    directories are yours to change. Entrypoints that start as root fail: look for an unprivileged
    variant of the image. Set the UID that the image expects in the parameter `user`.
    """
    need_own_program(facts)
    user = declared_user(facts)
    keeps = facts.spec[USERNS].partition(":")
    as_caller = (
        not facts.spec[USER] and keeps[0] == "keep-id" and "uid=0" not in keeps[2].split(",")
    )
    main = ask(facts, _uids)
    main_is_root = 0 in main if isinstance(main, tuple) else True
    root_beside = _root_beside(facts)

    def assess(uids: tuple[int, int]) -> tuple[bool, str]:
        more = "" if main_is_root or not root_beside else "; root as well, or able to regain it"
        return main_is_root or root_beside, f"uid {uids[0]} inside, uid {uids[1]} on the host{more}"

    said_by = _said_by(facts)
    if works_as := "" if as_caller or not isinstance(main, NotRunning) else _leaves_root_for(facts):
        return failed(
            f"it starts as root, and then works as {works_as}",
            f"user not set: root{said_by}",
            severity=Severity.LOW,
        )
    verdict = judge(
        main,
        assess,
        declared_bad=(is_root(user) or _named_root(facts, user)) and not as_caller,
        declared="the caller's uid (keep-id)"
        if as_caller
        else f"user {user or 'not set: root'}{said_by}",
        reason=_MAIN if main_is_root else _BESIDE,
        where=proc(facts),
        severity=_severity(facts),
    )
    named = (
        isinstance(main, NotRunning)
        and not is_planned(facts)
        and _is_name(user)
        and not as_caller
        and not said_by
    )
    return sure(verdict, known(lambda: facts.named_uid) if named else 0)


def _leaves_root_for(facts: ContainerFacts) -> str:
    """The user that a known application becomes by itself after it started as root; else empty."""
    application = known_application(facts)
    if application is None or not is_root(declared_user(facts)) or facts.spec[USER]:
        return ""
    return "" if is_root(application.user.work) else application.user.work


def _said_by(facts: ContainerFacts) -> str:
    """Who says which user the image names, where the image itself was not read; else empty."""
    application = known_application(facts)
    by_image = known(lambda: facts.image.config, else_=None) is not None
    if application is None or by_image or facts.spec[USER]:
        return ""
    return f", {application.said_by}"


def _named_root(facts: ContainerFacts, user: str) -> bool:
    """Whether the user is another name for root in the image."""
    return known(lambda: facts.named_uid, else_=None) == 0 and _is_name(user)


def _is_name(user: str) -> bool:
    name = user.partition(":")[0]
    return bool(name) and not name.isdecimal()


def _uids(kernel: Kernel) -> tuple[int, int]:
    """UID inside and UID on the host."""
    return uid_inside(kernel, kernel.uid), kernel.uid


def _root_beside(facts: ContainerFacts) -> bool:
    """Whether another process is root, or the main one can regain root through its real or saved
    UID."""
    others, lines = (
        ask_or(
            facts,
            lambda kernel: kernel.other_uids,
            frozenset(),
        ),
        uid_lines(facts),
    )
    return any(uid == 0 or inside(uid, lines) == 0 for uid in others)


def _severity(facts: ContainerFacts) -> Severity:
    if own_user_namespace(facts):
        return Severity.MEDIUM
    open_host = any(
        at_or_above(shown.path, "/etc") or shown.path.endswith(".sock")
        for shown in host_mounts(facts)
        if not shown.mount.read_only
    )
    return Severity.CRITICAL if open_host else Severity.HIGH


def _suggested_user(facts: ContainerFacts) -> str:
    """A hint which user to choose: a process that dropped root shows one that the service can run
    as."""
    ordinary = [(uid, name) for uid, name in uids(facts) or () if uid]
    if ordinary:
        seen = ", ".join(f"{visible(name, 30)} as {uid}" for uid, name in ordinary)
        return (
            f"Some processes run as an ordinary user: {seen}. Set the parameter user to that UID."
        )
    owned = [
        f"{place} belongs to UID {uid}" for place, uid in owners_of_mounts(facts).items() if uid
    ]
    if owned:
        return (
            f"{', '.join(visible(text, 80) for text in owned[:4])}: set the parameter user to "
            "that UID."
        )
    return (
        "The image names no user. Set the parameter user to the owner of its data, such as "
        "1001:1001."
    )


def _with_user(spec: Spec, context: FixContext) -> Spec:
    """Let the new user write and serve what root was observed to: directories, volumes, low ports."""
    needed = needs(spec, context, by_podman=False)
    spec = with_written(
        spec,
        needed.directories,
        _TMPFS_SIZE,
        context,
        owned=True,
    )
    mounts = tuple(
        mount.with_options("U", drop=("idmap",)) if _is_handed_over(mount) else mount
        for mount in spec[MOUNTS]
    )
    return with_low_ports(spec.with_(MOUNTS, mounts), context.facts)


def _is_handed_over(mount: Mount) -> bool:
    return mount.type == "volume" and not mount.read_only and "U" not in mount.options


_TMPFS_SIZE = "64m"
