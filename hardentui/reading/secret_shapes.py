"""Credentials with a recognisable format: published formats of tokens and keys, each with its source.

Group 1 of a pattern is the secret itself, so that it can be masked without changing the format: masked text
gives the same findings. For that reason, no pattern distinguishes individual letters.

We have our own table because detect-secrets (Apache-2.0) depends on requests and PyYAML, works on files line
by line and takes a quarter of a second to import. The sources are its list of formats, GitHub's list of
secret scanning patterns, and the vendors' pages below.
"""

from __future__ import annotations

import re

from msgspec import Struct

_LONGEST = 8192


class SecretShape(Struct, frozen=True):
    """One format of credentials.

    Attributes:
        sign: a substring that must be present, to skip the pattern for most values.
        kind: in a few words, for a report.
        source: where the format is published.
        words: one of them must be present too, in any case, where the sign is in many values; folded.
    """

    sign: str
    pattern: str
    kind: str
    source: str
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
    *("cryptsetup", "--password-stdin", "chpasswd", "passwd --stdin", "sudo -", "--passphrase-fd"),
    "-passin stdin",
)
_READS_IT = (
    r"(?:--password-stdin|cryptsetup\b|chpasswd|passwd --stdin|sudo -[A-Za-z]{0,8}S\b"
    r"|--passphrase-fd[ =]0|-passin stdin)"
)
"""Programs and options that take a password from standard input."""
_PIPED = r"[^\s'\"|;&$`<>]"
"""The first or last character of what is piped."""
_GITHUB = "docs.github.com, about authentication to GitHub: token formats"
_SCANNING = "docs.github.com, supported secret scanning patterns"


