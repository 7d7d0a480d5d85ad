"""Registry passwords that others can read, or that do not need to be in a file.

What it checks:
The files in which Podman looks for registry credentials (`auth.json`, `~/.docker/config.json`): whether
accounts other than the owner can read or change them (mode, ACLs and all parent directories count), and
whether they contain passwords although a credential helper is configured. HardenTUI looks only at the names
of the registries and does not keep the credentials.

Why it matters:
The file contains user names and passwords in a form that anyone can decode. Whoever reads it can pull your
private images and, with push access, plant a modified image where your hosts will fetch it.

What may break:
Nothing for the owner. A tool that runs as another user and borrowed the file needs its own credentials.
After moving a password into a helper, log in again.
"""

from __future__ import annotations

import shlex

from hardentui.checks.prelude import *
from hardentui.model.configuration import Danger
from hardentui.model.trust import AuthFile, Registries
from hardentui.reading.access import EVERYBODY
from hardentui.reading.hosts import danger_evidence, dangers_of, repair

_FILE = "/root/.config/containers/auth.json"
_PLAIN = "containers-auth.json"


def evaluate(facts: EngineFacts) -> Verdict:
    trust = facts.trust
    if isinstance(trust.auth_files, Unread):
        return unknown(trust.auth_files.reason)
    if not trust.auth_files:
        return not_applicable("there are no registry credentials in files")
    holding = [auth for auth in trust.auth_files if auth.inline or auth.helpers]
    wide = [auth for auth in holding if auth.inline and auth.readers]
    dangers = dangers_of(auth.file for auth in holding)
    helpers = () if isinstance(trust.registries, Unread) else trust.registries.credential_helpers
    idle = [auth for auth in holding if auth.inline and (auth.helpers or _real(helpers))]
    if not (wide or dangers or idle):
        return passed(effective=f"{plural(len(trust.auth_files), 'file')} closed to others")
    return _failed(wide, dangers, idle)


def _real(helpers: tuple[str, ...]) -> bool:
    return any(helper != _PLAIN for helper in helpers)


def _failed(wide: list[AuthFile], dangers: tuple[Danger, ...], idle: list[AuthFile]) -> Verdict:
    reasons = []
    if wide:
        reasons.append(f"{plural(len(wide), 'file')} with registry passwords readable by others")
    if dangers:
        reasons.append("others can change the credentials")
    if idle:
        reasons.append("passwords are in a file although a credential helper is configured")
    evidence = [
        Evidence(auth.file.path, f"mode {auth.file.octal}, {_names(auth)}{_readers(auth)}")
        for auth in (*wide, *idle)
    ]
    return failed(
        "; ".join(reasons),
        evidence=(*dict.fromkeys(evidence), *danger_evidence(dangers)),
        severity=None if wide or dangers else Severity.LOW,
        commands=(
            *(f"chmod 600 -- {shlex.quote(auth.file.path)}" for auth in wide),
            *(repair(danger) for danger in dangers),
            *(
                f"podman logout {shlex.quote(host)} && podman login {shlex.quote(host)}"
                for host in _hosts(idle)
            ),
        ),
    )


def _readers(auth: AuthFile) -> str:
    more = " and more" if auth.readers[5:] else ""
    return f", readable by {', '.join(auth.readers[:5])}{more}" if auth.readers else ""


def _names(auth: AuthFile) -> str:
    return f"credentials for {', '.join(auth.inline)}"


def _hosts(idle: list[AuthFile]) -> list[str]:
    return list(dict.fromkeys(host for auth in idle for host in auth.inline))


CHECK = Check(
    title="Registry credentials readable by others",
    severity=Severity.MEDIUM,  # another account of this host can pull or push
    kind=Kind.ENGINE,
    summary="Set the credentials file to mode 0600, or use a credential helper",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        engine(accepting(auth_files=(AuthFile(file(_FILE, 0o600), ("quay.io",)),), registries=Registries())),
        # readable by mode, and below a home that nobody else may enter
        engine(accepting(auth_files=(AuthFile(file(_FILE, 0o644), ("quay.io",)),), registries=Registries())),
        engine(accepting(auth_files=())),
    ),
    fails=lambda: (
        engine(
            accepting(
                auth_files=(AuthFile(file(_FILE, 0o644), ("quay.io",), readers=(EVERYBODY,)),),
                registries=Registries(),
            )
        ),
        engine(
            accepting(
                auth_files=(AuthFile(file(_FILE, 0o600), ("quay.io",), ("secretservice",)),),
                registries=Registries(),
            )
        ),
    ),
    references=("NIST SP 800-190 4.2.3",),
    catalogue="S3-09",
)
