"""The user that the service runs as."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.application_needs import why_not_start_as
from hardentui.reading.behaviour import inside, owners_of_mounts, uid_lines, uids
from hardentui.reading.low_ports import about_low_ports, with_low_ports
from hardentui.reading.scratch import needs
from hardentui.reading.scratch_mounts import about_written, with_written
from hardentui.reading.user_namespaces import own_user_namespace, uid_inside

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
        return with_low_ports(
            spec.with_(USER, application.user.start_as),
            context.facts,
        )
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
    gives=Gain.HOST_ROOT.after(
        1
    ),  # one hole of kernel or runtime away from root of the host (CIS 4.1)
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
    root inside is also root on the host (rootful, no user namespace).

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
            gives=Gain.HOST_ROOT.after(3),
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
        gives=Gain.HOST_ROOT.after(2) if own_user_namespace(facts) else None,
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
