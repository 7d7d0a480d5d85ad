"""How the service could gain privileges."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.behaviour import seen_long_enough, uids
from hardentui.reading.low_ports import about_low_ports, with_low_ports


def _advise_new_privileges_allowed(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    """It breaks only programs with the setuid bit or file capabilities."""
    facts = context.facts
    notes = about_low_ports(before, after, facts)
    application = known_application(facts)
    if application is not None and application.privileges.needed is False:
        return Advice(
            Risk.CHANGES_BEHAVIOUR,
            (
                f"it works with no-new-privileges, {application.said_by}",
                *notes,
            ),
        )
    if application is not None and application.privileges.needed is True:
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
    gives=Gain.HOST_ROOT.after(2),  # setuid programs work: a layer is missing (CIS 5.26)
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
