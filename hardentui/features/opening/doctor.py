"""What works on this host, what is missing, and how to fix it. Works without any Podman."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum

from msgspec import Struct, field

from hardentui.account import container_around, find_program, skipped_in_path
from hardentui.do import Flag, Sentence
from hardentui.engine.connection import listens_on
from hardentui.engine.locate import Environment, candidates, user_name
from hardentui.engine.probe import NoAnswer, is_local, probe
from hardentui.host.accounts import read_sub_ids, read_users
from hardentui.host.commands import Run, run_program
from hardentui.host.files import Files, LocalFiles, reason
from hardentui.host.leaving import said_to_host
from hardentui.host.place import WAY_OUT, Place, find_place, view_of_host
from hardentui.host.podman.generator import find_generator
from hardentui.host.release import release_of
from hardentui.model.known import Unread, known
from hardentui.model.podman_version import OLDEST_WITH_QUADLET, Version
from hardentui.options import TABLE
from hardentui.reading.host_words import (
    CGROUP_V2,
    Updater,
    families,
    to_add_kernel_argument,
    to_confine,
    to_install,
    to_install_hardentui,
    updater_of,
)
from hardentui.reading.hosts import WHOLE, free_start
from hardentui.visible import visible

_SECONDS = 5.0
_AUTO_IDS = 256 * WHOLE
"""For root's `--userns=auto`: so many containers at once, each with 16 bits of ids."""
_ACCOUNT_WANTED = "; some newer Podmans also want an account of that name: useradd -r containers"
_WITHOUT_QUADLET = (
    "write scripts",
    Flag("fix NAME --to run"),
    ", or change the unit that runs the container",
    Flag("fix NAME --to unit"),
)
_CONTROLLERS = ("cpu", "memory", "pids")
_TOOLS = (
    ("skopeo", "checks registries for newer images, signs images"),
    ("cosign", "verifies image signatures"),
    ("trivy", "finds known vulnerabilities in images"),
    ("grype", "finds known vulnerabilities in images"),
)
_PACKAGED = ("skopeo", "cosign")
_BY_OPENSUSE = "trivy"
_SMALLEST = (80, 24)


class Mark(StrEnum):
    """The rating of a line."""

    GOOD = "ok"
    MISSING = "missing"
    POOR = "weak"
    NOTE = "note"


class Diagnosis(Struct, frozen=True):
    """One checked item."""

    mark: Mark
    what: str  # a short label; value: the result
    value: str
    fix: Sentence = ""  # a command or sentence that helps; empty if nothing needs to be done
    engine: bool = False  # it is about a reachable engine


class Machine(Struct, frozen=True):
    """The data that the doctor checks."""

    # where HardenTUI runs; `files` and `run` are those of the host that is read from there
    place: Place = Place()
    files: Files = field(default_factory=LocalFiles)
    run: Run = run_program
    beside: Files = field(default_factory=LocalFiles)  # where programs are looked up
    which: Callable[[str], str | None] = find_program  # name of a program -> its path, or None
    generator: Callable[[], str | None] = find_generator
    environment: Environment = field(default_factory=Environment.here)
    size: tuple[int, int] = (0, 0)  # columns and rows of the terminal; (0, 0) when there is none
    # elements of $PATH where no program is looked up, with the reason
    skipped: tuple[tuple[str, str], ...] = field(default_factory=skipped_in_path)

    @classmethod
    def here(
        cls,
        size: tuple[int, int],
        url: str = "",
        connection: str = "",
    ) -> Machine:
        """This machine, or the host around the container that we run in.

        Raises:
            InputError: there is no connection of that name.
        """
        engines: list[int] = []
        if container_around():  # else nothing but this machine can be meant
            for candidate in candidates(Environment.here(), url, connection):
                scheme, _, path = candidate.url.partition("://")
                if scheme == "unix" and is_local(pid := listens_on(path)):
                    engines.append(
                        pid
                    )  # an engine that is too busy to answer shows the way as well
        place, files, run = view_of_host(find_place(engines))
        return cls(place, files, run, size=size)

    @property
    def environ(self) -> Mapping[str, str]:
        return self.environment.environ

    @property
    def uid(self) -> int:
        return self.environment.uid

    def text(self, path: str) -> str | None:
        """The text of a file, stripped; None if it is missing or unreadable."""
        try:
            return self.files.read_text(path).strip()
        except OSError:
            return None

    def there(self, path: str) -> bool | None:
        """Whether a path exists; None if that cannot be determined."""
        try:
            return self.files.exists(path)
        except OSError:
            return None


