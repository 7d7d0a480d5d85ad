"""Verdicts at rest against the same services running: `python -m tools.at_rest_truth DIR FOLDER…`.

DIR is that of a podman-bench with its busybox image. Each service is started with its options, busybox
in the place of its image and some value in that of each open part; what passes at rest must not fail
running. What cannot be started here (a path, a device, a user that is not there) is counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from hardentui.features.at_rest.checking import AtRest, look
from hardentui.features.at_rest.judging import Judged
from hardentui.features.at_rest.possible_values import filled
from hardentui.model.finding import Kind, Status
from hardentui.model.open_value import OpenPart
from hardentui.model.podman_version import Version
from hardentui.model.spec import OpenArgument, Spec
from hardentui.options import (
    COMMAND,
    DEVICES,
    ENTRYPOINT,
    ENV_FILE,
    IMAGE,
    LOG_DRIVER,
    LOG_OPT,
    MOUNTS,
    NAME,
    NETWORK,
    PLATFORM,
    POD,
    PULL,
    RESTART,
    SECRETS,
    VOLUMES_FROM,
)
from hardentui.writers.run_script import run_arguments
from tests.support.looking import looked_at
from tests.support.podman import BUSYBOX

_BATCH = 12
_OF_IMAGE = frozenset(
    "secret-on-command-line root-user missing-health-check unhealthy unbounded-logs no-logs "
    "undeclared-published-port restart-loop unbraked-restart drifted-files unowned-container".split()
)
"""They depend on the image or the command, or on what the bench must set otherwise."""
_FINE = (Status.PASS, Status.NOT_APPLICABLE)
_IN_MEMORY = ("/mnt/", "/srv/", "/opt/", "/media/")
"""Directories that the services' paths are made below."""
_MODES = ("host", "none", "bridge", "slirp4netns", "pasta")


def main(arguments: Sequence[str]) -> None:
    bench, *folders = arguments
    url = f"unix://{bench}/podman.sock"
    for place in _IN_MEMORY:  # in the bench's own mount namespace
        _bench(bench, "exec", "mount", "-t", "tmpfs", "none", place)
    _podman(bench, "network", "create", "--ignore", "truth")
    services = [
        judged
        for folder in folders
        for judged in look(
            AtRest((folder,), version=Version(5, 4), rootless=False), date.today()
        ).services
        if not judged.service.infra
    ]
    skipped: Counter[str] = Counter()
    compared = decided = 0
    wrong: list[str] = []
    for start in range(0, len(services), _BATCH):
        batch = dict(_started(bench, services[start : start + _BATCH], start, skipped))
        try:
            with looked_at(url, *batch) as (_, reports):
                for name, report in reports.items():
                    compared += 1
                    seen = {finding.check: finding for finding in report.everything}
                    for finding in batch[name].findings:
                        running = seen.get(finding.check)
                        if finding.check in _OF_IMAGE or running is None:
                            continue
                        if finding.subject.kind is not Kind.SERVICE or _is_of_image(finding.check):
                            continue
                        decided += finding.status is not Status.UNKNOWN
                        if finding.status in _FINE and running.status is Status.FAIL:
                            file = batch[name].service.file.shown
                            wrong.append(
                                f"{file}: {batch[name].service.name}: {finding.check}: "
                                f"{running.verdict.reason}"
                            )
        finally:
            _podman(bench, "rm", "-f", "-i", "-t", "0", *batch)
    print(f"{len(services)} services, {compared} started, {decided} verdicts decided at rest")
    print(f"not started: {dict(skipped)}")
    print("\n".join(wrong) or "no pass at rest fails running")


def _is_of_image(check: str) -> bool:
    return check.endswith("-image") or "image" in check.split("-") or "vulnerabilities" in check


def _started(
    bench: str,
    services: Iterable[Judged],
    first: int,
    skipped: Counter[str],
) -> Iterable[tuple[str, Judged]]:
    for number, judged in enumerate(services, first):
        spec, why = _startable(bench, judged)
        if why:
            skipped[why] += 1
            continue
        name = f"truth-{number}"
        words = list(run_arguments(spec.with_(NAME, name), "run", Version(5, 4)))
        words[words.index("run") + 1 : words.index("run") + 1] = ["-d", "--stop-timeout=0"]
        done = _podman(bench, *words)
        if done.returncode:
            skipped[
                f"podman: {done.stderr.strip().splitlines()[-1][:60] if done.stderr else ''}"
            ] += 1
            _podman(bench, "rm", "-f", "-i", "-t", "0", name)
        else:
            yield name, judged


def _startable(bench: str, judged: Judged) -> tuple[Spec, str]:
    """The service's options with busybox, and why it cannot be started here."""
    service = judged.service
    spec: Spec = filled(service, _value)
    spec = Spec(dict(spec.settings))
    for option in (POD, VOLUMES_FROM, SECRETS):
        if option in spec:
            return spec, f"it has {option.flag}"
    for mount in spec[MOUNTS]:
        here = mount.source.startswith("/") and str(Path(service.file.directory)) in mount.source
        if here:
            os.makedirs(mount.source, exist_ok=True) if not os.path.exists(mount.source) else None
        elif mount.source.startswith(_IN_MEMORY):
            _bench(bench, "exec", "mkdir", "-p", mount.source)
        elif mount.source.startswith("/") and not os.path.exists(mount.source):
            return spec, "a path that is not here"
    if any(not os.path.exists(str(device).partition(":")[0]) for device in spec[DEVICES]):
        return spec, "a device that is not here"
    networks = spec[NETWORK]
    kept = tuple(word for word in networks if word.partition(":")[0] in _MODES)
    spec = spec.without(ENTRYPOINT, ENV_FILE, RESTART, PULL, PLATFORM, LOG_OPT, NETWORK).with_(
        IMAGE, BUSYBOX
    )
    spec = spec.with_(COMMAND, ("sleep", "1000")).with_(LOG_DRIVER, "k8s-file")
    return (spec.with_(NETWORK, kept or ("truth",)) if networks else spec), ""


def _value(argument: OpenArgument, part: OpenPart) -> str:
    """Some value that the option takes."""
    by_option = {MOUNTS: "/srv", IMAGE: "1"}
    return by_option.get(argument.option, "1")


def _podman(bench: str, *words: str) -> subprocess.CompletedProcess[str]:
    return _bench(bench, "podman", *words)


def _bench(bench: str, *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(os.environ["PODMAN_BENCH"])
    return subprocess.run(
        [str(program), *words],
        env={**os.environ, "PODMAN_BENCH_DIR": bench},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
