"""Credentials handed to the container."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.reading.behaviour import owner_of_process, readable_secret, uids
from hardentui.reading.secret_words import secrets_in_words
from hardentui.reading.secrets import engine_secret, secrets_in_pairs
from hardentui.visible import MASK as MASKED

_OTHERS_READ = 0o004


def _fix_loose_secret(spec: Spec, context: FixContext) -> Spec:
    variables = [_name(secret) for secret in spec[SECRETS] if _options(secret).get("type") == "env"]
    if variables:
        raise CannotFix(
            f"the program must read {listed(variables)} from a file instead",
            "Use --secret NAME,type=mount,mode=0400 and, for most images, "
            "VARIABLE_FILE=/run/secrets/NAME.",
        )
    files = [visible(path, 60) for path, _ in _open_files(context.facts)]
    if files and not any(_trouble(secret) for secret in spec[SECRETS]):
        raise CannotFix(
            f"everybody on the host can read {listed(files)}",
            "Give it to the user that reads it, with mode 0400; rootless, `podman unshare chown` "
            "does that.",
        )
    owner = _reader(spec, context.facts)
    return spec.with_(
        SECRETS,
        tuple(_closed(secret, owner) if _trouble(secret) else secret for secret in spec[SECRETS]),
    )


def _advise_loose_secret(
    before: Spec,
    after: Spec,
    context: FixContext,
) -> Advice:
    owner, why = owner_of_process(context.facts, before)
    others = [(uid, name) for uid, name in uids(context.facts) or () if uid and str(uid) != owner]
    closed = [secret for secret in after[SECRETS] if secret not in before[SECRETS]]
    given = [secret for secret in closed if "uid=" in secret]
    who = f"UID {owner} ({why})" if given and owner else "root"
    notes = [
        f"after this, only {who} can read {listed([visible(_name(secret), 60) for secret in closed])}"
    ]
    if others and owner in ("", "0"):
        uid, name = others[0]
        notes.append(
            f"{visible(name, 30)} runs as UID {uid}: if it reads the secret, set uid={uid} on it"
        )
    if not owner:
        notes.append("the container is not running, so it is not known which user reads the secret")
    sure = bool(owner) and context.facts.running and not others
    return Advice(Risk.CHANGES_BEHAVIOUR if sure else Risk.MAY_BREAK, tuple(notes))


@Check(
    gives=Gain.SECRETS.after(2),  # a second user inside can read it
    summary="Mount secrets so that only the process's user can read them",
    remediate=_fix_loose_secret,
    advise=_advise_loose_secret,
    parameters={"refused_drivers": ()},
    passes=lambda: (
        "",
        container(
            "--secret=db,type=mount,uid=1001,mode=0400",
            secret_drivers={"db": "file"},
        ),
        container(secret_files={"/srv/db.txt": FileFact("/srv/db.txt", mode=0o400)}),
    ),
    fails=lambda: (
        "--secret=db,type=mount --user=1001:1001",
        "--secret=db,type=mount,target=/x,mode=0644 --secret=ok,type=mount,mode=0440",
        "--secret=db,type=env,target=DB",
        container(secret_files={"/srv/db.txt": FileFact("/srv/db.txt", mode=0o644)}),
    ),
    references=("NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
)
def loose_secret(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """Secret readable more widely than needed.

    What it checks:
    The container's engine secrets: whether one is passed as an environment variable, or mounted as
    a file that other users inside can read (0444, the default). A host file that is bind-mounted
    below /run/secrets, as Compose does with `secrets: … file:`, counts too if everybody can read
    it. The check shows the driver that stores each secret, and fails if the site refuses that
    driver (parameter `refused_drivers`, for example `file`, which does not encrypt).

    Why it matters:
    A secret in an environment variable is inherited by every child process and printed by every
    debug page. A file that everybody inside can read is lost with the weakest process: an intruder
    who runs as `nobody` after a vulnerability in a template engine reads the database password that
    only the worker should know.

    What may break:
    Only the owner can read a file with mode 0400, so the owner must be the user of the process: the
    fix sets the UID that the main process has now, or that its user setting gives as a number. A
    program that only knows the variable must read the file instead (most images accept NAME_FILE).
    """
    secrets = facts.spec[SECRETS]
    hidden = _variables_from_secrets(facts) if SECRETS in facts.spec.unknowable else ()
    bad = [(_name(secret), _trouble(secret)) for secret in secrets if _trouble(secret)]
    bad += [(name, "passed as a variable") for name in hidden]
    refused = [
        (name, driver)
        for name, driver in _drivers(facts)
        if driver in parameters.texts("refused_drivers")
    ]
    bad += [(path, f"mode {file.octal} on the host") for path, file in _open_files(facts)]
    given = [
        *(_name(secret) for secret in secrets),
        *(visible(path, 60) for path in facts.secret_files),
    ]
    declared = listed(given) or "no secrets"
    if bad:
        evidence = tuple(Evidence(f"secret {visible(name, 60)}", trouble) for name, trouble in bad)
        names = listed([visible(name, 60) for name, _ in bad])
        return failed(
            f"every process inside can read {names}",
            declared,
            evidence=evidence,
        )
    if refused:
        evidence = tuple(
            Evidence(f"secret {visible(name, 60)}", f"driver {driver}") for name, driver in refused
        )
        return failed(
            f"the driver {refused[0][1]} is not allowed here", declared, evidence=evidence
        )
    if SECRETS in facts.spec.unknowable:
        why = (
            "this Podman does not show"
            if facts.running
            else "before its first start, Podman does not show"
        )
        return unknown(f"{why} which secrets it has")
    unread = [file.reason for file in facts.secret_files.values() if isinstance(file, Unread)]
    if unread:
        return unknown(unread[0], declared)
    return passed(
        declared,
        evidence=tuple(
            Evidence(
                f"secret {visible(name, 60)}",
                f"stored by the driver {driver}",
            )
            for name, driver in _drivers(facts)
        ),
    )


def _open_files(facts: ContainerFacts) -> tuple[tuple[str, FileFact], ...]:
    """Files of the host that are mounted as secrets, and that everybody can read."""
    seen = [(path, file) for path, file in facts.secret_files.items() if isinstance(file, FileFact)]
    return tuple(
        (path, file) for path, file in seen if file.kind == "file" and file.mode & _OTHERS_READ
    )


def _drivers(facts: ContainerFacts) -> tuple[tuple[str, str], ...]:
    """(secret, driver) of the container's secrets, as far as known."""
    names = dict.fromkeys(_name(secret) for secret in facts.spec[SECRETS])
    drivers: Mapping[str, str] = known(lambda: facts.secret_drivers, else_={}) if names else {}
    return tuple((name, visible(drivers[name], 40)) for name in names if name in drivers)


