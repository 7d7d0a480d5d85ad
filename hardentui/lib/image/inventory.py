"""The inventory of an image from the stream of `GET /images/ID/get?format=docker-archive`.

Nothing is unpacked to disk and nothing is run. The layers come before the list that gives
their order, so each is read into a small summary first; at the end the summaries are stacked
from the lowest up, and what a higher layer hides is marked as deleted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from hardentui.lib.image import ImageFile, ImageInventory, LayerSize, Package, languages
from hardentui.lib.image.packages import (
    LARGEST_RPM,
    MOST_PACKAGES,
    ArchiveEntry,
    Body,
    ByteSource,
    Damaged,
    Database,
    NotReadable,
    entries,
    read_apk,
    read_dpkg,
    read_dpkg_part,
    read_rpm,
)

# Which files and accounts of an image are notable: by name, place, mode, first bytes and contents.

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


def may_hold_credentials(entry: ArchiveEntry) -> bool:
    """Whether the name, or the size of a file outside /usr, suggests inspecting the first bytes."""
    if entry.kind != "file" or not entry.size:
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


# --- Accounts and rules of sudo and doas in an image that let anyone become root ------------------


PASSWD, SHADOW = "/etc/passwd", "/etc/shadow"
_SUDOERS, _SUDOERS_DIRECTORY = "/etc/sudoers", "/etc/sudoers.d/"
_DOAS, _DOAS_DIRECTORY = "/etc/doas.conf", "/etc/doas.d/"
_MOST = 100
_HASH = r"\$[0-9a-z]+\$.+|[./0-9A-Za-z]{13}|_[./0-9A-Za-z]{19}"
"""A password hash; crypt(5). `x`, `*` and `!` are none."""


def matters(path: str) -> bool:
    """Whether this file is relevant to accounts."""
    return path in (PASSWD, SHADOW, _SUDOERS, _DOAS) or path.startswith(
        (_SUDOERS_DIRECTORY, _DOAS_DIRECTORY)
    )


def weak(texts: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence for each weak account or rule. `texts`: path -> contents of the files that
    `matters` names, as seen in the finished image.
    """
    weak_accounts = [
        *_passwd(texts.get(PASSWD, "")),
        *_shadow(texts.get(SHADOW, "")),
    ]
    for path in sorted(texts):
        if path == _SUDOERS or path.startswith(_SUDOERS_DIRECTORY):
            weak_accounts += _sudo(path, texts[path])
        elif path == _DOAS or path.startswith(_DOAS_DIRECTORY):
            weak_accounts += _doas(path, texts[path])
    return tuple(weak_accounts[:_MOST])


def _passwd(text: str) -> list[str]:
    lines = []
    for line in text.splitlines():
        fields = line.split(":")
        if line.startswith("#") or len(fields) < 4:
            continue
        name, password, uid = fields[0], fields[1], fields[2]
        if password == "":
            lines.append(f"{name} has an empty password in {PASSWD}")
        elif re.fullmatch(_HASH, password):
            lines.append(f"{name} has its password hash in {PASSWD}, which every process may read")
        if uid.isdigit() and int(uid) == 0 and name != "root":
            lines.append(f"{name} has UID 0, like root")
    return lines


def _shadow(text: str) -> list[str]:
    fields = [line.split(":") for line in text.splitlines() if not line.startswith("#")]
    return [
        f"{f[0]} has an empty password in {SHADOW}"
        for f in fields
        if len(f) > 1 and f[0] and f[1] == ""
    ]


def _sudo(path: str, text: str) -> list[str]:
    rules = (line.partition("#")[0].strip() for line in text.splitlines())
    return [
        f"{path} lets {rule.split()[0]} use sudo without a password"
        for rule in rules
        if _free(rule)
    ]


def _free(rule: str) -> bool:
    return "NOPASSWD" in rule or rule.replace(" ", "").startswith("Defaults!authenticate")


def _doas(path: str, text: str) -> list[str]:
    """`permit [nopass] … IDENTITY`, where the identity stands before `as` and `cmd`; see
    doas.conf(5)."""
    free = []
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0] != "permit" or "nopass" not in words:
            continue
        ends = [words.index(word) for word in ("as", "cmd") if word in words]
        free.append(
            f"{path} lets {words[min(ends, default=len(words)) - 1]} use doas without a password"
        )
    return free


MOST_ENTRIES = 1_000_000
"""Most entries of a whole image; hashes of their paths are kept, about 100 bytes each."""
MOST_FOUND = 2_000
_LONGEST_TEXT = 1 << 20
_FIRST_BYTES = 1 << 16
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_LAYER_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")
_DPKG = "/var/lib/dpkg/status"
_DPKG_PARTS = "/var/lib/dpkg/status.d/"
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_RPM = (
    *(f"/var/lib/rpm/{name}" for name in ("Packages", "Packages.db", "rpmdb.sqlite")),
    *(f"/usr/lib/sysimage/rpm/{name}" for name in ("Packages", "Packages.db", "rpmdb.sqlite")),
    *(f"/usr/share/rpm/{name}" for name in ("Packages", "Packages.db", "rpmdb.sqlite")),
)
_RPM_JOURNALS = tuple(f"{path}-wal" for path in _RPM if path.endswith(".sqlite"))


