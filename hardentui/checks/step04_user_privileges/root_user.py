"""The main process runs as root.

What it checks:
Whether the main process is uid 0 inside the container. The user comes from `--user`, else from the image, and
nothing said means root; a name counts by the uid that /etc/passwd of the image gives it. For a running
container the kernel's uid decides: an entry point may have given root up on its own. The finding is worse
where root inside is also root of the host (rootful, no user namespace), and worst where a writable system
directory or the engine's socket is mounted.

Why it matters:
A vulnerability in the service gives an attacker the rights of its process. As root they can change every
file of the container, install tools, read every mounted file whoever owns it, and use every capability that
is left. Most escapes from containers in the last years needed uid 0 inside. Where no user namespace stands
between, whoever gets out is root of the host at once.

What may break:
Files that belong to root cannot be written any more. The fix gives the folders that were seen to be written a
tmpfs, its volumes the new owner (`:U`), and lets low ports that it serves begin lower in its own network; the
owners of host folders that it mounts are yours to change. Entry points that begin as root to set things up
and then drop it fail: look for a variant of the image that is made to run unprivileged. Give the uid that
the image expects as parameter `user`.
"""

from __future__ import annotations

from msgspec.structs import replace

from hardentui.checks.examples import container, rootless
from hardentui.errors import CannotFix
from hardentui.model.check import Advice, Check, FixContext, Parameters
from hardentui.model.facts import ContainerFacts, IdRange, ImageFacts, Kernel
from hardentui.model.finding import FixKind, Risk, Severity, Verdict, not_applicable
from hardentui.model.known import Unreadable
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, USER, USERNS, Mount
from hardentui.reading.behaviour import about_low_ports, owners_of_mounts, uids, with_low_ports
from hardentui.reading.containers import (
    OF_PODMAN,
    ask,
    declared_user,
    image_config,
    is_infra,
    is_root,
    judge,
    listed,
    proc,
    runs_systemd,
)
from hardentui.reading.mounts import at_or_above, host_mounts
from hardentui.reading.scratch import about_tmpfs, needs, with_tmpfs
from hardentui.reading.user_namespace import own_user_namespace
from hardentui.visible import visible


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable(OF_PODMAN)
    user = declared_user(facts)
    keeps = facts.spec[USERNS].partition(":")
    as_caller = not facts.spec[USER] and keeps[0] == "keep-id" and "uid=0" not in keeps[2].split(",")
    inside = ask(facts, _uids)
    return judge(
        inside,
        lambda uids: (0 in uids, f"uid {uids[0]} inside, uid {uids[1]} on the host"),
        declared_bad=(is_root(user) or _named_root(facts, user)) and not as_caller,
        declared="the caller's uid (keep-id)" if as_caller else f"user {user or 'not set: root'}",
        reason="the main process is root inside the container",
        where=proc(facts),
        severity=_severity(facts),
    )


def _named_root(facts: ContainerFacts, user: str) -> bool:
    """The name of its user is another name of root in its image."""
    return facts.named_uid == 0 and not user.partition(":")[0].isdecimal()


def _uids(kernel: Kernel) -> tuple[int, int] | Unreadable:
    """uid inside and uid on the host."""
    if isinstance(kernel.uid, Unreadable):
        return kernel.uid
    if isinstance(kernel.uid_map, Unreadable):
        return kernel.uid_map
    for line in kernel.uid_map:
        if line.outside <= kernel.uid < line.outside + line.size:
            return line.inside + kernel.uid - line.outside, kernel.uid
    return Unreadable(f"uid {kernel.uid} of the host is in no line of its uid map")


def _severity(facts: ContainerFacts) -> Severity:
    if own_user_namespace(facts):
        return Severity.MEDIUM
    open_host = any(
        at_or_above(one.path, "/etc") or one.path.endswith(".sock")
        for one in host_mounts(facts)
        if not one.mount.read_only
    )
    return Severity.CRITICAL if open_host else Severity.HIGH


def remediate(spec: Spec, context: FixContext) -> Spec:
    if runs_systemd(context.facts):
        raise CannotFix(
            "systemd is its main process, and that must be root inside",
            "Give it a user namespace of its own (host-user-namespace): its root is nobody on the host then.",
        )
    chosen = context.parameters.text("user")
    if chosen:
        if is_root(chosen):
            raise CannotFix("the chosen user is root again", "Give a uid such as 1001:1001.", needs="user")
        return _with_user(spec.with_(USER, chosen), context)
    live = ask(context.facts, _uids)
    if isinstance(live, tuple) and live[0] != 0 and live[1] == 0:
        raise CannotFix("its uid map leads to root of the host", "Fix host-user-namespace first.")
    name_of_root = isinstance(live, tuple) and live[0] == 0
    name_of_root = name_of_root or _named_root(context.facts, declared_user(context.facts))
    if spec[USER] and not is_root(spec[USER]) and not name_of_root:
        return spec
    of_image = str(image_config(context.facts).get("User") or "")
    if not is_root(of_image) and not (name_of_root and not spec[USER]):
        return _with_user(spec.without(USER), context)
    raise CannotFix("it must be decided which user it runs as", _who_works(context.facts), needs="user")


