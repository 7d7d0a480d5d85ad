"""Compose files of others as Quadlets, on real Podmans: `python -m tools.conversion_truth FOLDER…`.

Each project is converted for Podman 4.4, 5.4 and 5.8. Every set of units goes through the port of
that version's generator, and through each real generator that is here: of this host, and those that
HARDENTUI_GENERATORS names (programs, separated by colons). What this host's generator makes is
started in a bench, with busybox in the images' place, some value for each input, and an empty
directory for each path of the host that is not here. A project counts where all of its containers
run.
"""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from hardentui.errors import HardenError
from hardentui.features.at_rest.checking import AtRest, look
from hardentui.features.at_rest.services import Format, Service
from hardentui.features.at_rest.stacks import convert
from hardentui.host.podman.generator import UNIT_SUFFIXES, dry_run, find_generator, version_of
from hardentui.model.draft import TextFile
from hardentui.model.podman_version import Version
from tests.support.podman import BUSYBOX, Bench
from tests.support.started_units import BEFORE_CONTAINERS, NEEDS_SYSTEMD, commands_of

_VERSIONS = (Version(4, 4), Version(5, 4), Version(5, 8))
_STARTED = Version(5, 4)
_VALUES = {"--volume": "/srv", "--publish": "8080", "--network": "truth", "--user": "1"}
_ABOUT = re.compile(r"^# (?P<users>.*)\n(?P<name>\w+)=$", re.MULTILINE)
"""An input in the example of an environment file, below who uses it."""
_OF_IMAGE = re.compile(
    r"^(?:Exec|Entrypoint|Health\w+|User|Group|UserNS|Notify|Pull|AutoUpdate|GlobalArgs)=.*\n|"
    r"^PodmanArgs=--(?:entrypoint|user|platform|pull|health\S*|gpus|runtime)\b.*\n",
    re.MULTILINE,
)
"""Lines that only the real image can satisfy."""
_EMPTY = """
podman rm -a -f -i -v -t 0 || podman rm -a -f -i -v -t 0
podman volume prune -f --filter all=true || podman volume rm -a -f
podman network prune -f
"""
_ELSEWHERE = frozenset({"--log-driver", "--log-opt"})


def main(folders: Sequence[str]) -> None:
    generators = [*_generators()]
    print("generators:", ", ".join(str(version) for version, _ in generators), flush=True)
    counts: Counter[str] = Counter()
    bench = Bench()
    bench.start()
    try:
        bench.image()
        for place, services in _projects(folders):
            counts["projects"] += 1
            why = _refusal(services, generators) or _not_started(bench, services)
            counts["accepted and started" if not why else why.partition(":")[0]] += 1
            print(f"{place}: {len(services)} services: {why or 'started'}", flush=True)
    finally:
        bench.stop()
    for outcome, number in counts.most_common():
        print(f"{number:5} {outcome}")


def _generators() -> Iterator[tuple[Version, str]]:
    named = os.environ.get("HARDENTUI_GENERATORS", "").split(":")
    for program in filter(None, (find_generator(), *named)):
        version = version_of(program)
        if version is not None:
            yield version, program


def _projects(folders: Iterable[str]) -> Iterator[tuple[str, list[Service]]]:
    for folder in folders:
        for below in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
            try:
                looked = look(AtRest((str(below),)), date.today())
            except HardenError:
                continue  # there is no service in it
            stacks: dict[str, list[Service]] = {}
            for judged in looked.services:
                if judged.service.format is Format.COMPOSE:
                    stacks.setdefault(judged.service.group, []).append(judged.service)
            for services in stacks.values():
                yield services[0].file.shown, services


def _refusal(services: Sequence[Service], generators: Iterable[tuple[Version, str]]) -> str:
    """Why it is not converted, or which generator refuses what was made of it."""
    for version in _VERSIONS:
        try:
            files, _ = convert(services, version)
        except HardenError as error:
            return f"not converted for {version}: {error.title} {error.hint}".rstrip()
        units = {file.name: file.text for file in files if file.name.endswith(UNIT_SUFFIXES)}
        for real, program in generators:
            if real < version:
                continue
            done = dry_run(units, user=False, generator=program)
            if not done.ok or done.stderr:
                return f"refused by the generator of {real}: for {version}: {done.stderr}"
    return ""


