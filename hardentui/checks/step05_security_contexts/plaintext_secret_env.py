"""A credential in an environment variable.

What it checks:
The variables that the container was given: names such as DB_PASSWORD, API_KEY or TOKEN with a value, and
values that look like credentials (URLs with a password, private keys, cloud keys). Engine secrets, references
to files (`…_FILE`, /run/secrets/…) and the image's own variables do not count here.

Why it matters:
The environment is not a safe place. `podman inspect` shows it to everybody who can talk to the engine, it is
stored in the engine's database and in unit files, every child process inherits it, crash reports and debug
pages print it, and one path traversal to /proc/self/environ gives it away. A password leaked this way opens
the database long after the vulnerability in the web shop is fixed.

What may break:
The service starts only if the engine secret exists: create it first. With `type=env` the program finds the
variable as before, but processes inside still see it; most images also support NAME_FILE with a mounted
secret, which is better. Change the password, too: the old one is in the host's history.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import ENV
from hardentui.reading.behaviour import readable_secret
from hardentui.reading.secrets import file_variable, secrets_in_pairs
from hardentui.visible import MASK

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")


def evaluate(facts: ContainerFacts) -> Verdict:
    variables = facts.spec[ENV]
    credentials = secrets_in_pairs(variables)
    if not credentials:
        return passed(f"{plural(len(variables), 'variable')}, none looks like a credential")
    names = [visible(name, 60) for name, _ in credentials]
    evidence = tuple(Evidence(f"env {visible(name, 60)}={MASK}", kind) for name, kind in credentials)
    return failed(
        f"anyone who can inspect the container can read {listed(names)}",
        f"{plural(len(credentials), 'credential')} among {plural(len(variables), 'variable')}",
        evidence=evidence,
        commands=_commands(facts, tuple(name for name, _ in credentials)),
    )


def _commands(facts: ContainerFacts, names: tuple[str, ...]) -> tuple[str, ...]:
    """Commands for each variable; names with unusual characters are left to the reader."""
    prefix = facts.name if _PLAIN.issuperset(facts.name) else "NAME"
    mode = readable_secret(facts)
    commands = []
    for name in names:
        if not _PLAIN.issuperset(name):
            continue
        secret = f"{prefix}-{name.lower().replace('_', '-')}"
        commands.append(f"podman secret create {secret} -   # type the value, end with Ctrl-D")
        commands.append(f"--secret {secret},type=env,target={name}   # not shown by inspect any more")
        if file := file_variable(name):
            also = f"--secret {secret},type=mount,{mode} --env {file}=/run/secrets/{secret}"
            commands.append(f"{also}   # better, if the image reads {file}")
    return tuple(commands)


CHECK = Check(
    title="Credential in an environment variable",
    severity=Severity.MEDIUM,  # shown by inspect and in crash reports; the service must know it anyway
    points=8,
    summary="Pass credentials as engine secrets",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        container((ENV, ("TZ=UTC", "DB_PASSWORD_FILE=/run/secrets/db", "PASSWORD_MIN_LENGTH=12"))),
        container((ENV, ("DB_PASSWORD=*******",))),
    ),
    fails=lambda: (
        container((ENV, ("DB_PASSWORD=correct-horse", "TZ=UTC"))),
        container((ENV, ("DATABASE_URL=postgres://shop:correct-horse@db/shop",))),
    ),
    references=("NIST SP 800-190 4.1.4", "OWASP Docker rule 12", "CSVS 6.10"),
    catalogue="S5-21",
)
