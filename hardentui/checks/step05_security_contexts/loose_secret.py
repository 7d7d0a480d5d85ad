"""An engine secret is passed more openly than necessary.

What it checks:
The container's engine secrets: whether one is passed as an environment variable, or mounted as a file that
other users inside can read (0444, the default). A host file that is bind-mounted below /run/secrets, as
Compose does with `secrets: … file:`, counts too if everybody can read it. The check shows the driver that
stores each secret, and fails if the site refuses that driver (parameter `refused_drivers`, for example
`file`, which does not encrypt).

Why it matters:
A secret in an environment variable is inherited by every child process and printed by every debug page. A
file that everybody inside can read is lost with the weakest process: an intruder who runs as `nobody` after a
vulnerability in a template engine reads the database password that only the worker should know.

What may break:
Only the owner can read a file with mode 0400, so the owner must be the user of the process: the fix sets the
UID that the main process has now, or that its user setting gives as a number. A program that only knows the
variable must read the file instead (most images accept NAME_FILE).
"""

from __future__ import annotations

from collections.abc import Mapping

from hardentui.checks.prelude import *
from hardentui.model.configuration import FileFact
from hardentui.model.known import known
from hardentui.options import SECRETS, USER
from hardentui.reading.behaviour import owner_of_process, uids
from hardentui.reading.containers import declared_user, is_root
from hardentui.reading.secrets import engine_secret

_OTHERS_READ = 0o004


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    secrets = facts.spec[SECRETS]
    hidden = _variables_from_secrets(facts) if SECRETS in facts.spec.unknowable else ()
    bad = [(_name(secret), _trouble(secret)) for secret in secrets if _trouble(secret)]
    bad += [(name, "passed as a variable") for name in hidden]
    refused = [
        (name, driver) for name, driver in _drivers(facts) if driver in parameters.texts("refused_drivers")
    ]
    bad += [(path, f"mode {file.octal} on the host") for path, file in _open_files(facts)]
    given = [*(_name(secret) for secret in secrets), *(visible(path, 60) for path in facts.secret_files)]
    declared = listed(given) or "no secrets"
    if bad:
        evidence = tuple(Evidence(f"secret {visible(name, 60)}", trouble) for name, trouble in bad)
        names = listed([visible(name, 60) for name, _ in bad])
        return failed(f"every process inside can read {names}", declared, evidence=evidence)
    if refused:
        evidence = tuple(
            Evidence(f"secret {visible(name, 60)}", f"driver {driver}") for name, driver in refused
        )
        return failed(f"the driver {refused[0][1]} is not allowed here", declared, evidence=evidence)
    if SECRETS in facts.spec.unknowable:
        why = "this Podman does not show" if facts.running else "before its first start, Podman does not show"
        return unknown(f"{why} which secrets it has")
    unread = [file.reason for file in facts.secret_files.values() if isinstance(file, Unread)]
    if unread:
        return unknown(unread[0], declared)
    return passed(
        declared,
        evidence=tuple(
            Evidence(f"secret {visible(name, 60)}", f"stored by the driver {driver}")
            for name, driver in _drivers(facts)
        ),
    )


def _open_files(facts: ContainerFacts) -> tuple[tuple[str, FileFact], ...]:
    """Files of the host that are mounted as secrets, and that everybody can read."""
    seen = [(path, file) for path, file in facts.secret_files.items() if isinstance(file, FileFact)]
    return tuple((path, file) for path, file in seen if file.kind == "file" and file.mode & _OTHERS_READ)


def _drivers(facts: ContainerFacts) -> tuple[tuple[str, str], ...]:
    """(secret, driver) of the container's secrets, as far as known."""
    names = dict.fromkeys(_name(secret) for secret in facts.spec[SECRETS])
    drivers: Mapping[str, str] = known(lambda: facts.secret_drivers, else_={}) if names else {}
    return tuple((name, visible(drivers[name], 40)) for name in names if name in drivers)


def _variables_from_secrets(facts: ContainerFacts) -> tuple[str, ...]:
    pairs = [str(pair).partition("=") for pair in section(facts.inspect, "Config").get("Env") or ()]
    return tuple(name for name, _, value in pairs if engine_secret(value))


def _name(secret: str) -> str:
    return secret.partition(",")[0]


def _options(secret: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in secret.split(",")[1:])


