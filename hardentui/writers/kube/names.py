"""Which names Kubernetes takes, for what."""

from __future__ import annotations

import re

from hardentui.options import *

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


_VARIABLE = re.compile(r"[-._A-Za-z][-._A-Za-z0-9]*")


_LONGEST = 63


def dns_label(text: str, suffix: str = "") -> str:
    """A name of a pod, container or service from any text: lower-case letters, digits, dashes."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[: _LONGEST - len(suffix)].strip("-")
    if not name or not name[0].isalpha():  # the name of a service must begin with a letter
        name = f"c-{name}"[: _LONGEST - len(suffix)].strip("-")
    return name + suffix


def is_dns_label(text: str) -> bool:
    return len(text) <= _LONGEST and _LABEL.fullmatch(text) is not None


def is_claim_name(text: str) -> bool:
    return len(text) <= 253 and _SUBDOMAIN.fullmatch(text) is not None


def is_key(text: str) -> bool:
    """Whether this is a valid key of labels and annotations: `name` or `domain/name`."""
    prefix, slash, name = text.rpartition("/")
    named = len(name) <= _LONGEST and _KEY_NAME.fullmatch(name) is not None
    return named and (not slash or is_claim_name(prefix))


def is_label_value(text: str) -> bool:
    return text == "" or (len(text) <= _LONGEST and _KEY_NAME.fullmatch(text) is not None)


def is_variable(text: str) -> bool:
    return _VARIABLE.fullmatch(text) is not None