def _variables_from_secrets(facts: ContainerFacts) -> tuple[str, ...]:
    pairs = [str(pair).partition("=") for pair in section(facts.inspect, "Config").get("Env") or ()]
    return tuple(name for name, _, value in pairs if engine_secret(value))


def _name(secret: str) -> str:
    return secret.partition(",")[0]


def _options(secret: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in secret.split(",")[1:])


def _trouble(secret: str) -> str:
    """Why `NAME,type=…,mode=…` is too open; empty if it is not."""
    options = _options(secret)
    if options.get("type") == "env":
        return "passed as a variable"
    mode = options.get("mode") or "0444"
    others = not mode.isdecimal() or bool(int(mode, 8) & 0o007) if _is_octal(mode) else True
    return f"mode {mode}" if others else ""


def _is_octal(mode: str) -> bool:
    return mode.isdecimal() and not set(mode) & {"8", "9"}


def _reader(spec: Spec, facts: ContainerFacts) -> str:
    """The UID that reads the secrets, empty for root. A process that starts as root and drops it
    reads them as the other user, and root can read them anyway.

    Raises:
        CannotFix: the reader is not known.
    """
    owner, _ = owner_of_process(facts, spec)
    if owner:
        return "" if owner == "0" else owner
    user = (spec[USER] or declared_user(facts)).partition(":")[0]
    if is_root(user):
        return ""
    raise CannotFix(
        f"the UID of user {visible(user, 60)} is not known, and it must own the secret",
        "Set the container's user as a number, or the secret's uid=.",
    )


def _closed(secret: str, owner: str) -> str:
    """The secret as a file that only the process's user can read."""
    parts = [part for part in secret.split(",") if not part.startswith("mode=")]
    if owner and not any(part.startswith("uid=") for part in parts):
        parts.append(f"uid={owner}")
    return ",".join([*parts, "mode=0400"])


_SHARE = VolumeFacts(
    "share", {"Options": {"type": "cifs", "o": "username=shop,password=correct-horse"}}
)

