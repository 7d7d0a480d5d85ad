"""Detection of credentials by names and values. Results never contain values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from math import log2

from msgspec import Struct

from hardentui.visible import MASK, visible

_LONGEST = 8192


class SecretShape(Struct, frozen=True):
    """One format of credentials."""

    sign: str  # a substring that must be present, to skip the pattern for most values
    pattern: str
    kind: str  # in a few words, for a report
    # one of them must be present too, in any case, where the sign is in many values; folded
    words: tuple[str, ...] = ()


_NO_REFERENCE = r"(?![$*<{%]|true\b|false\b|none\b|null\b)"
_NAMES = r"(?:password|passwd|passphrase|secret|token|(?:api|private|access|secret)[_-]?key)"
_OPTION_NAMES = r"(?:password|passwd|passphrase|token|(?:api|private|access|secret|auth)-?key)"
"""Without --secret, which names a secret of the engine."""
_LOGINS = (
    r"(?:(?:basic|http|digest)?_?auth(?:[_.]users?)?"
    r"|(?:sftp|ftp|samba|traefik|proxy)_?users?(?:_\d{1,3})?)"
)
"""Variables and labels that hold `user:password`, or `user:realm:hash`."""
_NAME_WORDS = ("password", "passwd", "passphrase", "secret", "token", "key")
_READERS = (
    *(
        "cryptsetup",
        "--password-stdin",
        "chpasswd",
        "passwd --stdin",
        "sudo -",
        "--passphrase-fd",
    ),
    "-passin stdin",
)
_READS_IT = (
    r"(?:--password-stdin|cryptsetup\b|chpasswd|passwd --stdin|sudo -[A-Za-z]{0,8}S\b"
    r"|--passphrase-fd[ =]0|-passin stdin)"
)
"""Programs and options that take a password from standard input."""
_PIPED = r"[^\s'\"|;&$`<>]"
"""The first or last character of what is piped."""


# fmt: off
SHAPES: tuple[SecretShape, ...] = (
    SecretShape("://",
        rf"[A-Za-z][A-Za-z0-9+.\-]{{1,20}}://[^\s/:@]{{0,128}}:{_NO_REFERENCE}([^\s/@]{{1,256}})@",
        "a URL with a password"),
    SecretShape("PRIVATE KEY",
        r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?(?:-----)?((?:[^-]|-(?!----))*)", "a private key"),
    SecretShape("PuTTY-User-Key", r"PuTTY-User-Key-File-\d: ([\s\S]+)", "a private key"),
    SecretShape("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1([0-9A-Z]{50,})", "a private key"),
    SecretShape("IA", r"\b(?:AKIA|ASIA)([0-9A-Z]{16})\b", "a cloud access key"),
    SecretShape("AIza", r"\bAIza([0-9A-Za-z_\-]{35})", "a cloud API key"),
    SecretShape("ya29.", r"\bya29\.([0-9A-Za-z_\-]{20,})", "a cloud access token"),
    SecretShape("GOCSPX-", r"\bGOCSPX-([0-9A-Za-z_\-]{20,})", "a cloud client secret"),
    SecretShape("LTAI", r"\bLTAI([0-9A-Za-z]{12,24})\b", "a cloud access key"),
    SecretShape("AKID", r"\bAKID([0-9A-Za-z]{32})\b", "a cloud access key"),
    SecretShape("Key=", r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/=]{20,})", "a cloud storage key"),
    SecretShape("sig=", r"[?&]sig=([A-Za-z0-9%+/=_\-]{20,})", "a signed cloud URL"),
    SecretShape("dop_v1_", r"\bdop_v1_([A-Za-z0-9]{64})", "a cloud access token"),
    SecretShape("gh", r"\bgh[pousr]_([A-Za-z0-9]{36})", "a code-hosting token"),
    SecretShape("github_pat_", r"\bgithub_pat_([A-Za-z0-9_]{22,})", "a code-hosting token"),
    SecretShape("gl", r"\bgl(?:pat|dt|rt|cbt|ptt|soat|ft|imt|agent|oas)-([A-Za-z0-9_\-]{20,})",
        "a code-hosting token"),
    SecretShape("npm_", r"\bnpm_([A-Za-z0-9]{36})", "a package registry token"),
    SecretShape("pypi-", r"\bpypi-([A-Za-z0-9_\-]{50,})", "a package registry token"),
    SecretShape("rubygems_", r"\brubygems_([A-Za-z0-9]{40,})", "a package registry token"),
    SecretShape("dckr_", r"\bdckr_[po]at_([A-Za-z0-9_\-]{20,})", "an image registry token"),
    SecretShape("xox", r"\bxox[abeoprs]-([A-Za-z0-9\-]{10,})", "a chat token"),
    SecretShape("xapp-", r"\bxapp-([A-Za-z0-9\-]{10,})", "a chat token"),
    SecretShape("hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/]{20,})",
        "a chat webhook"),
    SecretShape("/webhooks/", r"/api/webhooks/\d+/([A-Za-z0-9_\-]{20,})", "a chat webhook"),
    SecretShape(":", r"\b[0-9]{8,10}:([A-Za-z0-9_\-]{35})\b", "a chat bot's token",
        tuple(f"{digit}:" for digit in range(10))),
    SecretShape("k_", r"\b[sr]k_(?:live|test)_([A-Za-z0-9]{16,})", "a payment key"),
    SecretShape("SG.", r"\bSG\.([A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,})", "a mail service key"),
    SecretShape("sk-", r"\bsk-(?:ant-|proj-|svcacct-|or-)?([A-Za-z0-9_\-]{20,})", "an AI service key"),
    SecretShape("hf_", r"\bhf_([A-Za-z0-9]{30,})", "an AI service key"),
    SecretShape("hv", r"\bhv[sbr]\.([A-Za-z0-9_\-]{20,})", "a vault token"),
    SecretShape("atlasv1.", r"\b[A-Za-z0-9]{14}\.atlasv1\.([A-Za-z0-9_\-]{40,})", "a vault token"),
    SecretShape("tskey-", r"\btskey-[a-z]+-([A-Za-z0-9\-]{10,})", "a VPN key"),
    SecretShape("gl", r"\bgls?a_([A-Za-z0-9_]{32,})", "a monitoring token"),
    SecretShape("NRAK-", r"\bNRAK-([A-Za-z0-9]{27})", "a monitoring key"),
    SecretShape("shp", r"\bshp(?:at|ca|pa|ss)_([A-Za-z0-9]{32})", "a shop's token"),
    SecretShape("dapi", r"\bdapi([A-Za-z0-9]{32})\b", "a database service token"),
    SecretShape("eyJ", r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ([A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*)",
        "a signed token (JWT)"),
    SecretShape("=",
        rf"(?i)(?:^|[,;?&\s\"'])(?:password|passwd|pwd)\s?=\s?['\"]?{_NO_REFERENCE}([^;&\s\"']{{3,}})",
        "a connection string with a password", ("password", "passwd", "pwd")),
    SecretShape("=", rf"(?i)[?&]{_NAMES}={_NO_REFERENCE}([^;&\s\"']{{6,}})", "a URL with a credential",
        _NAME_WORDS),
    SecretShape(":",
        rf"(?i)[\"'][\w.\-]{{0,60}}{_NAMES}[\"']\s*:\s*[\"']{_NO_REFERENCE}([^\"'\s/][^\"'\n]{{2,}})[\"']",
        "JSON with a credential", _NAME_WORDS),
    SecretShape('"auth"', r"\"auth\"\s*:\s*\"([A-Za-z0-9+/=]{8,})\"", "a registry login"),
    SecretShape(":",
        rf"(?im)^[ \t-]*[\w.\-]{{0,60}}{_NAMES}:[ \t]+{_NO_REFERENCE}(?![|>/])([^\s#]{{3,}})[ \t]*$",
        "YAML with a credential", _NAME_WORDS),
    SecretShape(":",
        rf"(?i)\b(?:proxy-)?authorization:\s*(?:[a-z]+\s+)?{_NO_REFERENCE}([A-Za-z0-9._~+/=\-]{{6,}})",
        "a header with a credential", ("authorization:",)),
    SecretShape(":",
        rf"(?i)\b(?:x-[a-z\-]*|private-|job-|deploy-|api-?)(?:key|token|secret):\s*{_NO_REFERENCE}(\S{{6,}})",
        "a header with a credential", ("key:", "token:", "secret:")),
    SecretShape("earer ", r"(?:^|=)[Bb]earer ([A-Za-z0-9._~+/=\-]{8,})$", "a header's credential"),
    SecretShape("asic ", r"(?:^|=)[Bb]asic ([A-Za-z0-9+/]{8,}={0,2})$", "a header's credential"),
    # whitespace belongs to one part only: a text of nothing else costs no more than its length
    SecretShape("|",
        rf"\b(?:echo|printf)(?:\s++-[neE]++)*+(?:\s++['\"]?%s(?:\\n)?['\"]?(?=\s))?+\s++['\"]?(?!-|YES\b){_NO_REFERENCE}"
        rf"(?:[\w.\-]{{1,64}}:)?+({_PIPED}(?:[^'\"|;&$`<>\n]{{1,198}}{_PIPED}))(?:\s*+['\"])?+\s*+\|\s*+"
        rf"[^|;&\n]{{0,200}}?(?<![^\s|]){_READS_IT}", "a password piped into a program", _READERS),
    SecretShape("<<<", rf"{_READS_IT}[^|;&\n]{{0,200}}<<<\s*['\"]?{_NO_REFERENCE}([^\s'\"|;&$`]{{3,}})",
        "a password given to a program", _READERS),
    SecretShape("-D",
        rf"(?:^|[\s\"'=])-D[\w.\-]{{0,100}}(?i:{_NAMES})={_NO_REFERENCE}(?![/.~])([^\s\"']{{3,}})",
        "a Java property with a credential", _NAME_WORDS),
    SecretShape("--",
        rf"(?i)(?:^|[\s\"'=])--(?:[a-z0-9]+-){{0,4}}{_OPTION_NAMES}(?:=|\s{{1,8}})['\"]?{_NO_REFERENCE}(?![-/.~])"
        r"([^\s\"']{8,})", "an option with a credential",
        ("password", "passwd", "passphrase", "token", "key")),
    SecretShape("pass:", rf"(?:^|\s)['\"]?pass:{_NO_REFERENCE}([^\s'\"]{{3,}})", "a passphrase of openssl"),
    SecretShape("htpasswd", rf"\bhtpasswd\s+-(?=\w*b)\w+(?:\s+-\w+)*\s+(?:[^\s\-|;&>]\S{{0,200}}\s+){{1,2}}"
        rf"['\"]?{_NO_REFERENCE}([^\s'\"|;&<>$]{{3,}})", "a password for htpasswd"),
    SecretShape("login",
        rf"\b(?:docker|podman|buildah|skopeo|nerdctl|oras|helm|oc|az)\s[^|;&\n]{{0,40}}\blogin\s"
        rf"(?:[^|;&\n]{{0,200}}\s)?-p[\s=]['\"]?(?!-){_NO_REFERENCE}([^\s'\"|;&]{{3,}})",
        "a password of a login", ("-p",)),
    SecretShape("$", r"\$(?:apr1|2[aby]|[156y]|argon2id?)\${1,2}([A-Za-z0-9./,=+$]{20,})",
        "the hash of a password", ("$apr1$", "$2a$", "$2b$", "$2y$", "$1$", "$5$", "$6$", "$y$", "$argon2")),
    SecretShape("@", rf"[^\s:/@=]{{1,64}}:{_NO_REFERENCE}([^\s@]{{1,256}})@(?:tcp|unix|udp)\(",
        "a connection string with a password", ("@tcp(", "@unix(", "@udp(")),
    SecretShape("=",
        rf"(?i)(?:^|[_.\-\s\"']){_LOGINS}=['\"]?[\w.@\-]{{1,64}}[:;]{_NO_REFERENCE}(?!\d{{1,10}}(?:[:;,]|$))"
        r"([^\s:;/'\"]{4,256})", "a login with a password",
        ("auth=", "auth_user", "user=", "users=", "user_", "users_")),
    SecretShape("LS0tLS1CRUdJTi",
        r"LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0Eg|BFQyBQ|BPUEVOU1NI|BFTkNSWVBURUQ|BEU0Eg|BQR1Ag)([A-Za-z0-9+/=]{8,})",
        "a private key in Base64"),
    SecretShape("YXBpVmVyc2lvbjog",
        r"\bYXBpVmVyc2lvbjogdjEK(?:[A-Za-z0-9+/]{4})*?a2luZDogQ29uZmln([A-Za-z0-9+/=]{16,})",
        "a login of Kubernetes in Base64"),
    SecretShape("IncomingWebhook/", r"/IncomingWebhook/([A-Za-z0-9]{16,})", "a chat webhook"),
    SecretShape("://",
        r"(?i)webhook(?:_ur[li])?=['\"]?https?://\S{1,300}/([a-z_\-]{0,40}[\dx][a-z0-9_\-]{15,200})(?:[?\s'\"]|$)",
        "a chat webhook", ("webhook",)),
    SecretShape("PIN=", r"(?:^|[_\s\"'])PIN=['\"]?([\dX]{4,8}|[\dX]{3}-[\dX]{2}-[\dX]{3})(?:[\s'\"]|$)",
        "a PIN"),
    SecretShape("machine", r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)", "a login of .netrc"),
)
# fmt: on


def shape_of(text: str) -> str:
    """The kind of credential in a text; empty if no format matches."""
    if len(text) < 8:
        return ""
    text = text[:_LONGEST]
    return next(
        (
            shape.kind
            for shape in SHAPES
            if _may_match(shape, text) and re.search(shape.pattern, text)
        ),
        "",
    )


def _may_match(shape: SecretShape, text: str) -> bool:
    """Whether what is typical of the format is in the text, before its pattern is compiled and
    searched."""
    if shape.sign not in text or not shape.words:
        return shape.sign in text
    folded = text.casefold()
    return any(word in folded for word in shape.words)


def without_shapes(text: str) -> str:
    """The text with letters and digits of every credential replaced by X, which keeps its format."""
    for shape in SHAPES:
        if _may_match(shape, text):
            text = re.sub(shape.pattern, _crossed_out, text)
    return text


def _crossed_out(match: re.Match[str]) -> str:
    whole, at = match[0], match.start()
    first, last = match.start(1) - at, match.end(1) - at
    return whole[:first] + re.sub(r"[^\W_]", "X", whole[first:last]) + whole[last:]


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


@lru_cache(maxsize=8192)
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


# Passwords on command lines: recognised by the name of a flag, its value, or the program's syntax.

# program -> flags whose next word is a password, and flags with the password attached
_PASSWORD_FLAGS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **dict.fromkeys(
        ("mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin"), ((), ("-p",))
    ),
    **dict.fromkeys(("redis-cli", "valkey-cli"), (("-a",), ())),
    **dict.fromkeys(("mongo", "mongosh", "mongodump"), (("-p",), ())),
    **dict.fromkeys(
        ("ldapsearch", "ldapwhoami", "ldapadd", "ldapmodify"),
        (("-w",), ("-w",)),
    ),
    **dict.fromkeys(("mosquitto_sub", "mosquitto_pub"), (("-P",), ())),
    **dict.fromkeys(("sshpass",), (("-p",), ("-p",))),
    **dict.fromkeys(("sqlcmd", "bcp"), (("-P",), ("-P",))),
    **dict.fromkeys(("openssl",), (("-k",), ())),
}
_LOGIN_FLAGS: Mapping[str, tuple[str, ...]] = {
    "curl": ("-u", "--user", "-U", "--proxy-user"),
    "smbclient": ("-U", "--user"),
    "etcdctl": ("--user",),
}
"""program -> flags whose next word is `user:password` or `user%password`."""
_CURL_LOGIN = r"-[fsSLkvIigGNOJZpRqn#0-46]*[uU]"
"""A login after further flags of curl(1) that take no value: `-fsSu`; also glued to it."""
_ENDS_COMMAND = frozenset({"|", "||", "&&", ";", "&"})
_WRAPPERS = frozenset(
    {
        "sh",
        "bash",
        "/bin/sh",
        "/bin/bash",
        "exec",
        "env",
        "timeout",
        "nice",
        "nohup",
        "setsid",
        "sudo",
    }
    | {
        "doas",
        "tini",
        "dumb-init",
        "/sbin/tini",
        "CMD-SHELL",
        "RUN",
        "CMD",
        "ENTRYPOINT",
        "HEALTHCHECK",
    }
)
"""Words that may precede the program, in a command or in the history of an image."""
_RESERVED = frozenset(
    {
        "if",
        "then",
        "elif",
        "else",
        "while",
        "until",
        "do",
        "!",
        "{",
        "(",
        ":",
        "time",
    }
) | {
    *(
        "eval",
        "command",
        "xargs",
        "watch",
        "stdbuf",
        "ionice",
        "busybox",
        "catatonit",
        "parallel",
    )
}
"""Words that a command follows: POSIX.1-2017, shell command language, 2.4, and programs that run
others."""
_OPENS_COMMAND = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*=)?['\"]?(?:\$?\(|`)+")
"""What is glued to the front of a command: `$(curl …)`, `X=$(curl …)`, a subshell, backquotes."""
_SEPARATORS = r"((?:\\\n|\s)+|(?:(?<!;);++|&&|\|\|?)(?=[A-Za-z_./-]+\s))"
"""Space, or an operator glued between two commands: `sleep 5;curl …`."""
_NO_PROGRAM = re.compile(r"-.*|\|?[0-9]+[smhd]?")
"""Flags and numbers before the program: `timeout 5s`, `nice -n 5`, `RUN |1` for one build argument.
"""
_ASSIGNMENT = r"[A-Za-z_][A-Za-z0-9_]*"
_LONGEST_SCRIPT = 20_000


def secrets_in_words(words: Iterable[str]) -> tuple[str, ...]:
    """Credentials on a command line, each as the word around it with the value masked.

    A word with spaces is itself a command line (`sh -c "…"`).
    """
    credentials: list[str] = []
    for program, before, word in steps_of(words):
        flag, equals, value = word.partition("=")
        kind = secret_value(word)
        glued = glued_password(program, word)
        login = bool(equals) and is_password_after(program, flag, value)
        if login or (equals and " " not in flag and secret_pair(flag.lstrip("-"), value)):
            credentials.append(f"{visible(flag, 40)}={MASK}")
        elif kind:
            credentials.append(f"{kind} ({MASK})")
        elif is_password_after(program, before, word):
            credentials.append(f"{visible(before, 40)} {MASK}")
        elif glued:
            credentials.append(f"{glued}{MASK}")
        elif " " in word.strip() and len(word) <= _LONGEST_SCRIPT:
            credentials.extend(secrets_in_words(_unquoted(word)))
    return tuple(credentials)


def steps_of(words: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """(program, preceding word, word) for each argument of a command line."""
    before = program = ""
    for word in words:
        yield program, before, word
        bare = word.strip("'\"")
        if opening := _OPENS_COMMAND.match(bare):
            program, bare = "", bare[opening.end() :]
        name, equals, _ = bare.partition("=")
        if word in _ENDS_COMMAND or word.endswith(";") or (word.endswith(")") and "(" not in word):
            program = ""
        elif (
            not program
            and not (equals and re.fullmatch(_ASSIGNMENT, name))
            and not _is_before_program(bare)
        ):
            program = bare.rsplit("/", 1)[-1]
        before = word


def _is_before_program(word: str) -> bool:
    script = " " in word  # of `sh -c SCRIPT NAME ARGUMENT…`
    return (
        script
        or not word
        or word in _WRAPPERS | _RESERVED
        or _NO_PROGRAM.fullmatch(word) is not None
    )


def glued_password(program: str, word: str) -> str:
    """The flag with a password attached (`-p` of `mysql -psecret`); empty if there is none."""
    if program == "curl" and (
        login := re.match(rf"({_CURL_LOGIN}[^\s:$-][^\s:$]*:)[^$<{{\s]", word)
    ):
        return login[1]
    return next(
        (
            flag
            for flag in _flags_of(program)[1]
            if word.startswith(flag) and word[len(flag) :][:1] not in ("", "$")
        ),
        "",
    )


def split_script(script: str) -> Iterator[tuple[str, str]]:
    """The words of a script, each with what separates it from the next; joined, they are the
    script."""
    parts = [*re.split(_SEPARATORS, script), ""]
    yield from zip(parts[::2], parts[1::2], strict=True)


def ends_command(separator: str) -> bool:
    """Whether what follows a word ends the command: an operator, or a line's end (continued lines
    aside)."""
    return "\n" in separator or separator[:1] in (";", "&", "|")


def _unquoted(script: str) -> list[str]:
    words: list[str] = []
    for word, separator in split_script(script):
        words += [word.strip("\"'")] if word else []
        words += [";"] if ends_command(separator) else []
    return words


def _flags_of(program: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return _PASSWORD_FLAGS.get(program, ((), ()))


def is_password_after(
    program: str,
    flag: str,
    word: str,
) -> bool:
    """Whether the word after a flag is a password, by the flag's name or the program's syntax."""
    if not flag.startswith("-") or "=" in flag or word.startswith(("-", "$")):
        return False
    if flag in _LOGIN_FLAGS.get(program, ()) or (
        program == "curl" and re.fullmatch(_CURL_LOGIN, flag)
    ):
        login, mark, password = word.partition("%" if program == "smbclient" else ":")
        return bool(login and mark and password) and not password.startswith(("$", "<", "{"))
    if flag in _flags_of(program)[0]:
        return True
    return secret_name(flag.lstrip("-")) and bool(secret_pair(flag.lstrip("-"), word))