def _who_works(facts: ContainerFacts) -> str:
    """Whom to choose: a process that gave root up on its own names the user that the service can run as."""
    ordinary = [(uid, name) for uid, name in uids(facts) or () if uid]
    if ordinary:
        seen = ", ".join(f"{visible(name, 30)} as {uid}" for uid, name in ordinary)
        return f"Processes of it run as an ordinary user: {seen}. Give that uid as parameter user."
    owned = [f"{place} belongs to uid {uid}" for place, uid in owners_of_mounts(facts).items() if uid]
    if owned:
        return f"{', '.join(visible(one, 80) for one in owned[:4])}: give that uid as parameter user."
    return "The image names none. Choose the uid that owns its data (parameter user), such as 1001:1001."


def _with_user(spec: Spec, context: FixContext) -> Spec:
    """What root was seen to write and serve, the new user can too: folders, volumes, low ports."""
    found = needs(spec, context, by_podman=False)
    spec = with_tmpfs(spec, found.folders, _TMPFS_SIZE, owned=True)
    mounts = tuple(
        one.with_options("U", drop=("idmap",)) if _is_handed_over(one) else one for one in spec[MOUNTS]
    )
    return with_low_ports(spec.with_(MOUNTS, mounts), context.facts)


def _is_handed_over(mount: Mount) -> bool:
    return mount.type == "volume" and not mount.read_only and "U" not in mount.options


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    facts = context.facts
    found = needs(before, context, by_podman=False)
    notes = [*about_tmpfs(before, after), *about_low_ports(before, after, facts)]
    handed = [one.destination for one in after[MOUNTS] if one not in before[MOUNTS]]
    if handed:
        notes.append(
            f"its volumes at {listed(handed)} get this user as owner at each start (:U); other containers "
            "that use them may no longer write there"
        )
    owners = owners_of_mounts(facts)
    binds = [
        one.source + (f" (of uid {owners[one.destination]})" if one.destination in owners else "")
        for one in after[MOUNTS]
        if one.type == "bind" and not one.read_only
    ]
    if binds:
        notes.append(f"change the owner of what it writes in {listed(binds)} on the host by hand")
    if found.programs:
        notes.append(
            f"it writes beside its programs, in {listed([one for one, _ in found.programs])}: "
            "that user may not"
        )
    if not found.known:
        notes.append("nobody saw what it writes as root: what belongs to root it cannot write any more")
    return Advice(None, tuple(notes))


_IMAGE = ImageFacts(id="1" * 64, inspect={"Config": {"User": "1001"}})
_TMPFS_SIZE = "64m"
_HOST_MAP = (IdRange(0, 0, 4294967295),)

CHECK = Check(
    title="Runs as root",
    severity=Severity.HIGH,
    summary="Run the main process as an unprivileged user",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"user": ""},
    takes={"user": "user"},
    passes=lambda: (
        container((USER, "1001:1001")),
        container(image=_IMAGE),
        container((USERNS, "keep-id"), engine=rootless()),
        container(kernel=Kernel(7, uid=999, uid_map=_HOST_MAP)),
    ),
    fails=lambda: (
        container((USER, "root"), image=_IMAGE),
        container(),
        container((USER, "0:0")),
        container((MOUNTS, (Mount("bind", "/etc", "/host"),))),
        container(
            (USER, "toor"), image=_IMAGE, kernel=Kernel(7, uid=0, uid_map=_HOST_MAP, host_user_namespace=True)
        ),
        container((USER, "toor"), image=_IMAGE, named_uid=0),
        container(
            (USER, "1"),
            kernel=Kernel(
                7, uid=0, uid_map=(IdRange(0, 100000, 1), IdRange(1, 0, 1)), host_user_namespace=False
            ),
        ),
        replace(container(), inspect={"Config": {"User": "0"}}),
    ),
    references=("CIS Docker 1.6 4.1", "NIST SP 800-190 4.1.2", "OWASP Docker rule 2"),
    catalogue="S4-01",
)