def _not_started(bench: Bench, services: Sequence[Service]) -> str:
    """Why not all of its containers run; empty if they do."""
    files, _ = convert(services, _STARTED)
    generator = find_generator()
    if generator is None:
        return "not started: no generator is here"
    units = {file.name: _with_busybox(file.text) for file in files if _is_started(file.name)}
    done = dry_run(units, user=False, generator=generator)
    if not done.ok:
        return f"with busybox refused: {done.stderr}"
    containers: list[str] = []
    try:
        for network in _networks_of_others(units.values()):
            bench.podman("network", "create", "--ignore", network)
        for secret in _secrets(units.values()):
            bench.execute("sh", "-c", f"echo x | podman secret create --replace {secret} -")
        for name in _in_order(done.services):
            text = _with_inputs(done.services[name], files)
            for argv in commands_of(text, str(bench.directory), name.removesuffix(".service")):
                bench.podman(*_possible(argv[1:], bench))
            if not name.endswith(BEFORE_CONTAINERS):
                containers.append(name)
        running = bench.podman("ps", "--format", "{{.Names}}").split()
        return "" if len(running) >= len(containers) else f"ended: {running} of {containers}"
    except HardenError as error:
        return f"not started: {error.title}"
    except subprocess.CalledProcessError as error:
        return f"not started: {error.stderr.strip().splitlines()[-1]}"
    except subprocess.TimeoutExpired:
        return "not started: no answer in time"
    finally:
        bench.execute("sh", "-c", _EMPTY)


def _is_started(name: str) -> bool:
    return name.endswith(UNIT_SUFFIXES) and not name.endswith(".build")


def _with_busybox(text: str) -> str:
    text = _OF_IMAGE.sub("", text)
    return re.sub(r"^Image=.*$", f"Image={BUSYBOX}\nExec=sleep 1000", text, flags=re.MULTILINE)


def _secrets(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in re.findall(r"^Secret=([^,\n]+)", text, re.M)}


def _networks_of_others(texts: Iterable[str]) -> set[str]:
    names = {name for text in texts for name in re.findall(r"^Network=([^:\n]+)", text, re.M)}
    return {name for name in names if not name.endswith(".network")} - {"host", "none", "container"}


def _with_inputs(service: str, files: Sequence[TextFile]) -> str:
    """Some value for each input, as the environment file would give it."""
    given = []
    for file in files:
        if file.name.endswith(".env.example"):
            for match in _ABOUT.finditer(file.text):
                flag = match["users"].partition(" ")[0]
                given.append(f"Environment={match['name']}={_VALUES.get(flag, '1')}")
    return service.replace("[Service]\n", "[Service]\n" + "\n".join(given) + "\n", 1)


def _in_order(services: Mapping[str, str]) -> list[str]:
    """Volumes and networks first, then each container after what it requires."""
    ordered = [name for name in services if name.endswith(BEFORE_CONTAINERS)]
    waiting = [name for name in services if name not in ordered]
    while waiting:
        ready = [name for name in waiting if not {*_needs(services[name])} & {*waiting} - {name}]
        ordered += ready or waiting
        waiting = [name for name in waiting if name not in ordered]
    return ordered


def _needs(text: str) -> Iterator[str]:
    for line in re.findall(r"^(?:Requires|After|BindsTo)=(.*)$", text, re.MULTILINE):
        yield from line.split()


def _possible(words: Sequence[str], bench: Bench) -> Iterator[str]:
    """The words of a command with what this machine has: no systemd, no device, not every path."""
    empty = str(bench.directory / "empty")
    os.makedirs(empty, exist_ok=True)
    rest = iter(words)
    for word in rest:
        flag = word.partition("=")[0]
        if word in NEEDS_SYSTEMD or flag in ("--sdnotify", "--device"):
            if word == "--device":
                next(rest, "")
            continue
        if word in _ELSEWHERE:
            next(rest, "")
            continue
        if flag in _ELSEWHERE:
            continue
        yield word
        if word in ("-v", "--volume"):
            yield _here(next(rest, ""), empty)


def _here(volume: str, empty: str) -> str:
    source, colon, options = volume.partition(":")
    if not source.startswith("/") or not colon or posixpath.exists(source):
        return volume
    return f"{empty}:{options}"


if __name__ == "__main__":
    main(sys.argv[1:])
