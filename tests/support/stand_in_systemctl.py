"""Stands in for systemctl where no systemd runs, as a program on PATH.

It runs what the real Quadlet generator makes of the installed units, in systemd's order. It needs
no package, because it runs as any user of a bench.

    stand_in_systemctl.py STATE [--user] daemon-reload | start UNIT... | stop UNIT... | is-active
    UNIT | show

Not like systemd: nothing is restarted, watched or started at boot; `--cgroups=split`, which needs
systemd, is left out of the commands.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

GENERATORS = ("/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet")


class Manager:
    def __init__(self, state: Path, *, user: bool) -> None:
        self.user = user
        self.units, self.run, self.file = state / "units", state / "run", state / "active.json"
        self.run.mkdir(parents=True, exist_ok=True)
        self.active: list[str] = json.loads(self.file.read_text()) if self.file.exists() else []

    def reload(self) -> int:
        self.units.mkdir(exist_ok=True)
        for old in self.units.glob("*.service"):
            old.unlink()
        generator = next(path for path in GENERATORS if os.path.exists(path))
        words = [
            generator,
            *(["-user"] if self.user else []),
            "-no-kmsg-log",
            str(self.units),
        ]
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stderr)
        return done.returncode

    def settings(self, unit: str, key: str) -> list[str]:
        path = self.units / unit
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]

    def named(self, unit: str, *keys: str) -> list[str]:
        units = [
            name for key in keys for value in self.settings(unit, key) for name in value.split()
        ]
        return [name for name in dict.fromkeys(units) if (self.units / name).exists()]

    def start(self, unit: str) -> int:
        if unit in self.active:
            return 0
        if not (self.units / unit).exists():
            sys.stderr.write(f"Failed to start {unit}: Unit {unit} not found.\n")
            return 5
        needed = self.named(
            unit,
            "Requires",
            "BindsTo",
            "Wants",
        )
        earlier = [name for name in needed if name in self.named(unit, "After")]
        if any(self.start(name) for name in earlier) or not self._all(
            unit, "ExecStartPre", "ExecStart"
        ):
            self._all(unit, "ExecStopPost")
            sys.stderr.write(f"Job for {unit} failed.\n")
            return 1
        self._set([*self.active, unit])
        return max(
            [
                0,
                *(self.start(name) for name in needed if name not in earlier),
            ]
        )

    def stop(self, unit: str) -> int:
        if not (self.units / unit).exists() and unit not in self.active:
            sys.stderr.write(f"Failed to stop {unit}: Unit {unit} not loaded.\n")
            return 5
        for other in reversed(self.active.copy()):
            if unit in self.named(other, "Requires", "BindsTo"):
                self.stop(other)
        if unit in self.active:
            self._all(unit, "ExecStop")
            self._all(unit, "ExecStopPost")
            self._set([name for name in self.active if name != unit])
        return 0

    def _set(self, active: list[str]) -> None:
        self.active = active
        self.file.write_text(json.dumps(active))

    def _all(self, unit: str, *keys: str) -> bool:
        """Run the commands of these settings; a dash in front says that it may fail."""
        stem = unit.removesuffix(".service")
        for key in keys:
            for line in self.settings(unit, key):
                words = []
                for word in shlex.split(line.removeprefix("-")):
                    for letter, value in (("t", str(self.run)), ("N", stem), ("n", unit)):
                        word = word.replace(f"%{letter}", value)
                    words.append(word.replace("%%", "%").replace("$$", "$"))
                kept = [word for word in words if word != "--cgroups=split"]
                environment = {**os.environ, "PODMAN_SYSTEMD_UNIT": unit}
                done = subprocess.run(
                    kept,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    check=False,
                )
                if done.returncode and not line.startswith("-"):
                    return False
        return True


def main(words: list[str]) -> int:
    state, *rest = words
    manager = Manager(Path(state), user="--user" in rest)
    verb, *units = [word for word in rest if word != "--user"]
    if verb == "daemon-reload":
        return manager.reload()
    if verb == "show":
        return 0  # the host has no services of its own
    if verb == "is-active":
        return 0 if all(unit in manager.active for unit in units) else 3
    return max([manager.start(unit) if verb == "start" else manager.stop(unit) for unit in units])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