def examine(
    machine: Machine,
    url: str = "",
    connection: str = "",
) -> tuple[Diagnosis, ...]:
    """All items, the most important first.

    Raises:
        InputError: there is no connection of that name.
    """
    return tuple(
        line
        for lines in (
            _place(machine),
            _updater(machine),
            _podman(machine),
            _engines(machine, url, connection),
            _user(machine),
            _search_path(machine),
            _cgroups(machine),
            _sub_ids(machine),
            _linger(machine),
            _quadlet(machine),
            _systemd(machine),
            _security_modules(machine),
            _tools(machine),
            _terminal(machine),
        )
        for line in lines
    )


def _release(machine: Machine) -> Mapping[str, str]:
    """Of the system whose programs are looked up: the container's, if we run in one."""
    return release_of(machine.beside if machine.place.container else machine.files)


def _install(machine: Machine, package: str) -> str:
    return to_install(_release(machine), package)


def _place(machine: Machine) -> Iterator[Diagnosis]:
    place = machine.place
    if place.blind:
        value = (
            f"{place.container} that cannot see the host: all that follows is about the container"
        )
        yield Diagnosis(
            Mark.POOR,
            "runs in",
            value,
            WAY_OUT,
        )
    elif place.container:
        value = (
            f"{place.container}: the host is read from there, not changed; programs are the "
            "container's"
        )
        yield Diagnosis(
            Mark.NOTE,
            "runs in",
            value,
            said_to_host(("harden", "NAME"), place),
        )


def _updater(machine: Machine) -> Iterator[Diagnosis]:
    """A host whose /usr is read-only: what can be written there, and how HardenTUI comes to it."""
    release = release_of(machine.files)
    updater = updater_of(release)
    if updater is Updater.PACKAGES:
        return
    value = (
        f"{updater.value}: /usr is read-only and changes with a reboot; /etc, /var and homes can "
        "be written"
    )
    yield Diagnosis(
        Mark.NOTE,
        "host",
        value,
        f"to install HardenTUI: {to_install_hardentui(release)}",
    )


def _podman(machine: Machine) -> Iterator[Diagnosis]:
    if machine.which("podman") is None:
        yield Diagnosis(
            Mark.MISSING, "Podman", "the program is not installed", _install(machine, "podman")
        )
        return
    output = machine.run(["podman", "--version"], _SECONDS)
    if isinstance(output, Unread):
        yield Diagnosis(
            Mark.POOR,
            "Podman",
            output.reason,
            "podman --version",
        )
        return
    try:
        version = Version.parse(output.strip().removeprefix("podman version "))
    except ValueError:
        yield Diagnosis(
            Mark.POOR,
            "Podman",
            f"answers {output.strip()!r}",
            "podman --version",
        )
        return
    if version < OLDEST_WITH_QUADLET:
        yield Diagnosis(
            Mark.POOR,
            "Podman",
            f"{version}, which has no Quadlet",
            _WITHOUT_QUADLET,
        )
    else:
        yield Diagnosis(Mark.GOOD, "Podman", str(version))


def _engines(
    machine: Machine,
    url: str,
    connection: str,
) -> Iterator[Diagnosis]:
    for place in candidates(machine.environment, url, connection):
        engine = probe(place)
        what = f"engine, {place.origin}"
        if isinstance(engine, NoAnswer):
            yield Diagnosis(
                Mark.MISSING,
                what,
                engine.reason,
                engine.hint,
            )
            continue
        try:
            facts = engine.facts
            kind = facts.only_read or f"Podman {facts.version}"
            yield Diagnosis(
                Mark.GOOD,
                what,
                f"{facts.label}, {kind}, {facts.url}",
                engine=True,
            )
        finally:
            engine.close()
    if not url and not connection and machine.which("podman"):
        value = "can be started while HardenTUI runs if no socket answers"
        yield Diagnosis(
            Mark.NOTE,
            "private engine",
            value,
            engine=True,
        )


