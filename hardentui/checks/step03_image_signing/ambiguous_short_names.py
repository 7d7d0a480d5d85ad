"""Short image names that more than one registry could answer.

What it checks:
The effective registries.conf, main file and drop-ins: whether `short-name-mode` is `enforcing`, and whether
at most one registry is searched for names without a registry. If nothing is set, Podman uses `permissive`.
With an empty search list, a short name without an alias is refused, which passes.

Why it matters:
With several search registries and no terminal, permissive mode takes the first registry that has the name.
A script, a timer or the API then runs whatever somebody put there first. `enforcing` refuses to guess.

What may break:
Scripts that pull by short name stop with an error if the name is ambiguous. Give them full names, or add an
alias to registries.conf.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.trust import Registries

_DROP_IN = "/etc/containers/registries.conf.d/900-short-names.conf"


def evaluate(facts: EngineFacts) -> Verdict:
    registries = facts.trust.registries
    if isinstance(registries, Unread):
        return unknown(registries.reason)
    search = registries.search
    evidence = (
        Evidence(
            registries.mode_file or "Podman's default", f"short-name-mode: {registries.short_name_mode}"
        ),
        Evidence(registries.search_file or "Podman's default", f"search: {', '.join(search) or 'none'}"),
    )
    declared = f"{registries.short_name_mode}, {len(search)} searched"
    if not search:
        return passed(declared, evidence=evidence, reason="no registry is searched, so only aliases resolve")
    if len(search) > 1:
        reason = f"a short name may come from any of {plural(len(search), 'registry', 'registries')}"
    elif registries.short_name_mode != "enforcing":
        reason = f"the mode is {registries.short_name_mode}: an ambiguous name is not refused"
    else:
        return passed(declared, evidence=evidence)
    return failed(reason, declared, evidence=evidence, commands=_commands(search))


def _commands(search: tuple[str, ...]) -> tuple[str, ...]:
    return (
        f"# {_DROP_IN}",
        f'unqualified-search-registries = ["{search[0]}"]',
        'short-name-mode = "enforcing"',
    )


CHECK = Check(
    title="Short image names can resolve to other registries",
    severity=Severity.MEDIUM,  # a typing error can pull from a stranger's registry
    kind=Kind.ENGINE,
    summary="Search one registry at most, in enforcing mode",
    fix=FixKind.HOST_FILE,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        engine(accepting(registries=Registries(("docker.io",), "enforcing"))),
        engine(accepting(registries=Registries())),
    ),
    fails=lambda: (
        engine(accepting(registries=Registries(("docker.io", "quay.io"), "enforcing"))),
        engine(accepting(registries=Registries(("docker.io",)))),
    ),
    references=("Catalogue S3-07", "CIS Docker 1.6 4.2", "NIST SP 800-190 4.1.5"),
)
