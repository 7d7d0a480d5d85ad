"""Detection of credentials by names and values. Results never contain values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from math import log2

from hardentui.reading.secret_shapes import shape_of

_SECRET_WORDS = frozenset(
    "PASSWORD PASSWD PASSWORDS PASSPHRASE MNEMONIC SECRET SECRETS TOKEN APIKEY CREDENTIAL CREDENTIALS CREDS "
    "AUTHTOKEN SECRETKEY PRIVATEKEY PRIVKEY ACCESSKEY PASSCODE PSK PRESHAREDKEY".split()
)
_SECRET_LAST = frozenset({"PASS", "PWD", "PW"})  # elsewhere they have another meaning: PASS_THROUGH
_SECRET_PAIRS = frozenset(
    tuple(pair.split("_"))
    for pair in (
        "API_KEY PRIVATE_KEY ACCESS_KEY SECRET_KEY ENCRYPTION_KEY SIGNING_KEY MASTER_KEY AUTH_KEY AUTH_SALT "
        "IN_KEY IN_SALT NONCE_KEY NONCE_SALT "  # WordPress: LOGGED_IN_KEY, LOGGED_IN_SALT
        "ACCOUNT_KEY PRESHARED_KEY SHARED_KEY FERNET_KEY HMAC_KEY CSRF_KEY CRYPT_KEY CRYPTO_KEY ENC_KEY "
        "ENCRYPT_KEY JWT_KEY APP_KEY API_KEYS ACCESS_KEYS PRIVATE_KEYS SECRET_KEYS "
        # PAT: a personal access token
        "GITHUB_PAT GITLAB_PAT GH_PAT GHCR_PAT AZP_PAT SNMP_COMMUNITY"
    ).split()
)
# endings of names whose value describes a secret but is not the secret itself
_HARMLESS_ENDS = frozenset(
    "FILE PATH DIR NAME ID LENGTH LEN MIN MAX SIZE COUNT POLICY TTL TIMEOUT EXPIRY EXPIRE EXPIRES EXPIRATION "
    "AGE DAYS HOURS MINUTES SECONDS ENABLED DISABLED REQUIRED ALGORITHM ALG TYPE METHOD MODE URL URI "
    "ENDPOINT ISSUER AUDIENCE FIELD HEADER PREFIX SUFFIX HINT RESET LIMIT INTERVAL ROUNDS COST BACKEND "
    "PROVIDER STORE COMMAND CMD ASKPASS LIFETIME LIFESPAN VALIDITY DURATION HASHER HASHERS HASHING "
    "ENCRYPTION SCHEME ENCODING STRENGTH COMPLEXITY VERSION FORMAT ROTATION HISTORY ATTEMPTS RETRIES DRIVER "
    "MANAGER ENGINE REF REFS REFERENCE REGEX PATTERN CHARSET CHARS LOCATION DIRECTORY FOLDER MOUNT GRACE "
    "WINDOW LEEWAY SKEW DELAY PERIOD RENEWAL STDIN PROMPT CLASS VALIDATOR VALIDATORS LABEL SCOPE SCOPES ARN "
    "ATTRIBUTE ATTRIBUTES ATTR PROPERTY REQUIREMENT REQUIREMENTS RULES COOKIE "
    "VAR ENV VARIABLE CLAIM CLAIMS COLUMN PLUGIN SERVICE SERVER HOST PORT USER USERNAME STATUS ACTION".split()
)
_HARMLESS_VALUES = frozenset(
    {
        "",
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "0",
        "1",
        "none",
        "null",
        "nil",
        "disabled",
        "enabled",
    }
    | {
        "client_secret_post",
        "client_secret_basic",
        "client_secret_jwt",
        "private_key_jwt",
    }
)
"""Switches, and the ways of OpenID Connect Core 1.0, 9, to present a secret."""
_HARMLESS_NAMES = frozenset({"PWD", "OLDPWD", "INITPWD"})
# beginnings of names that are switches
_SWITCHES = frozenset("NO DISABLE ENABLE USE REQUIRE SHOW RESET WITHOUT ALLOW SKIP".split())
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_REFERENCES = tuple(
    "/ ./ ../ ~/ %d/ %h/ ${ {{ %( @/ < http:// https:// file: vault: env: op:// secret:// secretsmanager: "
    "ssm: ssm:// sm:// kms: gcp-sm:// projects/ keyvault: @Microsoft.KeyVault arn:aws: ref+ sops: "
    "cred:".split()
)
"""Beginnings of values that refer to a secret but are not the secret itself."""
_USUAL_DIRECTORIES = tuple(
    f"/{name}/"
    for name in (
        "app bitnami certs conf config data dev etc home mnt opt proc root run secrets srv tmp usr var vault "
        "workspace"
    ).split()
)
_PATH = r"(?:/[A-Za-z_.\-]*[0-9]{0,4}[A-Za-z_.\-]*)+"
"""Names of files consist of words; a random password may begin with a slash, too."""
_PLACEHOLDER = (
    r"(?i)\$[A-Za-z_]\w*|x{4,}|\.{3,}|-{3,}|\[[^\]]*\]|replace[-_ ]?(?:me|this|with).*|your[-_ ].*"
    r"|(?:todo|tbd|fixme)\b.*"
)
_MEASURE = (
    r"[0-9]+(?:[.,][0-9]+)?\s*(?:ms|s|sec|m|min|h|d|w|y|days?|hours?|minutes?|seconds?|[kmg]i?b?)?"
)
_PASSWORD_WORDS = ("PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "PWD", "PW")
_ENDINGS = tuple(
    "PASSWORD PASSWD PASSPHRASE APIKEY SECRETKEY MASTERKEY ENCRYPTIONKEY TOKEN BINDPW KENNWORT PASSWORT "
    "MOTDEPASSE".split()
)
_GLUED = (
    r"(?:DB|SQL|MYSQL|PG|PSQL|ROOT|ADMIN|USER|MAIL|SMTP|FTP|LDAP|REDIS|AUTH|LOGIN|KEY|STORE|KEYSTORE|TRUSTSTORE)"
    r"(?:PASS|PWD|PW)"
)
"""DBPW, ROOTPASS, KEYSTOREPWD; not COMPASS or BYPASS."""
_KNOWN_NAMES = frozenset(
    {
        "REDISCLI_AUTH",
        "SSHPASS",
        "PGPASS",
        "DBPASS",
        "RABBITMQ_ERLANG_COOKIE",
        "ERLANG_COOKIE",
    }
    | {"NEO4J_AUTH", "REQUIREPASS", "MASTERAUTH", "TOTP_SEED", "OTP_SEED", "MFA_SEED"}
    | {"RELEASE_COOKIE", "ERL_COOKIE", "VAULT_DEV_ROOT_TOKEN_ID"}
)
_ENCODED = r"(?i)[_.\-](?:b64|base64)$"
"""The end of a name whose value is written in Base64."""
_CLOUD_KEY = "a cloud access key"
_NO_FILE_FOR = ("AWS_", "AZURE_", "GOOGLE_", "ARM_", "DIGITALOCEAN_")
_TELLING = ("AUTH", "USER", "USERS", "PIN", "WEBHOOK", "WEBHOOK_URL", "WEBHOOK_URI")
"""Ends of names that are part of a format: `BASIC_AUTH=user:password`."""
_RANDOM_LAST = frozenset(
    {
        "KEY",
        "KEYS",
        "SALT",
        "SEED",
        "COOKIE",
        "PEPPER",
        "NONCE",
        "DSN",
        "HMAC",
        "PAT",
    }
)
"""Endings of names for which a random value is a credential."""
_PUNCTUATION = r"[!@#$%^&*()?~]"
_KEY_SIGNS = r"[A-Za-z0-9+/=_\-!@#$%^&*()?~]+"
"""What keys consist of: hexadecimal digits, Base64, and the punctuation of generators like
WordPress's."""
_PUBLIC_WORDS = frozenset(
    {
        "PUBLIC",
        "PUB",
        "GPG",
        "PGP",
        "HOST",
        "FINGERPRINT",
        "SHA",
        "SHA256",
        "CACHE",
        "SORT",
        "PRIMARY",
    }
    | {
        "PARTITION",
        "FOREIGN",
        "ROUTING",
        "COMMIT",
        "DIGEST",
        "CHECKSUM",
        "REGISTRY",
        "SITE",
        "PUBLISHABLE",
    }
)