class Budget(Struct):
    """How much of an image may still be read; shared by its layers."""

    entries: int = MOST_ENTRIES
    cancelled: Callable[[], bool] = lambda: False


class Layer(Struct):
    """What one layer adds and hides."""

    size: int = 0
    count: int = 0
    # (category, file) of notable files; categories as in ImageInventory, and `shell`
    notable: list[tuple[str, ImageFile]] = field(default_factory=list)
    # path -> contents of the few files whose text matters
    texts: dict[str, str] = field(default_factory=dict)
    # package database file -> the packages in it
    databases: dict[str, Database] = field(default_factory=dict)
    # file -> the packages of a programming language that it tells of
    languages: dict[str, list[Package]] = field(default_factory=dict)
    # files, directories: hashes of the paths that it adds
    files: set[int] = field(default_factory=set)
    directories: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)  # paths that it deletes from the layers below
    emptied: set[int] = field(
        default_factory=set
    )  # directories whose contents of lower layers it hides
    gap: str = ""  # why it could not be read completely; empty if it was

    def hides(self, path: str) -> bool:
        """Whether this layer hides the file at `path` of a lower layer."""
        here = hash(path)
        if here in self.files or here in self.directories or here in self.removed:
            return True
        directory = path.rpartition("/")[0]
        while True:
            above = hash(directory or "/")
            if (
                above in self.removed
                or above in self.emptied
                or (directory and above in self.files)
            ):
                return True
            if not directory:
                return False
            directory = directory.rpartition("/")[0]


def read_layer(source: ByteSource, budget: Budget) -> Layer:
    """Read one layer's archive; an error is reported in `gap`, and earlier results are kept."""
    layer = Layer()
    try:
        for entry, body in entries(source):
            if budget.entries <= 0:
                layer.gap = "there are too many files to inspect"
                break
            if budget.cancelled():
                layer.gap = "it was cancelled"
                break
            budget.entries -= 1
            _take(layer, entry, body)
    except Damaged as error:
        layer.gap = str(error)
    return layer


def _take(
    layer: Layer,
    entry: ArchiveEntry,
    body: Body,
) -> None:
    layer.count += 1
    layer.size += entry.size
    directory, _, name = entry.path.rpartition("/")
    if name == _OPAQUE:
        layer.emptied.add(hash(directory or "/"))
        return
    if name.startswith(_WHITEOUT):
        layer.removed.add(hash(f"{directory}/{name.removeprefix(_WHITEOUT)}"))
        return
    (layer.directories if entry.kind == "folder" else layer.files).add(hash(entry.path))
    _look_at_entry(layer, entry)
    if entry.kind == "file":
        _look_inside(layer, entry, body)


def _look_at_entry(layer: Layer, entry: ArchiveEntry) -> None:
    program = notable_program(entry)
    if program:
        category, what, kind = program
        _add(
            layer,
            category,
            ImageFile(entry.path, what, kind=kind),
        )
    rights = privilege(entry)
    if rights:
        _add(layer, "privileged", ImageFile(entry.path, rights))
    open_kind = open_to_all(entry)
    if open_kind:
        _add(
            layer,
            "writable",
            ImageFile(entry.path, open_kind),
        )


def _add(
    layer: Layer,
    category: str,
    file: ImageFile,
) -> None:
    if len(layer.notable) < MOST_FOUND:
        layer.notable.append((category, file))
    else:
        layer.gap = layer.gap or f"it has more than {MOST_FOUND} notable files"


def _look_inside(
    layer: Layer,
    entry: ArchiveEntry,
    body: Body,
) -> None:
    path = entry.path
    if path in _LAYER_OS_RELEASE or matters(path):
        if entry.size > _LONGEST_TEXT:
            layer.gap = layer.gap or f"{path} is too long to be inspected"
        else:
            layer.texts[path] = body.read(entry.size).decode("utf-8", "replace")
    elif path == _DPKG:
        layer.databases[path] = read_dpkg(body)
    elif path in _APK:
        layer.databases[path] = read_apk(body)
    elif path.startswith(_DPKG_PARTS) and not path.endswith(".md5sums"):
        layer.databases[path] = read_dpkg_part(body)
    elif path in _RPM:
        layer.databases[path] = _rpm(body, entry.size)
    elif path in _RPM_JOURNALS and entry.size:
        layer.databases[path] = Database(readable=False)  # packages not yet in the database
    elif may_hold_credentials(entry):
        what = credential(path, body.read(_FIRST_BYTES))
        if what:
            _add(layer, "credential", ImageFile(path, what))
    elif languages.may_be_package(entry) and len(layer.languages) < MOST_PACKAGES:
        told = languages.packages_of(path, body)
        layer.languages.update({path: told} if told else {})


def _rpm(body: Body, size: int) -> Database:
    """An rpm database, read as a whole; an unreadable one is reported."""
    if size > LARGEST_RPM:
        return Database(readable=False)
    try:
        return read_rpm(body.read(size))
    except NotReadable:
        return Database(readable=False)