def _trouble(secret: str) -> str:
    """Why `NAME,type=…,mode=…` is too open; empty if it is not."""
    options = _options(secret)
    if options.get("type") == "env":
        return "passed as a variable"
    mode = options.get("mode") or "0444"
    others = not mode.isdecimal() or bool(int(mode, 8) & 0o007) if _is_octal(mode) else True
    return f"mode {mode}" if others else ""


def _is_octal(mode: str) -> bool:
    return mode.isdecimal() and not set(mode) & {"8", "9"}


def remediate(spec: Spec, context: FixContext) -> Spec:
    variables = [_name(secret) for secret in spec[SECRETS] if _options(secret).get("type") == "env"]
    if variables:
        raise CannotFix(
            f"the program must read {listed(variables)} from a file instead",
            "Use --secret NAME,type=mount,mode=0400 and, for most images, VARIABLE_FILE=/run/secrets/NAME.",
        )
    files = [visible(path, 60) for path, _ in _open_files(context.facts)]
    if files and not any(_trouble(secret) for secret in spec[SECRETS]):
        raise CannotFix(
            f"everybody on the host can read {listed(files)}",
            "Give it to the user that reads it, with mode 0400; rootless, `podman unshare chown` does that.",
        )
    owner = _reader(spec, context.facts)
    return spec.with_(
        SECRETS, tuple(_closed(secret, owner) if _trouble(secret) else secret for secret in spec[SECRETS])
    )


def _reader(spec: Spec, facts: ContainerFacts) -> str:
    """The UID that reads the secrets, empty for root. A process that starts as root and drops it reads
    them as the other user, and root can read them anyway.

    Raises:
        CannotFix: the reader is not known.
    """
    owner, _ = owner_of_process(facts, spec)
    if owner:
        return "" if owner == "0" else owner
    user = (spec[USER] or declared_user(facts)).partition(":")[0]
    if is_root(user):
        return ""
    raise CannotFix(
        f"the UID of user {visible(user, 60)} is not known, and it must own the secret",
        "Set the container's user as a number, or the secret's uid=.",
    )


def advise(before: Spec, after: Spec, context: FixContext) -> Advice:
    owner, why = owner_of_process(context.facts, before)
    others = [(uid, name) for uid, name in uids(context.facts) or () if uid and str(uid) != owner]
    closed = [secret for secret in after[SECRETS] if secret not in before[SECRETS]]
    given = [secret for secret in closed if "uid=" in secret]
    who = f"UID {owner} ({why})" if given and owner else "root"
    notes = [f"after this, only {who} can read {listed([visible(_name(secret), 60) for secret in closed])}"]
    if others and owner in ("", "0"):
        uid, name = others[0]
        notes.append(f"{visible(name, 30)} runs as UID {uid}: if it reads the secret, set uid={uid} on it")
    if not owner:
        notes.append("the container is not running, so it is not known which user reads the secret")
    sure = bool(owner) and context.facts.running and not others
    return Advice(Risk.CHANGES_BEHAVIOUR if sure else Risk.MAY_BREAK, tuple(notes))


def _closed(secret: str, owner: str) -> str:
    """The secret as a file that only the process's user can read."""
    parts = [part for part in secret.split(",") if not part.startswith("mode=")]
    if owner and not any(part.startswith("uid=") for part in parts):
        parts.append(f"uid={owner}")
    return ",".join([*parts, "mode=0400"])


CHECK = Check(
    title="Secret readable more widely than needed",
    severity=Severity.LOW,  # a second user inside can read it
    summary="Mount secrets so that only the process's user can read them",
    fix=FixKind.RECREATE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    remediate=remediate,
    advise=advise,
    parameters={"refused_drivers": ()},
    passes=lambda: (
        container(),
        container((SECRETS, ("db,type=mount,uid=1001,mode=0400",)), secret_drivers={"db": "file"}),
        container(secret_files={"/srv/db.txt": FileFact("/srv/db.txt", mode=0o400)}),
    ),
    fails=lambda: (
        container((SECRETS, ("db,type=mount",)), (USER, "1001:1001")),
        container((SECRETS, ("db,type=mount,target=/x,mode=0644", "ok,type=mount,mode=0440"))),
        container((SECRETS, ("db,type=env,target=DB",))),
        container(secret_files={"/srv/db.txt": FileFact("/srv/db.txt", mode=0o644)}),
    ),
    references=("NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
    catalogue="S5-23",
)