_BY_FILE = VolumeFacts(
    "share",
    {"Options": {"type": "cifs", "o": "credentials=/etc/shop.cred"}},
)


@Check(
    gives=Gain.SECRETS.after(1),  # shown by inspect and in backups of units
    points=1,
    summary="Pass credentials as files or engine secrets",
    passes=lambda: (
        "--label=app=shop --label=io.containers.autoupdate=registry",
        container(volumes={"share": _BY_FILE}),
    ),
    fails=lambda: (
        "--log-opt=tag=splunk-token=correct-horse-battery",
        container(pod={"Labels": {"db.password": "correct-horse"}}),
        "--label=db.password=correct-horse",
        "--annotation=proxy=http://shop:correct-horse@proxy:3128",
        "--log-opt=splunk-token=correct-horse-battery",
        container(volumes={"share": _SHARE}),
    ),
    references=("NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
)
def secret_in_metadata(facts: ContainerFacts) -> Verdict:
    """Credential in a label, annotation or option.

    What it checks:
    The labels and annotations that the container was given, the labels of its pod, the options of
    the volumes that it mounts (`-o` of `podman volume create`, such as the password of a network
    share), and the options of its log driver: names of credentials with a value, and values that
    look like credentials. Labels of the image are covered by credentials-in-image-config.

    Why it matters:
    Nobody treats labels as secret, so everything shows them: `podman ps`, `podman inspect`,
    dashboards, monitoring, bug reports. Volume options are kept in the engine's storage and in unit
    files, and the password of a share opens all of it, not just what one container sees.

    What may break:
    Whatever reads the label has to get the value from somewhere else: a file, or an engine secret.
    Network shares accept a file with the login (`credentials=FILE`, readable only for root). Change
    the credential, too, since the old one is known.
    """
    credentials = [
        Evidence(where, f"{visible(name, 60)}={MASKED}: {kind}")
        for where, pairs in _places(facts)
        for name, kind in secrets_in_pairs(pairs)
    ]
    if not credentials:
        return passed("no label, annotation or option looks like a credential")
    places = listed(sorted({item.where for item in credentials}))
    reason = f"anyone who can list containers or volumes can read a credential in {places}"
    return failed(
        reason,
        plural(len(credentials), "credential"),
        evidence=tuple(credentials),
        commands=("podman secret create NAME -", "--secret NAME,type=mount,mode=0400"),
    )


def _places(facts: ContainerFacts) -> Iterator[tuple[str, tuple[str, ...]]]:
    spec = facts.spec
    yield "labels", spec[LABELS]
    yield "annotations", spec[ANNOTATIONS]
    yield (
        "labels of its pod",
        tuple(f"{name}={value}" for name, value in ((facts.pod or {}).get("Labels") or {}).items()),
    )
    yield (
        "log options",
        (
            *spec[LOG_OPT],
            *_split(option.partition("=")[2] for option in spec[LOG_OPT]),
        ),
    )
    for mount in spec[MOUNTS]:
        if mount.type == "volume" and mount.options:
            yield f"volume {visible(mount.source, 40)}", tuple(_split(mount.options))
    for name, volume in facts.volumes.items():
        yield f"volume {visible(name, 40)}", tuple(_metadata(volume.inspect))


def _metadata(inspect: Mapping[str, Any]) -> Iterator[str]:
    """Volume options as pairs, including mount options: `o=addr=nas,password=…`."""
    for part in ("Options", "Labels"):
        for name, value in (inspect.get(part) or {}).items():
            yield f"{name}={value}"
            yield from _split(str(value).split(","))


def _split(words: Any) -> Iterator[str]:
    for word in words:
        yield from (pair for pair in str(word).split(",") if "=" in pair)


_SESSION = {
    "ProcessConfig": {
        "entrypoint": "sh",
        "arguments": ["-c", "PGPASSWORD=correct-horse psql -h db"],
    },
    "Running": True,
}


@Check(
    gives=Gain.SECRETS.at_once,  # every account of the host can read it in the list of processes
    points=1,
    summary="Pass credentials as files or engine secrets",
    passes=lambda: (
        "IMAGE server --password-file /run/secrets/db --no-password",
        "--health-cmd='curl -f localhost'",
        "IMAGE sh -c 'echo \"$TOKEN\" | podman login -u ci --password-stdin registry'",
    ),
    fails=lambda: (
        "IMAGE redis-server --requirepass x --password correct-horse",
        "--health-cmd='mysqladmin ping -pcorrect-horse'",
        "IMAGE sh -c 'echo correct-horse | podman login --password-stdin registry'",
        container(
            exec_sessions=(_SESSION,),
            inspect={"ExecIDs": ["ab"]},
        ),
        '--entrypoint=\'["run", "--db=postgres://shop:correct-horse@db/shop"]\'',
        container(inspect={"Config": {"CreateCommand": ["podman", "run", "--creds=u:p", "img"]}}),
    ),
    references=("NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
)
def secret_on_command_line(facts: ContainerFacts) -> Verdict:
    """Credential on a command line.

    What it checks:
    The words of the container's command, entrypoint, health check and running exec sessions, and
    registry credentials in the command that created the container: options such as `--password`,
    values that look like credentials, and passwords that a script pipes into a program (`echo … |
    podman login --password-stdin`).

    Why it matters:
    Command lines are public. Every user on the host sees them in the process list, the container's
    own processes see them in /proc, `podman ps` and `podman inspect` print them, and they end up in
    shell history, unit files and logs. Nobody has to break in to read them.

    What may break:
    The program must get the value from somewhere else: a file (`--password-file`, a mounted
    secret), standard input or a configuration file. Look up what it supports. Change the
    credential, since the old one is known.
    """
    spec = facts.spec
    lines = {
        "command": (*(spec[ENTRYPOINT] or ()), *spec[COMMAND]),
        "health check": (spec[HEALTH_CMD],),
    }
    credentials = [
        (where, word) for where, words in lines.items() for word in secrets_in_words(words)
    ]
    credentials += [
        ("exec session", word) for words in _sessions(facts) for word in secrets_in_words(words)
    ]
    if _has_registry_login(facts):
        credentials.append(("create command", f"--creds {MASKED}"))
    if not credentials:
        sessions = known(lambda: facts.exec_sessions) if facts.inspect.get("ExecIDs") else ()
        return sure(passed("no word looks like a credential"), sessions)
    places = ", ".join(dict.fromkeys(where for where, _ in credentials))
    evidence = tuple(Evidence(where, word) for where, word in credentials)
    return failed(
        f"everyone on the host can read a credential in the {places}",
        plural(len(credentials), "credential"),
        evidence=evidence,
        commands=_given_commands(facts, [*lines["command"], *_health_words(spec)]),
    )


def _health_words(spec: Spec) -> list[str]:
    return [word for part in spec[HEALTH_CMD].split() for word in (part.strip("\"'"),)]


def _given_commands(
    facts: ContainerFacts,
    words: Iterable[str],
) -> tuple[str, ...]:
    """How the secret is made and mounted, and how the programs of these words read it from a file."""
    programs = {part.rpartition("/")[2] for word in words for part in word.split()}
    reads = tuple(dict.fromkeys(_FROM_FILE[name] for name in _FROM_FILE if name in programs))
    mounted = f"--secret NAME,type=mount,{readable_secret(facts)}"
    return ("podman secret create NAME -", mounted, *reads)


def _sessions(facts: ContainerFacts) -> list[tuple[str, ...]]:
    """The command lines of its running exec sessions."""
    sessions = known(lambda: facts.exec_sessions, else_=())
    commands = [section(session, "ProcessConfig") for session in sessions]
    return [
        (
            str(c.get("entrypoint") or ""),
            *map(str, c.get("arguments") or ()),
        )
        for c in commands
    ]


_REDIS = "{0} /run/secrets/NAME   # the secret is a configuration file: requirepass PASSWORD"
_MYSQL = (
    "{0} --defaults-extra-file=/run/secrets/NAME …   # the secret: [client] and password=PASSWORD"
)
_POSTGRES = "--env PGPASSFILE=/run/secrets/NAME   # the secret: HOST:PORT:DATABASE:USER:PASSWORD"
_FROM_FILE = {
    **{name: _REDIS.format(name) for name in ("redis-server", "valkey-server")},
    **{
        name: _MYSQL.format(name)
        for name in ("mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin")
    },
    **dict.fromkeys(("psql", "pg_dump", "pg_isready"), _POSTGRES),
    "curl": 'curl --config /run/secrets/NAME …   # the secret: user = "NAME:PASSWORD"',
}
"""Program -> how it reads its password from a mounted secret, from its own manual."""


def _has_registry_login(facts: ContainerFacts) -> bool:
    words = section(facts.inspect, "Config").get("CreateCommand") or ()
    return any(str(word) == "--creds" or str(word).startswith("--creds=") for word in words)
