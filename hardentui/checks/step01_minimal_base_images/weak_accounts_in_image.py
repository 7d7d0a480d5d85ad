"""An account in the image lets anyone become root.

What it checks:
Whether the image has an account with an empty password, a second account with UID 0, or a rule of sudo or
doas that asks for no password.

Why it matters:
Running as an ordinary user protects only as long as that user cannot simply become root. An empty password
or a careless sudo rule makes it a single command, and every intruder tries it first.

What may break:
Entrypoint scripts that use `sudo` without a password must start as the right user instead. Nothing else
needs these accounts: `podman exec` enters a container without a password.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.image import ImageInventory
from hardentui.reading.images import gap, inventory_of


def evaluate(facts: ContainerFacts) -> Verdict:
    inventory = inventory_of(facts)
    if isinstance(inventory, Verdict):
        return inventory
    weak = inventory.weak_accounts
    if weak:
        evidence = tuple(Evidence("accounts in the image", sentence) for sentence in weak[:12])
        return failed(
            visible(weak[0], 120),
            plural(len(weak), "account or rule", "accounts or rules"),
            evidence=evidence,
        )
    return gap(inventory) or passed("none found")


def _image(*weak: str) -> ImageFacts:
    return image(inventory=ImageInventory(weak_accounts=weak))


CHECK = Check(
    title="Weak account in image",
    severity=Severity.MEDIUM,  # root inside without a password: a layer inside the container is missing
    scope=Kind.IMAGE,
    summary="Lock the account or remove the rule, then rebuild the image",
    fix=FixKind.IMAGE_REBUILD,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (container(image=_image()),),
    fails=lambda: (container(image=_image("toor has uid 0")),),
    references=("Dockle DKL-LI-0001", "Dockle DKL-DI-0001", "NIST SP 800-190 4.1.2"),
    catalogue="S1-08",
)