_MOST_PARTS = 4096
_MOST_LAYERS = 512
_LONGEST_MANIFEST = 8 << 20
V = TypeVar("V")
_OS_RELEASE = ("/etc/os-release", "/usr/lib/os-release")


def read_inventory(
    source: ByteSource,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImageInventory:
    """Read an image archive to its end.

    Args:
        source: the archive as a stream; read once, from front to back.
        cancelled: called between files; if true, the rest is left out and `gaps` says so.

    Returns:
        The inventory. Faults of the archive are listed in `gaps`; nothing is raised for them.
    """
    budget = Budget(cancelled=cancelled)
    layers: dict[str, Layer] = {}
    manifest: bytes | None = None
    gaps: list[str] = []
    try:
        for part, (entry, body) in enumerate(entries(source)):
            if part >= _MOST_PARTS or len(layers) >= _MOST_LAYERS:
                gaps.append("the archive has more parts than is plausible")
                break
            if entry.kind == "file" and entry.path == "/manifest.json":
                if entry.size > _LONGEST_MANIFEST:
                    gaps.append("the list of layers is longer than is plausible")
                manifest = body.read(_LONGEST_MANIFEST)
            elif entry.kind == "file" and (
                entry.path.endswith(".tar") or entry.path.startswith("/blobs/")
            ):
                layers[entry.path.lstrip("/")] = read_layer(body, budget)
    except Damaged as error:
        gaps.append(f"the archive: {error}")
    order = _order(manifest, layers, gaps)
    for number, name in enumerate(order, 1):
        if layers[name].gap:
            gaps.append(f"layer {number}: {layers[name].gap}")
    return _combined([(name, layers[name]) for name in order], gaps)


def _order(
    manifest: bytes | None,
    layers: Mapping[str, Layer],
    gaps: list[str],
) -> list[str]:
    """Names of the layers, lowest first; without a readable list, in the order of the archive."""
    try:
        names = json.loads(manifest or b"")[0]["Layers"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        gaps.append("the archive does not give the order of its layers")
        return list(layers)
    known = [name for name in _texts(names) if name in layers]
    if not isinstance(names, list) or len(known) != len(names):
        gaps.append("a layer of the image is not in the archive")
    return known[:_MOST_LAYERS]


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _combined(
    layers: list[tuple[str, Layer]],
    gaps: list[str],
) -> ImageInventory:
    by_category: dict[str, list[ImageFile]] = {}
    for at, (_, layer) in enumerate(layers):
        above = [higher for _, higher in layers[at + 1 :]]
        for category, file in layer.notable:
            deleted = any(higher.hides(file.path) for higher in above)
            if deleted and category != "credential":
                # deleted files cannot be started; only their contents can still be extracted
                continue
            by_category.setdefault(category, []).append(
                replace(file, layer=at + 1, deleted=deleted)
            )
    texts = _in_image(layers, lambda layer: layer.texts)
    databases = _in_image(layers, lambda layer: layer.databases)
    languages = _in_image(layers, lambda layer: layer.languages)
    packages, uncounted = _counts(databases)

    def files(category: str) -> tuple[ImageFile, ...]:
        return tuple(by_category.get(category, ())[:MOST_FOUND])

    return ImageInventory(
        release=_release(texts),
        packages=packages,
        uncounted=uncounted,
        installed=(
            *(package for database in databases.values() for package in database.packages),
            *(package for told in languages.values() for package in told),
        ),
        tools=files("tool"),
        shells=files("shell"),
        remote_logins=files("login"),
        privileged_files=files("privileged"),
        world_writable=files("writable"),
        credentials=files("credential"),
        weak_accounts=weak(texts),
        layers=tuple(
            LayerSize(
                ascii(name.removesuffix(".tar"))[1:81],
                layer.size,
                layer.count,
            )
            for name, layer in layers
        ),
        gaps=tuple(gaps),
    )


def _in_image(
    layers: list[tuple[str, Layer]],
    of: Callable[[Layer], dict[str, V]],
) -> dict[str, V]:
    """Path -> what the layers tell of it, as the finished image shows it."""
    seen: dict[str, V] = {}
    for _, layer in layers:
        seen = {path: told for path, told in seen.items() if not layer.hides(path)} | of(layer)
    return seen


def _counts(databases: Mapping[str, Database]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Kind of database -> number of packages, and the kinds that cannot be counted."""
    packages: dict[str, int] = {}
    unread: list[str] = []
    for path, database in databases.items():
        kind = next((kind for kind in ("dpkg", "apk", "rpm") if kind in path), "")
        if not database.readable:
            unread.append(kind)
        elif kind:
            packages[kind] = packages.get(kind, 0) + database.count
    return packages, tuple(dict.fromkeys(unread))


def _release(texts: Mapping[str, str]) -> dict[str, str]:
    """Fields of os-release; /etc comes before /usr/lib."""
    text = next((texts[path] for path in _OS_RELEASE if path in texts), "")
    fields: dict[str, str] = {}
    for line in text.splitlines()[:200]:
        name, equals, value = line.strip().partition("=")
        if equals and name.isidentifier():
            fields[name] = value.strip().strip("\"'")
    return fields
