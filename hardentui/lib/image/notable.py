"""What is notable in a file system of an image: programs, rights, credentials."""

from __future__ import annotations

from hardentui.lib.image.tar import ArchiveEntry

_PROGRAM_DIRECTORIES = frozenset(
    {
        "/bin",
        "/sbin",
        "/usr/bin",
        "/usr/sbin",
        "/usr/local/bin",
        "/usr/local/sbin",
        "/usr/lib/openssh",
    }
)


_KINDS_OF_PROGRAMS = {
    "package manager": tuple(
        "apt apt-get aptitude dpkg apk dnf dnf5 microdnf yum zypper rpm pacman".split()
    ),
    "compiler": (
        "gcc",
        "cc",
        "g++",
        "c++",
        "clang",
        "tcc",
        "go",
        "rustc",
        "javac",
        "make",
        "ld",
        "as",
    ),
    "debugger": ("gdb", "lldb", "strace", "ltrace", "perf", "bpftrace", "tcpdump"),
    "network client": tuple(
        "curl wget nc ncat netcat nc.openbsd nc.traditional socat telnet ftp tftp ssh scp sftp rsync nmap "
        "masscan dig nslookup".split()
    ),
}


_TOOLS = {name: kind for kind, names in _KINDS_OF_PROGRAMS.items() for name in names}


_SHELLS = frozenset(
    {
        "sh",
        "bash",
        "dash",
        "ash",
        "zsh",
        "ksh",
        "mksh",
        "fish",
        "csh",
        "tcsh",
        "busybox",
    }
)


_LOGINS = frozenset(
    "sshd dropbear dropbearmulti tinysshd telnetd in.telnetd rlogind in.rlogind rshd in.rshd".split()
)


_OPEN_DIRECTORIES = ("/tmp", "/var/tmp", "/dev", "/proc", "/sys")  # noqa: S108 - searched for, never written


_KEY_NAMES = frozenset(
    {"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk"}
)


_KEY_ENDS = (".pem", ".key", ".ppk")


_KEY_MARK = b"PRIVATE KEY-----"


_KEY_SIZES = range(100, 16 << 10)


_KEY_START = b"-----BEGIN "


_SERVICE_ACCOUNT = (b'"service_account"', b'"private_key')


_CREDENTIAL_FILES: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "/.aws/credentials": ("cloud credentials", (b"aws_secret_access_key",)),
    "/.config/gcloud/application_default_credentials.json": ("cloud credentials", ()),
    "/.azure/accesstokens.json": ("cloud credentials", ()),
    "/.azure/msal_token_cache.json": ("cloud credentials", ()),
    "/.git-credentials": ("git credentials", ()),
    "/.netrc": ("login file", (b"password",)),
    "/.npmrc": ("npm token", (b"_authToken", b"_password", b"_auth")),
    "/.pypirc": ("Python package credentials", (b"password",)),
    "/.docker/config.json": ("registry credentials", (b'"auth"',)),
    "/.dockercfg": ("registry credentials", (b'"auth"',)),
    "/containers/auth.json": ("registry credentials", (b'"auth"',)),
    "/.kube/config": (
        "cluster credentials",
        (b"client-key-data", b"token:", b"password:"),
    ),
    "/.config/gh/hosts.yml": ("code-hosting token", (b"oauth_token",)),
    "/.vault-token": ("vault token", ()),
    "/.pgpass": ("database password", ()),
    "/.my.cnf": ("database password", (b"password",)),
    "/.env": (
        "passwords of an application",
        (b"PASSWORD=", b"SECRET", b"_KEY=", b"TOKEN="),
    ),
    "/wp-config.php": ("database password", (b"DB_PASSWORD",)),
    "/application.yml": (
        "passwords of an application",
        (b"password:", b"secret:"),
    ),
    "/application.yaml": (
        "passwords of an application",
        (b"password:", b"secret:"),
    ),
    "/application.properties": (
        "passwords of an application",
        (b"password=", b"secret="),
    ),
    "/terraform.tfstate": (
        "cloud credentials",
        (b"password", b"secret", b"private_key", b"token"),
    ),
    "/.git/config": (
        "git credentials",
        (b"x-access-token:", b"oauth2:", b"ghp_", b"glpat-", b"gho_"),
    ),
    "/pip.conf": ("package index login", (b"@",)),
    "/.cargo/credentials": ("package registry token", (b"token",)),
    "/.cargo/credentials.toml": ("package registry token", (b"token",)),
    "composer/auth.json": (
        "package registry token",
        (b"http-basic", b"oauth", b"bearer"),
    ),
    "/.s3cfg": ("cloud credentials", (b"secret_key",)),
    "/.htpasswd": ("password hashes", (b":$", b":{SHA}")),
}


