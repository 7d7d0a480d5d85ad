"""Credentials in the environment."""

from __future__ import annotations

from datetime import date

from hardentui.checks.prelude import *
from hardentui.model.application import (
    Application,
    ApplicationUser,
    EntryProof,
    EntrySource,
    ImageMatch,
    ProofKind,
)
from hardentui.reading.behaviour import readable_secret
from hardentui.reading.secrets import file_variable, secrets_in_pairs
from hardentui.visible import MASK as MASKED

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")


def _fix_plaintext_secret_env(spec: Spec, context: FixContext) -> Spec:
    """Each credential as a file that the known application reads, from an engine secret."""
    facts = context.facts
    given: tuple[str, ...] = spec[ENV]
    credentials = dict(secrets_in_pairs(given))
    files = {name: file for name in credentials if (file := _file_by_entry(facts, name))}
    if credentials and not files:
        raise CannotFix(
            "whether its program reads a credential from a file is not known",
            "Make an engine secret, and give it as the finding says.",
        )
    at_hand = known(lambda: facts.secret_drivers, else_=None)
    for name, file in files.items():
        secret = _secret_name(facts, name)
        if at_hand is not None and secret not in at_hand:
            raise CannotFix(
                f"there is no engine secret {secret}",
                f"Make it with the value of {name}: podman secret create {secret} -",
            )
        others = tuple(pair for pair in spec[ENV] if pair.partition("=")[0] not in (name, file))
        mounted = f"{secret},type=mount,{readable_secret(facts)}"
        variables = (*others, f"{file}=/run/secrets/{secret}")
        spec = spec.with_(ENV, variables).with_(SECRETS, (*spec[SECRETS], mounted))
    return spec


_READS_A_FILE = Application(
    name="db",
    title="A database",
    match=ImageMatch(repositories=("library/db",)),
    user=ApplicationUser(
        image="root",
        work="999:999",
    ),
    source=(
        EntrySource(
            address="its entry point",
            read=date(2026, 12, 1),
        ),
    ),
    proof=EntryProof(kind=ProofKind.READ),
    secrets={"DB_PASSWORD": "DB_PASSWORD_FILE"},
)


def _advise_plaintext_secret_env(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    application = known_application(context.facts)
    if application is None:
        return Advice()
    notes = [
        f"before it starts: podman secret create {secret.partition(',')[0]} -"
        for secret in after[SECRETS]
        if secret not in before[SECRETS]
    ]
    return Advice(
        Risk.DECISION,
        (
            *notes,
            f"that it reads the file is {application.said_by}",
        ),
    )


@Check(
    # shown by inspect and in crash reports; the service must know it anyway
    gives=Gain.SECRETS.after(1),
    points=8,
    summary="Pass credentials as engine secrets",
    risk=Risk.DECISION,  # somebody has to make the secret first
    remediate=_fix_plaintext_secret_env,
    advise=_advise_plaintext_secret_env,
    passes=("-e TZ=UTC -e DB_PASSWORD_FILE=/run/secrets/db -e PASSWORD_MIN_LENGTH=12",),
    fails=lambda: (
        container(
            "-e DB_PASSWORD=correct-horse",
            application=_READS_A_FILE,
            secret_drivers={"web-db-password": "file"},
        ),
        "-e DB_PASSWORD=correct-horse -e TZ=UTC",
        "-e DATABASE_URL=postgres://shop:correct-horse@db/shop",
    ),
    references=("NIST SP 800-190 4.1.4", "OWASP Docker rule 12", "CSVS 6.10"),
)
def plaintext_secret_env(facts: ContainerFacts) -> Verdict:
    """Credential in an environment variable.

    What it checks:
    The variables that the container was given: names such as DB_PASSWORD, API_KEY or TOKEN with a
    value, and values that look like credentials (URLs with a password, private keys, cloud keys).
    Engine secrets, references to files (`…_FILE`, /run/secrets/…) and the image's own variables do
    not count here.

    Why it matters:
    The environment is not a safe place. `podman inspect` shows it to everybody who can talk to the
    engine, it is stored in the engine's database and in unit files, every child process inherits
    it, crash reports and debug pages print it, and one path traversal to /proc/self/environ gives
    it away. A password leaked this way opens the database long after the vulnerability in the web
    shop is fixed.

    What may break:
    The service starts only if the engine secret exists: create it first. With `type=env` the
    program finds the variable as before, but processes inside still see it; most images also
    support NAME_FILE with a mounted secret, which is better. The fix writes that form for a known
    application, whose entry tells the variable. Change the password, too: the old one is in the
    host's history.
    """
    variables = facts.spec[ENV]
    credentials = dict(secrets_in_pairs(variables))
    if not credentials:
        return passed(f"{plural(len(variables), 'variable')}, none looks like a credential")
    names = [visible(name, 60) for name in credentials]
    evidence = tuple(
        Evidence(f"env {visible(name, 60)}={MASKED}", kind) for name, kind in credentials.items()
    )
    return failed(
        f"anyone who can inspect the container can read {listed(names)}",
        f"{plural(len(credentials), 'credential')} among {plural(len(variables), 'variable')}",
        evidence=evidence,
        commands=_commands(facts, tuple(credentials)),
    )


def _file_by_entry(facts: ContainerFacts, name: str) -> str:
    """The variable for a file with this secret, as the known application says; empty if it says
    that there is none, or nothing."""
    application = known_application(facts)
    return "" if application is None else application.secrets.get(name, "")


def _secret_name(facts: ContainerFacts, variable: str) -> str:
    prefix = facts.name if _PLAIN.issuperset(facts.name) else "NAME"
    return f"{prefix}-{variable.lower().replace('_', '-')}"


def _commands(
    facts: ContainerFacts,
    names: tuple[str, ...],
) -> tuple[str, ...]:
    """Commands for each variable; names with unusual characters are left to the reader."""
    application = known_application(facts)
    mode = readable_secret(facts)
    commands = []
    for name in names:
        if not _PLAIN.issuperset(name):
            continue
        secret = _secret_name(facts, name)
        commands.append(f"podman secret create {secret} -   # type the value, end with Ctrl-D")
        if application is not None and (file := application.secrets.get(name)):
            given = f"--secret {secret},type=mount,{mode} --env {file}=/run/secrets/{secret}"
            commands.append(f"{given}   # {application.said_by}")
            continue
        commands.append(
            f"--secret {secret},type=env,target={name}   # not shown by inspect any more"
        )
        has_none = application is not None and name in application.secrets
        if not has_none and (file := file_variable(name)):
            also = f"--secret {secret},type=mount,{mode} --env {file}=/run/secrets/{secret}"
            commands.append(f"{also}   # better, if the image reads {file}")
    return tuple(commands)