# fmt: off
SHAPES: tuple[SecretShape, ...] = (
    SecretShape("://",
        rf"[A-Za-z][A-Za-z0-9+.\-]{{1,20}}://[^\s/:@]{{0,128}}:{_NO_REFERENCE}([^\s/@]{{1,256}})@",
        "a URL with a password", "RFC 3986, 3.2.1"),
    SecretShape("PRIVATE KEY",
        r"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?(?:-----)?((?:[^-]|-(?!----))*)", "a private key",
        "RFC 7468; RFC 9580, 6.2"),
    SecretShape("PuTTY-User-Key", r"PuTTY-User-Key-File-\d: ([\s\S]+)", "a private key", "PuTTY manual, C"),
    SecretShape("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1([0-9A-Z]{50,})", "a private key",
        "age-encryption.org/v1"),
    SecretShape("IA", r"\b(?:AKIA|ASIA)([0-9A-Z]{16})\b", "a cloud access key",
        "AWS IAM, identifiers: unique ids"),
    SecretShape("AIza", r"\bAIza([0-9A-Za-z_\-]{35})", "a cloud API key", _SCANNING),
    SecretShape("ya29.", r"\bya29\.([0-9A-Za-z_\-]{20,})", "a cloud access token", _SCANNING),
    SecretShape("GOCSPX-", r"\bGOCSPX-([0-9A-Za-z_\-]{20,})", "a cloud client secret", _SCANNING),
    SecretShape("LTAI", r"\bLTAI([0-9A-Za-z]{12,24})\b", "a cloud access key", _SCANNING),
    SecretShape("AKID", r"\bAKID([0-9A-Za-z]{32})\b", "a cloud access key", _SCANNING),
    SecretShape("Key=", r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/=]{20,})", "a cloud storage key",
        "Azure Storage, connection strings"),
    SecretShape("sig=", r"[?&]sig=([A-Za-z0-9%+/=_\-]{20,})", "a signed cloud URL", "Azure Storage, SAS"),
    SecretShape("dop_v1_", r"\bdop_v1_([A-Za-z0-9]{64})", "a cloud access token", _SCANNING),
    SecretShape("gh", r"\bgh[pousr]_([A-Za-z0-9]{36})", "a code-hosting token", _GITHUB),
    SecretShape("github_pat_", r"\bgithub_pat_([A-Za-z0-9_]{22,})", "a code-hosting token", _GITHUB),
    SecretShape("gl", r"\bgl(?:pat|dt|rt|cbt|ptt|soat|ft|imt|agent|oas)-([A-Za-z0-9_\-]{20,})",
        "a code-hosting token", "docs.gitlab.com, token overview: prefixes"),
    SecretShape("npm_", r"\bnpm_([A-Za-z0-9]{36})", "a package registry token", _SCANNING),
    SecretShape("pypi-", r"\bpypi-([A-Za-z0-9_\-]{50,})", "a package registry token", _SCANNING),
    SecretShape("rubygems_", r"\brubygems_([A-Za-z0-9]{40,})", "a package registry token", _SCANNING),
    SecretShape("dckr_", r"\bdckr_[po]at_([A-Za-z0-9_\-]{20,})", "an image registry token", _SCANNING),
    SecretShape("xox", r"\bxox[abeoprs]-([A-Za-z0-9\-]{10,})", "a chat token", "api.slack.com, token types"),
    SecretShape("xapp-", r"\bxapp-([A-Za-z0-9\-]{10,})", "a chat token", "api.slack.com, token types"),
    SecretShape("hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/]{20,})",
        "a chat webhook", "api.slack.com, incoming webhooks"),
    SecretShape("/webhooks/", r"/api/webhooks/\d+/([A-Za-z0-9_\-]{20,})", "a chat webhook", _SCANNING),
    SecretShape(":", r"\b[0-9]{8,10}:([A-Za-z0-9_\-]{35})\b", "a chat bot's token",
        "core.telegram.org/bots/api", tuple(f"{digit}:" for digit in range(10))),
    SecretShape("k_", r"\b[sr]k_(?:live|test)_([A-Za-z0-9]{16,})", "a payment key", "docs.stripe.com/keys"),
    SecretShape("SG.", r"\bSG\.([A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,})", "a mail service key", _SCANNING),
    SecretShape("sk-", r"\bsk-(?:ant-|proj-|svcacct-|or-)?([A-Za-z0-9_\-]{20,})", "an AI service key",
        _SCANNING),
    SecretShape("hf_", r"\bhf_([A-Za-z0-9]{30,})", "an AI service key", _SCANNING),
    SecretShape("hv", r"\bhv[sbr]\.([A-Za-z0-9_\-]{20,})", "a vault token", _SCANNING),
    SecretShape("atlasv1.", r"\b[A-Za-z0-9]{14}\.atlasv1\.([A-Za-z0-9_\-]{40,})", "a vault token", _SCANNING),
    SecretShape("tskey-", r"\btskey-[a-z]+-([A-Za-z0-9\-]{10,})", "a VPN key",
        "tailscale.com/kb, key prefixes"),
    SecretShape("gl", r"\bgls?a_([A-Za-z0-9_]{32,})", "a monitoring token", _SCANNING),
    SecretShape("NRAK-", r"\bNRAK-([A-Za-z0-9]{27})", "a monitoring key", _SCANNING),
    SecretShape("shp", r"\bshp(?:at|ca|pa|ss)_([A-Za-z0-9]{32})", "a shop's token", _SCANNING),
    SecretShape("dapi", r"\bdapi([A-Za-z0-9]{32})\b", "a database service token", _SCANNING),
    SecretShape("eyJ", r"\beyJ[A-Za-z0-9_\-]{10,}\.eyJ([A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]*)",
        "a signed token (JWT)", "RFC 7519"),
    SecretShape("=",
        rf"(?i)(?:^|[,;?&\s\"'])(?:password|passwd|pwd)\s?=\s?['\"]?{_NO_REFERENCE}([^;&\s\"']{{3,}})",
        "a connection string with a password",
        "libpq, keyword/value strings; ADO.NET and JDBC connection strings", ("password", "passwd", "pwd")),
    SecretShape("=", rf"(?i)[?&]{_NAMES}={_NO_REFERENCE}([^;&\s\"']{{6,}})", "a URL with a credential",
        "RFC 6750, 2.3", _NAME_WORDS),
    SecretShape(":",
        rf"(?i)[\"'][\w.\-]{{0,60}}{_NAMES}[\"']\s*:\s*[\"']{_NO_REFERENCE}([^\"'\s/][^\"'\n]{{2,}})[\"']",
        "JSON with a credential", "RFC 8259", _NAME_WORDS),
    SecretShape('"auth"', r"\"auth\"\s*:\s*\"([A-Za-z0-9+/=]{8,})\"", "a registry login",
        "containers-auth.json(5)"),
    SecretShape(":",
        rf"(?im)^[ \t-]*[\w.\-]{{0,60}}{_NAMES}:[ \t]+{_NO_REFERENCE}(?![|>/])([^\s#]{{3,}})[ \t]*$",
        "YAML with a credential", "yaml.org/spec/1.2", _NAME_WORDS),
    SecretShape(":",
        rf"(?i)\b(?:proxy-)?authorization:\s*(?:[a-z]+\s+)?{_NO_REFERENCE}([A-Za-z0-9._~+/=\-]{{6,}})",
        "a header with a credential", "RFC 9110, 11.6.2", ("authorization:",)),
    SecretShape(":",
        rf"(?i)\b(?:x-[a-z\-]*|private-|job-|deploy-|api-?)(?:key|token|secret):\s*{_NO_REFERENCE}(\S{{6,}})",
        "a header with a credential", "RFC 6648: X- headers as services name them",
        ("key:", "token:", "secret:")),
    SecretShape("earer ", r"(?:^|=)[Bb]earer ([A-Za-z0-9._~+/=\-]{8,})$", "a header's credential",
        "RFC 6750"),
    SecretShape("asic ", r"(?:^|=)[Bb]asic ([A-Za-z0-9+/]{8,}={0,2})$", "a header's credential", "RFC 7617"),
    # whitespace belongs to one part only: a text of nothing else costs no more than its length
    SecretShape("|",
        rf"\b(?:echo|printf)(?:\s++-[neE]++)*+(?:\s++['\"]?%s(?:\\n)?['\"]?(?=\s))?+\s++['\"]?(?!-|YES\b){_NO_REFERENCE}"
        rf"(?:[\w.\-]{{1,64}}:)?+({_PIPED}(?:[^'\"|;&$`<>\n]{{1,198}}{_PIPED}))(?:\s*+['\"])?+\s*+\|\s*+"
        rf"[^|;&\n]{{0,200}}?(?<![^\s|]){_READS_IT}", "a password piped into a program",
        "docker-login(1), chpasswd(8), sudo(8), cryptsetup(8), gpg(1), openssl-passphrase-options(1)",
        _READERS),
    SecretShape("<<<", rf"{_READS_IT}[^|;&\n]{{0,200}}<<<\s*['\"]?{_NO_REFERENCE}([^\s'\"|;&$`]{{3,}})",
        "a password given to a program", "bash(1), here strings", _READERS),
    SecretShape("-D",
        rf"(?:^|[\s\"'=])-D[\w.\-]{{0,100}}(?i:{_NAMES})={_NO_REFERENCE}(?![/.~])([^\s\"']{{3,}})",
        "a Java property with a credential", "java(1), -D", _NAME_WORDS),
    SecretShape("--",
        rf"(?i)(?:^|[\s\"'=])--(?:[a-z0-9]+-){{0,4}}{_OPTION_NAMES}(?:=|\s{{1,8}})['\"]?{_NO_REFERENCE}(?![-/.~])"
        r"([^\s\"']{8,})", "an option with a credential", "POSIX 12.2, and GNU's long options",
        ("password", "passwd", "passphrase", "token", "key")),
    SecretShape("pass:", rf"(?:^|\s)['\"]?pass:{_NO_REFERENCE}([^\s'\"]{{3,}})", "a passphrase of openssl",
        "openssl-passphrase-options(1)"),
    SecretShape("htpasswd", rf"\bhtpasswd\s+-(?=\w*b)\w+(?:\s+-\w+)*\s+(?:[^\s\-|;&>]\S{{0,200}}\s+){{1,2}}"
        rf"['\"]?{_NO_REFERENCE}([^\s'\"|;&<>$]{{3,}})", "a password for htpasswd", "htpasswd(1), -b"),
    SecretShape("login",
        rf"\b(?:docker|podman|buildah|skopeo|nerdctl|oras|helm|oc|az)\s[^|;&\n]{{0,40}}\blogin\s"
        rf"(?:[^|;&\n]{{0,200}}\s)?-p[\s=]['\"]?(?!-){_NO_REFERENCE}([^\s'\"|;&]{{3,}})",
        "a password of a login", "docker-login(1), podman-login(1), az-login", ("-p",)),
    SecretShape("$", r"\$(?:apr1|2[aby]|[156y]|argon2id?)\${1,2}([A-Za-z0-9./,=+$]{20,})",
        "the hash of a password", "crypt(5), htpasswd(1)",
        ("$apr1$", "$2a$", "$2b$", "$2y$", "$1$", "$5$", "$6$", "$y$", "$argon2")),
    SecretShape("@", rf"[^\s:/@=]{{1,64}}:{_NO_REFERENCE}([^\s@]{{1,256}})@(?:tcp|unix|udp)\(",
        "a connection string with a password", "github.com/go-sql-driver/mysql, DSN",
        ("@tcp(", "@unix(", "@udp(")),
    SecretShape("=",
        rf"(?i)(?:^|[_.\-\s\"']){_LOGINS}=['\"]?[\w.@\-]{{1,64}}[:;]{_NO_REFERENCE}(?!\d{{1,10}}(?:[:;,]|$))"
        r"([^\s:;/'\"]{4,256})", "a login with a password",
        "RFC 7617; htpasswd(1); the images atmoz/sftp and dperson/samba",
        ("auth=", "auth_user", "user=", "users=", "user_", "users_")),
    SecretShape("LS0tLS1CRUdJTi",
        r"LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0Eg|BFQyBQ|BPUEVOU1NI|BFTkNSWVBURUQ|BEU0Eg|BQR1Ag)([A-Za-z0-9+/=]{8,})",
        "a private key in Base64", "RFC 7468 in RFC 4648, 4"),
    SecretShape("YXBpVmVyc2lvbjog",
        r"\bYXBpVmVyc2lvbjogdjEK(?:[A-Za-z0-9+/]{4})*?a2luZDogQ29uZmln([A-Za-z0-9+/=]{16,})",
        "a login of Kubernetes in Base64", "kubernetes.io, kubeconfig (v1)"),
    SecretShape("IncomingWebhook/", r"/IncomingWebhook/([A-Za-z0-9]{16,})", "a chat webhook",
        "Microsoft Teams, webhooks"),
    SecretShape("://",
        r"(?i)webhook(?:_ur[li])?=['\"]?https?://\S{1,300}/([a-z_\-]{0,40}[\dx][a-z0-9_\-]{15,200})(?:[?\s'\"]|$)",
        "a chat webhook", "docs.mattermost.com, incoming webhooks", ("webhook",)),
    SecretShape("PIN=", r"(?:^|[_\s\"'])PIN=['\"]?([\dX]{4,8}|[\dX]{3}-[\dX]{2}-[\dX]{3})(?:[\s'\"]|$)",
        "a PIN", "HomeKit Accessory Protocol, setup code"),
    SecretShape("machine", r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)", "a login of .netrc",
        "curl, .netrc"),
)
# fmt: on


def shape_of(text: str) -> str:
    """The kind of credential in a text; empty if no format matches."""
    if len(text) < 8:
        return ""
    text = text[:_LONGEST]
    return next(
        (shape.kind for shape in SHAPES if _may_match(shape, text) and re.search(shape.pattern, text)), ""
    )


def _may_match(shape: SecretShape, text: str) -> bool:
    """Whether what is typical of the format is in the text, before its pattern is compiled and searched."""
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