def _user(machine: Machine) -> Iterator[Diagnosis]:
    if machine.uid == 0:
        yield Diagnosis(
            Mark.GOOD,
            "user",
            "root: the kernel's data on every container can be read",
        )
    else:
        value = (
            f"{user_name(machine.uid)}: containers of root and of other users cannot be inspected"
        )
        yield Diagnosis(
            Mark.NOTE,
            "user",
            value,
            "sudo hardentui, to check rootful containers",
        )


def _search_path(machine: Machine) -> Iterator[Diagnosis]:
    for element, why in machine.skipped:
        value = f"{visible(element, 100)!r} is skipped: {why}"
        yield Diagnosis(
            Mark.POOR, "PATH", value, "remove it from $PATH, or let only its owner write it"
        )


def _cgroups(machine: Machine) -> Iterator[Diagnosis]:
    controllers = machine.text("/sys/fs/cgroup/cgroup.controllers")
    if controllers is None:
        value = "version 1: rootless containers have no limits"
        yield Diagnosis(
            Mark.POOR,
            "cgroups",
            value,
            to_add_kernel_argument(release_of(machine.files), CGROUP_V2),
        )
        return
    if machine.uid != 0:
        own = f"/sys/fs/cgroup/user.slice/user-{machine.uid}.slice/user@{machine.uid}.service"
        delegated = machine.text(f"{own}/cgroup.controllers")
        if delegated is None:
            fix = f"sudo loginctl enable-linger {user_name(machine.uid)}"
            yield Diagnosis(
                Mark.POOR, "cgroups", "version 2, no controllers delegated to this user", fix
            )
            return
        controllers = delegated
    missing = [name for name in _CONTROLLERS if name not in controllers.split()]
    if missing:
        fix = "systemctl edit user@.service, with Delegate=cpu cpuset io memory pids in [Service]"
        yield Diagnosis(
            Mark.POOR,
            "cgroups",
            f"version 2 without {', '.join(missing)}",
            fix,
        )
    else:
        yield Diagnosis(
            Mark.GOOD,
            "cgroups",
            f"version 2 with {', '.join(controllers.split())}",
        )


def _has_account(machine: Machine, name: str) -> bool:
    accounts = known(read_users, machine.files, else_=None)
    return accounts is None or any(account.name == name for account in accounts)


def _sub_ids(machine: Machine) -> Iterator[Diagnosis]:
    if machine.uid == 0:
        owner, use, names = "containers", "--userns=auto", {"containers"}
    else:
        owner, use = user_name(machine.uid), "rootless containers"
        names = {owner, str(machine.uid)}
    for path in ("/etc/subuid", "/etc/subgid"):
        what = path.rpartition("/")[2]
        try:
            text = machine.files.read_text(path)
        except OSError as error:
            text, why = "", reason(error)
        else:
            why = f"no range for {owner}"
        ranges = known(
            read_sub_ids,
            machine.files,
            path,
            else_=(),
        )
        owners = {line.partition(":")[0] for line in text.splitlines()}
        if owners & names:
            account = "" if machine.uid or _has_account(machine, owner) else _ACCOUNT_WANTED
            yield Diagnosis(
                Mark.GOOD,
                what,
                f"{owner} has a range, for {use}{account}",
            )
            continue
        size = _AUTO_IDS if machine.uid == 0 else WHOLE
        uids = [account.uid for account in known(read_users, machine.files, else_=())]
        start = free_start(ranges, uids, size)
        if start is None:
            fix = f"check {path}: it has no {size} IDs left"
        elif machine.uid == 0:
            fix = f"echo containers:{start}:{size} >> {path}"
        else:
            fix = f"sudo usermod --add-{what}s {start}-{start + size - 1} {owner}"
        yield Diagnosis(
            Mark.POOR,
            what,
            f"{why}: {use} cannot work",
            fix,
        )


def _linger(machine: Machine) -> Iterator[Diagnosis]:
    if machine.uid == 0:
        return
    name = user_name(machine.uid)
    if machine.there(f"/var/lib/systemd/linger/{name}"):
        yield Diagnosis(
            Mark.GOOD,
            "linger",
            f"services of {name} run without a login",
        )
    else:
        value = f"services of {name} stop when {name} logs out"
        yield Diagnosis(
            Mark.POOR,
            "linger",
            value,
            f"sudo loginctl enable-linger {name}",
        )


