"""tests/support/host_bench tells a developer what is missing; what it can do is seen in tests/host."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

SCRIPT = Path(__file__).parents[1] / "support" / "host_bench"


def host_bench(*arguments: str, directory: Path, uid: int | None = None, **environment: str) -> str:
    """What it says when it fails, which it has to."""
    done = subprocess.run(
        [str(SCRIPT), *arguments],
        env={**os.environ, "HOST_BENCH_DIR": str(directory), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        user=uid,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    return done.stderr


def test_without_root_it_names_the_command_that_makes_the_disk() -> None:
    uid = 65534 if os.getuid() == 0 else None
    with TemporaryDirectory() as directory:  # pytest's own directories are closed to other accounts
        if uid is not None:
            os.chown(directory, uid, uid)
        said = host_bench("build", directory=Path(directory), uid=uid, HOST_BENCH_LSM="selinux")
    assert f"sudo env HOST_BENCH_LSM=selinux HOST_BENCH_DIR={directory} {SCRIPT} build" in said


def test_a_machine_without_a_disk(tmp_path: Path) -> None:
    assert "run build first" in host_bench("up", directory=tmp_path)
    assert "no machine is up" in host_bench("ssh", "root", "true", directory=tmp_path)


def test_an_unknown_security_module_is_refused(tmp_path: Path) -> None:
    assert "apparmor or selinux, not tomoyo" in host_bench(
        "build", directory=tmp_path, HOST_BENCH_LSM="tomoyo"
    )
