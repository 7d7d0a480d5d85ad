"""A credential on a command line.

What it checks:
The words of the container's command, entrypoint, health check and running exec sessions, and registry
credentials in the command that created the container: options such as `--password`, values that look like
credentials, and passwords that a script pipes into a program (`echo … | podman login --password-stdin`).

Why it matters:
Command lines are public. Every user on the host sees them in the process list, the container's own processes
see them in /proc, `podman ps` and `podman inspect` print them, and they end up in shell history, unit files
and logs. Nobody has to break in to read them.

What may break:
The program must get the value from somewhere else: a file (`--password-file`, a mounted secret), standard
input or a configuration file. Look up what it supports. Change the credential, since the old one is known.
"""

from __future__ import annotations

from collections.abc import Iterable

from hardentui.checks.prelude import *
from hardentui.model.known import known
from hardentui.options import COMMAND, ENTRYPOINT, HEALTH_CMD
from hardentui.reading.behaviour import readable_secret
from hardentui.reading.containers import sure
from hardentui.reading.secrets import secrets_in_words
from hardentui.visible import MASK


def evaluate(facts: ContainerFacts) -> Verdict:
    spec = facts.spec
    lines = {
        "command": (*(spec[ENTRYPOINT] or ()), *spec[COMMAND]),
        "health check": (spec[HEALTH_CMD],),
    }
    credentials = [(where, word) for where, words in lines.items() for word in secrets_in_words(words)]
    credentials += [("exec session", word) for words in _sessions(facts) for word in secrets_in_words(words)]
    if _has_registry_login(facts):
        credentials.append(("create command", f"--creds {MASK}"))
    if not credentials:
        sessions = known(lambda: facts.exec_sessions) if facts.inspect.get("ExecIDs") else ()
        return sure(passed("no word looks like a credential"), sessions)
    places = ", ".join(dict.fromkeys(where for where, _ in credentials))
    evidence = tuple(Evidence(where, word) for where, word in credentials)
    return failed(
        f"everyone on the host can read a credential in the {places}",
        plural(len(credentials), "credential"),
        evidence=evidence,
        commands=_commands(facts, [*lines["command"], *_health_words(spec)]),
    )


def _health_words(spec: Spec) -> list[str]:
    return [word for part in spec[HEALTH_CMD].split() for word in (part.strip("\"'"),)]


def _commands(facts: ContainerFacts, words: Iterable[str]) -> tuple[str, ...]:
    """How the secret is made and mounted, and how the programs of these words read it from a file."""
    programs = {part.rpartition("/")[2] for word in words for part in word.split()}
    reads = tuple(dict.fromkeys(_FROM_FILE[name] for name in _FROM_FILE if name in programs))
    mounted = f"--secret NAME,type=mount,{readable_secret(facts)}"
    return ("podman secret create NAME -", mounted, *reads)


def _sessions(facts: ContainerFacts) -> list[tuple[str, ...]]:
    """The command lines of its running exec sessions."""
    sessions = known(lambda: facts.exec_sessions, else_=())
    commands = [section(session, "ProcessConfig") for session in sessions]
    return [(str(c.get("entrypoint") or ""), *map(str, c.get("arguments") or ())) for c in commands]


_REDIS = "{0} /run/secrets/NAME   # the secret is a configuration file: requirepass PASSWORD"
_MYSQL = "{0} --defaults-extra-file=/run/secrets/NAME …   # the secret: [client] and password=PASSWORD"
_POSTGRES = "--env PGPASSFILE=/run/secrets/NAME   # the secret: HOST:PORT:DATABASE:USER:PASSWORD"
_FROM_FILE = {
    **{name: _REDIS.format(name) for name in ("redis-server", "valkey-server")},
    **{
        name: _MYSQL.format(name) for name in ("mysql", "mysqladmin", "mysqldump", "mariadb", "mariadb-admin")
    },
    **dict.fromkeys(("psql", "pg_dump", "pg_isready"), _POSTGRES),
    "curl": 'curl --config /run/secrets/NAME …   # the secret: user = "NAME:PASSWORD"',
}
"""Program -> how it reads its password from a mounted secret, from its own manual."""


def _has_registry_login(facts: ContainerFacts) -> bool:
    words = section(facts.inspect, "Config").get("CreateCommand") or ()
    return any(str(word) == "--creds" or str(word).startswith("--creds=") for word in words)


_SESSION = {
    "ProcessConfig": {"entrypoint": "sh", "arguments": ["-c", "PGPASSWORD=correct-horse psql -h db"]},
    "Running": True,
}

CHECK = Check(
    title="Credential on a command line",
    severity=Severity.HIGH,  # every account of the host can read it in the list of processes
    points=1,
    summary="Pass credentials as files or engine secrets",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (
        container((COMMAND, ("server", "--password-file", "/run/secrets/db", "--no-password"))),
        container((HEALTH_CMD, "curl -fsS http://localhost/")),
        container((COMMAND, ("sh", "-c", 'echo "$TOKEN" | podman login -u ci --password-stdin registry'))),
    ),
    fails=lambda: (
        container((COMMAND, ("redis-server", "--requirepass", "x", "--password", "correct-horse"))),
        container((HEALTH_CMD, "mysqladmin ping -pcorrect-horse")),
        container((COMMAND, ("sh", "-c", "echo correct-horse | podman login --password-stdin registry"))),
        container(exec_sessions=(_SESSION,), inspect={"ExecIDs": ["ab"]}),
        container((ENTRYPOINT, ("run", "--db=postgres://shop:correct-horse@db/shop"))),
        container(inspect={"Config": {"CreateCommand": ["podman", "run", "--creds=u:p", "img"]}}),
    ),
    references=("NIST SP 800-190 4.1.4", "OWASP Docker rule 12"),
    catalogue="S5-22",
)