@lru_cache(maxsize=4096)
def secret_name(name: str) -> bool:
    """Whether the name of a variable, label or flag indicates a credential (`DB_PASSWORD`,
    `apiKey`)."""
    if name in _HARMLESS_NAMES:
        return False
    if name.upper() in _KNOWN_NAMES:
        return True
    words = _words_of(re.sub(_ENCODED, "", name))
    if not words or words[-1] in _HARMLESS_ENDS or words[0] in _SWITCHES:
        return False
    if words[-1].endswith(_ENDINGS):
        return True
    if re.fullmatch(_GLUED, words[-1]):
        return True
    if words[-1] in _SECRET_LAST and words[-2:-1] != ["PROXY"]:
        return True
    return any(word in _SECRET_WORDS for word in words) or any(
        pair in _SECRET_PAIRS for pair in pairwise(words)
    )


def engine_secret(value: str) -> bool:
    """Whether the value is a Podman secret, which Podman shows as asterisks."""
    return len(value) > 2 and not value.strip("*")


def secret_value(value: str) -> str:
    """The kind of credential, by its format; empty if it is none."""
    return shape_of(value)


def secret_pair(name: str, value: str) -> str:
    """The kind of credential in `name=value`; empty if it is none.

    References (`/run/secrets/x`, `${X}`, `file:…`), placeholders, switches, lifetimes and engine
    secrets do not count.
    """
    text = value.strip()
    if engine_secret(value) or text.lower() in _HARMLESS_VALUES:
        return ""
    kind = secret_value(value)
    if kind == _CLOUD_KEY and _words_of(name)[-1:] == ["ID"]:
        return ""  # says which key it is; the secret is another variable
    if not kind and name.upper().rstrip("_0123456789").endswith(_TELLING):
        kind = secret_value(f"{name}={value}")
    if kind:
        return kind
    if _refers(text) or re.fullmatch(_PLACEHOLDER, text):
        return ""
    if secret_name(name):
        if re.fullmatch(_MEASURE, text.lower()) and not _is_password(name):
            return ""  # TOKEN_REFRESH=300
        return "a value named like a credential"
    if random_pair(name, text):
        return "a random value named like a key"
    return ""


