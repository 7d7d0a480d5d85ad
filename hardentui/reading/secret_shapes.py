"""Secrets that show by their shape: keys, tokens, logins in addresses."""

from __future__ import annotations

import re

from msgspec import Struct

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
    SecretShape("PuTTY-User-Key", r"PuTTY-User-Key-File-\d: ([\s\S]+)", "a private key",),
    SecretShape("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1([0-9A-Z]{50,})", "a private key",),
    SecretShape("IA", r"\b(?:AKIA|ASIA)([0-9A-Z]{16})\b", "a cloud access key",),
    SecretShape("AIza", r"\bAIza([0-9A-Za-z_\-]{35})", "a cloud API key",),
    SecretShape("ya29.", r"\bya29\.([0-9A-Za-z_\-]{20,})", "a cloud access token",),
    SecretShape("GOCSPX-", r"\bGOCSPX-([0-9A-Za-z_\-]{20,})", "a cloud client secret",),
    SecretShape("LTAI", r"\bLTAI([0-9A-Za-z]{12,24})\b", "a cloud access key",),
    SecretShape("AKID", r"\bAKID([0-9A-Za-z]{32})\b", "a cloud access key",),
    SecretShape("Key=", r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/=]{20,})", "a cloud storage key",),
    SecretShape("sig=", r"[?&]sig=([A-Za-z0-9%+/=_\-]{20,})", "a signed cloud URL",),
    SecretShape("dop_v1_", r"\bdop_v1_([A-Za-z0-9]{64})", "a cloud access token",),
    SecretShape("gh", r"\bgh[pousr]_([A-Za-z0-9]{36})", "a code-hosting token",),
    SecretShape("github_pat_", r"\bgithub_pat_([A-Za-z0-9_]{22,})", "a code-hosting token",),
    SecretShape("gl", r"\bgl(?:pat|dt|rt|cbt|ptt|soat|ft|imt|agent|oas)-([A-Za-z0-9_\-]{20,})",
        "a code-hosting token"),
    SecretShape("npm_", r"\bnpm_([A-Za-z0-9]{36})", "a package registry token",),
    SecretShape("pypi-", r"\bpypi-([A-Za-z0-9_\-]{50,})", "a package registry token",),
    SecretShape("rubygems_", r"\brubygems_([A-Za-z0-9]{40,})", "a package registry token",),
    SecretShape("dckr_", r"\bdckr_[po]at_([A-Za-z0-9_\-]{20,})", "an image registry token",),
    SecretShape("xox", r"\bxox[abeoprs]-([A-Za-z0-9\-]{10,})", "a chat token",),
    SecretShape("xapp-", r"\bxapp-([A-Za-z0-9\-]{10,})", "a chat token",),
    SecretShape("hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/]{20,})",
        "a chat webhook"),
    SecretShape("/webhooks/", r"/api/webhooks/\d+/([A-Za-z0-9_\-]{20,})", "a chat webhook",),
    SecretShape(":", r"\b[0-9]{8,10}:([A-Za-z0-9_\-]{35})\b", "a chat bot's token",
        tuple(f"{digit}:" for digit in range(10))),
    SecretShape("k_", r"\b[sr]k_(?:live|test)_([A-Za-z0-9]{16,})", "a payment key",),
    SecretShape("SG.", r"\bSG\.([A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,})", "a mail service key",),
    SecretShape("sk-", r"\bsk-(?:ant-|proj-|svcacct-|or-)?([A-Za-z0-9_\-]{20,})", "an AI service key",),
    SecretShape("hf_", r"\bhf_([A-Za-z0-9]{30,})", "an AI service key",),
    SecretShape("hv", r"\bhv[sbr]\.([A-Za-z0-9_\-]{20,})", "a vault token",),
    SecretShape("atlasv1.", r"\b[A-Za-z0-9]{14}\.atlasv1\.([A-Za-z0-9_\-]{40,})", "a vault token",),
    SecretShape("tskey-", r"\btskey-[a-z]+-([A-Za-z0-9\-]{10,})", "a VPN key",),
    SecretShape("gl", r"\bgls?a_([A-Za-z0-9_]{32,})", "a monitoring token",),
    SecretShape("NRAK-", r"\bNRAK-([A-Za-z0-9]{27})", "a monitoring key",),
    SecretShape("shp", r"\bshp(?:at|ca|pa|ss)_([A-Za-z0-9]{32})", "a shop's token",),
    SecretShape("dapi", r"\bdapi([A-Za-z0-9]{32})\b", "a database service token",),
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
    SecretShape('"auth"', r"\"auth\"\s*:\s*\"([A-Za-z0-9+/=]{8,})\"", "a registry login",),
    SecretShape(":",
        rf"(?im)^[ \t-]*[\w.\-]{{0,60}}{_NAMES}:[ \t]+{_NO_REFERENCE}(?![|>/])([^\s#]{{3,}})[ \t]*$",
        "YAML with a credential", _NAME_WORDS),
    SecretShape(":",
        rf"(?i)\b(?:proxy-)?authorization:\s*(?:[a-z]+\s+)?{_NO_REFERENCE}([A-Za-z0-9._~+/=\-]{{6,}})",
        "a header with a credential", ("authorization:",)),
    SecretShape(":",
        rf"(?i)\b(?:x-[a-z\-]*|private-|job-|deploy-|api-?)(?:key|token|secret):\s*{_NO_REFERENCE}(\S{{6,}})",
        "a header with a credential", ("key:", "token:", "secret:")),
    SecretShape("earer ", r"(?:^|=)[Bb]earer ([A-Za-z0-9._~+/=\-]{8,})$", "a header's credential",),
    SecretShape("asic ", r"(?:^|=)[Bb]asic ([A-Za-z0-9+/]{8,}={0,2})$", "a header's credential",),
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
    SecretShape("pass:", rf"(?:^|\s)['\"]?pass:{_NO_REFERENCE}([^\s'\"]{{3,}})", "a passphrase of openssl",),
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
    SecretShape("IncomingWebhook/", r"/IncomingWebhook/([A-Za-z0-9]{16,})", "a chat webhook",),
    SecretShape("://",
        r"(?i)webhook(?:_ur[li])?=['\"]?https?://\S{1,300}/([a-z_\-]{0,40}[\dx][a-z0-9_\-]{15,200})(?:[?\s'\"]|$)",
        "a chat webhook", ("webhook",)),
    SecretShape("PIN=", r"(?:^|[_\s\"'])PIN=['\"]?([\dX]{4,8}|[\dX]{3}-[\dX]{2}-[\dX]{3})(?:[\s'\"]|$)",
        "a PIN"),
    SecretShape("machine", r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S+)", "a login of .netrc",),
)


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