def _quadlet(machine: Machine) -> Iterator[Diagnosis]:
    generator = machine.generator()
    if generator is None:
        value = "no generator: written units cannot be checked here"
        yield Diagnosis(
            Mark.MISSING,
            "Quadlet",
            value,
            _WITHOUT_QUADLET,
        )
        return
    output = machine.run([generator, "-version"], _SECONDS)
    try:
        version = Version.parse("" if isinstance(output, Unread) else output)
    except ValueError:
        yield Diagnosis(
            Mark.POOR,
            "Quadlet",
            f"{generator} does not report its version",
        )
        return
    keys = [option.quadlet for option in TABLE if option.quadlet is not None]
    known = sum(key.since <= version for key in keys)
    value = f"{version}, knows {known} of {len(keys)} keys; PodmanArgs= covers the rest"
    yield Diagnosis(Mark.GOOD, "Quadlet", value)


def _systemd(machine: Machine) -> Iterator[Diagnosis]:
    if machine.there("/run/systemd/system"):
        yield Diagnosis(Mark.GOOD, "systemd", "runs")
    else:
        value = "not running here: units can be written and checked, but not started"
        yield Diagnosis(
            Mark.NOTE,
            "systemd",
            value,
            ("a run script can be written instead", Flag("fix NAME --to run")),
        )


def _security_modules(machine: Machine) -> Iterator[Diagnosis]:
    enforce = machine.text("/sys/fs/selinux/enforce")
    if enforce is not None:
        if enforce == "1":
            yield Diagnosis(Mark.GOOD, "SELinux", "enforcing")
        else:
            yield Diagnosis(
                Mark.POOR, "SELinux", "permissive: denials are only logged", "sudo setenforce 1"
            )
    apparmor = machine.text("/sys/module/apparmor/parameters/enabled")
    if apparmor == "Y":
        yield Diagnosis(Mark.GOOD, "AppArmor", "enabled")
    elif enforce is None:
        value = "neither SELinux nor AppArmor confines containers"
        yield Diagnosis(
            Mark.POOR,
            "security module",
            value,
            to_confine(release_of(machine.files)),
        )


def _tools(machine: Machine) -> Iterator[Diagnosis]:
    for name, use in _TOOLS:
        path = machine.which(name)
        if path:
            yield Diagnosis(Mark.GOOD, name, f"{path}: {use}")
        else:
            suse = "opensuse" in families(_release(machine))
            packaged = name in _PACKAGED or (suse and name == _BY_OPENSUSE)
            fix = (
                _install(machine, name)
                if packaged
                else f"not packaged by distributions; see {name}'s website"
            )
            yield Diagnosis(
                Mark.NOTE,
                name,
                f"not installed: {use}",
                fix,
            )


def _terminal(machine: Machine) -> Iterator[Diagnosis]:
    columns, rows = machine.size
    term = machine.environ.get("TERM", "")
    if not columns:
        yield Diagnosis(
            Mark.NOTE,
            "terminal",
            "output is not a terminal: plain text is written",
        )
        return
    if term in ("", "dumb"):
        value = "cannot move the cursor, so there is no terminal UI"
        yield Diagnosis(
            Mark.POOR,
            "terminal",
            value,
            "export TERM=xterm-256color",
        )
        return
    size = f"{columns}x{rows}"
    if columns < _SMALLEST[0] or rows < _SMALLEST[1]:
        yield Diagnosis(
            Mark.POOR,
            "terminal",
            f"{size}, small",
            "enlarge it to 80x24 or more",
        )
    else:
        yield Diagnosis(Mark.GOOD, "terminal", size)
    if machine.environ.get("NO_COLOR"):
        yield Diagnosis(
            Mark.NOTE,
            "colours",
            "off, because NO_COLOR is set",
        )
    else:
        many = machine.environ.get("COLORTERM") in ("truecolor", "24bit")
        yield Diagnosis(
            Mark.GOOD,
            "colours",
            "16 million" if many else f"those of {term}",
        )
    locale = next(
        filter(None, map(machine.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))),
        "",
    )
    if "utf" in locale.lower():
        yield Diagnosis(Mark.GOOD, "characters", locale)
    else:
        yield Diagnosis(
            Mark.POOR, "characters", f"{locale or 'no locale'}: no UTF-8", "export LC_ALL=C.UTF-8"
        )
