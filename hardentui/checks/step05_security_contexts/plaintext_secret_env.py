"""A credential stands in an environment variable.

What it checks:
The variables that the container was given: names such as DB_PASSWORD, API_KEY or TOKEN with a value, and
values that are credentials by their shape (addresses with a password, private keys, cloud keys). Engine
secrets, references to files (`…_FILE`, /run/secrets/…) and the image's own variables are not counted here.

Why it matters:
The environment is no safe place. `podman inspect` shows it to everybody who may talk to the engine, it lies
in the engine's database and in unit files, every child process inherits it, crash reports and debug pages
print it, and one path traversal to /proc/self/environ hands it out. A password that leaked this way opens
the database long after the vulnerability in the web shop is closed.

What may break:
The service starts only when the engine secret exists: create it first. With `type=env` the program finds
the variable as before, but processes inside still see it; most images also understand NAME_FILE with a
mounted secret, which is better. Change the password as well: the old one is in the history of the host.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts
from hardentui.model.finding import Evidence, FixKind, Risk, Severity, Verdict, failed, passed
from hardentui.options import ENV
from hardentui.reading.containers import listed
from hardentui.reading.secrets import secrets_in_pairs
from hardentui.visible import MASK, visible
from hardentui.words import plural

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")


def evaluate(facts: ContainerFacts) -> Verdict:
    variables = facts.spec[ENV]
    found = secrets_in_pairs(variables)
    if not found:
        return passed(f"{plural(len(variables), 'variable')}, none looks like a credential")
    names = [visible(name, 60) for name, _ in found]
    evidence = tuple(Evidence(f"env {visible(name, 60)}={MASK}", kind) for name, kind in found)
    return failed(
        f"anybody who can inspect the container reads {listed(names)}",
        f"{plural(len(found), 'credential')} among {plural(len(variables), 'variable')}",
        evidence=evidence,
        commands=_commands(facts.name, tuple(name for name, _ in found)),
    )


def _commands(container_name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """What to type for each variable; names that are no plain words are left to the reader."""
    prefix = container_name if _PLAIN.issuperset(container_name) else "NAME"
    found = []
    for name in names:
        if not _PLAIN.issuperset(name):
            continue
        secret = f"{prefix}-{name.lower().replace('_', '-')}"
        found.append(f"podman secret create {secret} -   # type the value, end with Ctrl-D")
        found.append(f"--secret {secret},type=mount,mode=0400 --env {name}_FILE=/run/secrets/{secret}")
        found.append(f"--secret {secret},type=env,target={name}   # where the image knows no {name}_FILE")
    return tuple(found)


CHECK = Check(
    title="Credential in an environment variable",
    severity=Severity.HIGH,
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