def _refers(text: str) -> bool:
    """Whether a value says where the secret is."""
    if not text.startswith(_REFERENCES) or "\n" in text:
        return False
    return (
        not text.startswith("/")
        or text.startswith(_USUAL_DIRECTORIES)
        or bool(re.fullmatch(_PATH, text))
    )


def file_variable(name: str) -> str:
    """The variable that names a file with this secret, as images read it; empty if none does.

    Most official images append _FILE; Grafana appends __FILE (its documentation, "Docker secrets");
    the libraries of clouds read no file that a variable names.
    """
    if name.startswith(_NO_FILE_FOR):
        return ""
    return f"{name}__FILE" if name.startswith("GF_") else f"{name}_FILE"


def random_pair(name: str, value: str) -> bool:
    """Whether the name ends with KEY, SALT or similar, and the value looks random."""
    words = _words_of(name)
    if not words or words[-1] not in _RANDOM_LAST or _PUBLIC_WORDS.intersection(words):
        return False
    return is_random(value.removeprefix("base64:"))


def is_random(text: str) -> bool:
    """Whether a text is a key rather than words, by length, alphabet and Shannon entropy.

    A hexadecimal digit of random data carries 4 bits, a Base64 character 6; natural language about
    3 to 4.
    """
    if not 16 <= len(text) <= 512 or not re.fullmatch(_KEY_SIGNS, text):
        return False
    if re.fullmatch(r"[0-9a-fA-F]+", text):
        return (
            _entropy(text) >= 3.0
            and any(c.isalpha() for c in text)
            and any(c.isdigit() for c in text)
        )
    kinds = (
        any(c.islower() for c in text)
        + any(c.isupper() for c in text)
        + any(c.isdigit() for c in text)
    )
    if re.search(_PUNCTUATION, text) and kinds < 3:
        return False
    return (
        kinds >= 2 and _entropy(text) >= 3.5 and re.fullmatch(r"[A-Za-z]*[0-9]{0,4}", text) is None
    )


def _entropy(text: str) -> float:
    counts = (text.count(sign) / len(text) for sign in set(text))
    return -sum(part * log2(part) for part in counts)


def _is_password(name: str) -> bool:
    words = _words_of(name)
    return bool(words) and words[-1].endswith(_PASSWORD_WORDS)


def _words_of(name: str) -> list[str]:
    words = [word.upper() for word in _WORD.findall(name[:256])]
    while words and words[-1].isdigit():
        words.pop()
    return words


def secrets_in_pairs(pairs: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(name, kind) of each `NAME=value` that is a credential; without the values."""
    credentials = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        kind = secret_pair(name, value) if equals else ""
        if kind:
            credentials.append((name, kind))
    return tuple(credentials)