def notable_program(entry: ArchiveEntry) -> tuple[str, str, str] | None:
    """(category, name, kind) of a program: category is tool, shell or login; only a tool has a
    kind."""
    directory, _, name = entry.path.rpartition("/")
    if directory not in _PROGRAM_DIRECTORIES or entry.kind not in (
        "file",
        "hard link",
        "symbolic link",
    ):
        return None
    if name in _TOOLS:
        return "tool", f"{_TOOLS[name]} {name}", _TOOLS[name]
    if name in _SHELLS:
        return "shell", name, ""
    return ("login", name, "") if name in _LOGINS else None


def privilege(entry: ArchiveEntry) -> str:
    """The privileges that a file gives to anyone who starts it; empty if none."""
    if entry.kind not in ("file", "hard link"):
        return ""
    rights = []
    if entry.mode & 0o4000:
        rights.append("setuid root" if entry.uid == 0 else f"setuid uid {entry.uid}")
    if entry.mode & 0o2000 and entry.mode & 0o010:
        rights.append("setgid")
    if entry.capability:
        rights.append("file capabilities")
    return ", ".join(rights)


def open_to_all(entry: ArchiveEntry) -> str:
    """`file` or `folder` if it is unusually world-writable; else empty."""
    if not entry.mode & 0o002 or entry.kind not in ("file", "folder"):
        return ""
    if entry.kind == "folder" and entry.mode & 0o1000:
        return ""
    usual = any(
        entry.path == directory or entry.path.startswith(f"{directory}/")
        for directory in _OPEN_DIRECTORIES
    )
    return "" if usual else entry.kind


_DUMMY_KEY = "/etc/ssl/private/ssl-cert-snakeoil.key"
"""Debian's package ssl-cert makes it for a certificate that nobody trusts: ssl-cert-snakeoil(8)."""


def may_hold_credentials(entry: ArchiveEntry) -> bool:
    """Whether the name, or the size of a file outside /usr, suggests inspecting the first bytes."""
    if entry.kind != "file" or not entry.size or entry.path == _DUMMY_KEY:
        return False
    return bool(_expected(entry.path)) or (
        entry.size in _KEY_SIZES and not entry.path.startswith("/usr/")
    )


def credential(path: str, start: bytes) -> str:
    """The kind of credential, by name and first bytes; empty if it is not one.

    A private key, also that of a cloud's service account, counts under any name.
    """
    what, marks = _expected(path) or ("", ())
    if what and (not marks or any(mark in start for mark in marks)):
        return what
    if all(mark in start for mark in _SERVICE_ACCOUNT):
        return "cloud credentials"
    is_key = start.startswith(_KEY_START) and _KEY_MARK in start.partition(b"\n")[0]
    return "private key" if is_key else ""


def _expected(path: str) -> tuple[str, tuple[bytes, ...]] | None:
    name = path.rpartition("/")[2]
    if name in _KEY_NAMES or name.lower().endswith(_KEY_ENDS):
        return "private key", (_KEY_MARK, b"PuTTY-User-Key-File")
    lower = path.lower()
    return next(
        (expected for end, expected in _CREDENTIAL_FILES.items() if lower.endswith(end)), None
    )
