"""The severity of a failing check in its context.

A check says its severity, and beside it why: critical if whoever gets into the service owns the host or the
data of others now, high if one ordinary step is missing, medium if a layer is missing, low for hygiene. A
condition that gives a compromised process more power (`Check.contextual`) counts one less in a user namespace
of its own, whose root is nobody on the host. That an engine is rootful or a port open is no reason for more:
what holds for most containers says nothing about one.
"""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.reading.user_namespace import own_user_namespace


def context_shift(facts: object) -> int:
    """The shift of a contextual check's severity on these facts: -1 or 0."""
    return -1 if isinstance(facts, ContainerFacts) and own_user_namespace(facts) else 0
