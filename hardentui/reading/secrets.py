"""What looks like a credential: names of variables and values. Values are never part of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from hardentui.visible import MASK, visible

_SECRET_WORDS = frozenset(
    {
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "SECRETS",
        "TOKEN",
        "APIKEY",
        "CREDENTIAL",
        "CREDENTIALS",
        "CREDS",
        "AUTHTOKEN",
        "SECRETKEY",
        "PRIVATEKEY",
        "ACCESSKEY",
    }
)
_SECRET_LAST = frozenset({"PASS", "PWD", "PW"})  # anywhere else they mean something else: PASS_THROUGH
_SECRET_PAIRS = frozenset(
    {
        ("API", "KEY"),
        ("PRIVATE", "KEY"),
        ("ACCESS", "KEY"),
        ("SECRET", "KEY"),
        ("ENCRYPTION", "KEY"),
        ("SIGNING", "KEY"),
        ("MASTER", "KEY"),
        ("AUTH", "KEY"),
        ("ACCOUNT", "KEY"),
    }
)
# what such a name ends with when its value is about a secret and not the secret itself
_HARMLESS_ENDS = frozenset(
    {
        "FILE",
        "PATH",
        "DIR",
        "NAME",
        "ID",
        "LENGTH",
        "LEN",
        "MIN",
        "MAX",
        "SIZE",
        "COUNT",
        "POLICY",
        "TTL",
        "TIMEOUT",
        "EXPIRY",
        "EXPIRE",
        "EXPIRES",
        "EXPIRATION",
        "AGE",
        "DAYS",
        "HOURS",
        "MINUTES",
        "SECONDS",
        "ENABLED",
        "DISABLED",
        "REQUIRED",
        "ALGORITHM",
        "ALG",
        "TYPE",
        "METHOD",
        "MODE",
        "URL",
        "URI",
        "ENDPOINT",
        "ISSUER",
        "AUDIENCE",
        "FIELD",
        "HEADER",
        "PREFIX",
        "SUFFIX",
        "HINT",
        "RESET",
        "LIMIT",
        "INTERVAL",
        "ROUNDS",
        "COST",
        "BACKEND",
        "PROVIDER",
        "STORE",
        "COMMAND",
        "CMD",
        "ASKPASS",
    }
)
_HARMLESS_VALUES = frozenset(
    {"", "true", "false", "yes", "no", "on", "off", "0", "1", "none", "null", "nil", "disabled", "enabled"}
)
_HARMLESS_NAMES = frozenset({"PWD", "OLDPWD", "INITPWD"})
# what such a name begins with when it is a switch
_SWITCHES = frozenset(
    {"NO", "DISABLE", "ENABLE", "USE", "REQUIRE", "SHOW", "RESET", "WITHOUT", "ALLOW", "SKIP"}
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# (text that must be there, pattern, what it is); the text spares most values the pattern
_VALUES = (
    (
        "://",
        re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{1,20}://[^\s/:@]{0,128}:(?![$*<{%])[^\s/@]{1,256}@"),
        "an address with a password",
    ),
    ("PRIVATE KEY", re.compile(r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY"), "a private key"),
    ("IA", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "a cloud access key"),
    ("gh", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}"), "a code-hosting token"),
    ("glpat-", re.compile(r"\bglpat-[A-Za-z0-9_\-]{20}"), "a code-hosting token"),
    ("xox", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10}"), "a chat token"),
    ("eyJ", re.compile(r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\."), "a signed token (JWT)"),
    (
        "=",
        re.compile(r"(?i)(?:^|[;?&\s])(?:password|pwd)=(?!true|false|none|[$*<{])[^;&\s]{3}"),
        "a connection text with a password",
    ),
)
_LONGEST = 8192
_SHORT_PASSWORD_PROGRAMS = frozenset({"mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin"})


@lru_cache(maxsize=8192)
def secret_name(name: str) -> bool:
    """The name of a variable, label or flag says that its value is a credential (`DB_PASSWORD`, `apiKey`)."""
    if name in _HARMLESS_NAMES:
        return False
    words = [word.upper() for word in _WORD.findall(name[:256])]
    while words and words[-1].isdigit():
        words.pop()
    if not words or words[-1] in _HARMLESS_ENDS or words[0] in _SWITCHES:
        return False
    if words[-1] in _SECRET_LAST and words[-2:-1] != ["PROXY"]:
        return True
    return any(word in _SECRET_WORDS for word in words) or any(
        pair in _SECRET_PAIRS for pair in pairwise(words)
    )


def engine_secret(value: str) -> bool:
    """Podman shows the value of one of its own secrets as asterisks."""
    return len(value) > 2 and not value.strip("*")


def secret_value(value: str) -> str:
    """What kind of credential a value is by its shape; empty when it is none."""
    text = value[:_LONGEST]
    if len(text) < 8:
        return ""
    return next((kind for sign, pattern, kind in _VALUES if sign in text and pattern.search(text)), "")


def secret_pair(name: str, value: str) -> str:
    """What kind of credential `name=value` is; empty when it is none.

    References (`/run/secrets/x`, `${X}`, `file:…`), switches and engine secrets are none.
    """
    if engine_secret(value) or value.strip().lower() in _HARMLESS_VALUES:
        return ""
    kind = secret_value(value)
    if kind:
        return kind
    reference = (
        value.startswith(("/", "${", "file:", "vault:", "env:", "%d/", "http://", "https://"))
        and "\n" not in value
    )
    return "a value under the name of a credential" if secret_name(name) and not reference else ""


def secrets_in_pairs(pairs: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(name, kind) of each `NAME=value` that is a credential; without the values."""
    found = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        kind = secret_pair(name, value) if equals else ""
        if kind:
            found.append((name, kind))
    return tuple(found)


def secrets_in_words(words: Iterable[str]) -> tuple[str, ...]:
    """Credentials on a command line, each as the word around it with the value masked."""
    found = []
    before = program = ""
    for word in words:
        flag, equals, value = word.partition("=")
        kind = secret_value(word)
        if equals and secret_pair(flag.lstrip("-"), value):
            found.append(f"{visible(flag, 40)}={MASK}")
        elif kind:
            found.append(f"{kind} ({MASK})")
        elif before.startswith("-") and "=" not in before and not word.startswith("-"):
            if secret_name(before.lstrip("-")) and secret_pair(before.lstrip("-"), word):
                found.append(f"{visible(before, 40)} {MASK}")
        elif program in _SHORT_PASSWORD_PROGRAMS and word.startswith("-p") and len(word) > 2:
            found.append(f"-p{MASK}")
        program = program or word.rsplit("/", 1)[-1]
        before = word
    return tuple(found)
