"""Record hardentui/features/opening/demo/host.json, the simulated host, from two private Podman
engines.

usage: python -m tools.record_demo tests/support/podman_bench

Containers of a small web shop are made from busybox images that carry the names of real ones, one
engine rootful, one rootless (as an existing ordinary user). What Podman and /proc say is recorded;
what would tell of this machine is replaced. The files of the host (/etc and others) are made up.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from hardentui.engine.connection import UnixConnection
from hardentui.engine.read import Engine
from hardentui.engine.recorded import RecordingConnection
from hardentui.errors import EngineError
from hardentui.host.files import LocalFiles
from hardentui.host.files.recorded import RecordingFiles
from hardentui.host.process.activity import read_activity
from hardentui.host.process.proc import read_kernel
from hardentui.model.facts import EngineFacts
from tools.demo_host import (
    ANNA,
    ENGINES,
    HOST_NAME,
    PROGRAMS,
    TIME,
    Bench,
    host_files,
    populate,
    shortened,
)

OUTPUT = Path(__file__).resolve().parent.parent / "hardentui/features/opening/demo/host.json"


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    files: dict[str, dict[str, Any]] = {"text": {}, "links": {}, "dirs": {}}
    engines = []
    for engine in ENGINES:
        bench = Bench(sys.argv[1], engine)
        bench.run("up")
        try:
            populate(bench)
            engines.append(_record(bench, files))
        finally:
            bench.run("down")
    document = {
        "schema": "hardentui/facts/1",
        "tool": {"name": "hardentui", "version": "demo"},
        "time": TIME,
        "host": HOST_NAME,
        "root": True,
        "engines": engines,
        "files": {"complete": True, **host_files(files, engines)},
        "programs": {json.dumps(list(words)): {"output": output} for words, output in PROGRAMS},
    }
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(
        json.dumps(
            document,
            indent=0,
            sort_keys=True,
            ensure_ascii=True,
        )
        + "\n"
    )
    print(f"{OUTPUT}: {OUTPUT.stat().st_size} bytes")
    return 0


def _record(
    bench: Bench,
    files: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    socket = bench.run("sock").strip()
    connection = RecordingConnection(UnixConnection(socket))
    engine = Engine(EngineFacts(url=f"unix://{socket}"), lambda: connection)
    connection.ping()
    engine.load_info()
    recording = RecordingFiles(LocalFiles())
    for listed in engine.listed():
        document = engine.inspect(listed.id)
        state = document["State"]
        if state["Status"] == "running":
            pid = int(state["Pid"])
            read_kernel(
                recording,
                pid,
                engine_pid=int(state["ConmonPid"]),
                cgroup_path="",
            )
            read_activity(recording, pid, cgroup_path="")
            for name in ("limits", "oom_score_adj"):
                recording.read_text(f"/proc/{pid}/{name}")
        engine.changes(listed.id)
        if document["Image"]:
            engine.image(document["Image"])
            engine.history(document["Image"])
    engine.images()
    engine.networks()
    engine.volumes()
    for pod in engine.pods():
        engine.pod(str(pod["Id"]))
    recorded = recording.document()
    for container in engine.listed():
        runtime = str(engine.inspect(container.id)["OCIConfigPath"])
        recorded["text"][runtime] = shortened(json.loads(bench.run("exec", "cat", runtime)))
    engine.close()
    scrubbed = bench.scrub({"answers": connection.answers, "files": recorded})
    for kind in files:
        files[kind].update(
            {
                path: value
                for path, value in scrubbed["files"][kind].items()
                if re.match(
                    r"/proc/\d+(/|$)|/sys/fs/cgroup/(machine|user)\.slice/|.*/userdata/config.json$",
                    path,
                )
                and not path.startswith(f"/proc/{os.getpid()}/")
            }
        )
    uid, home = (0, "/root") if not bench.engine.rootless else (ANNA, "/home/anna")
    return {
        "label": bench.engine.label,
        "url": bench.engine.url,
        "version": "5.4.2",
        "rootless": bench.engine.rootless,
        "local": True,
        "uid": uid,
        "home": home,
        "default_capabilities": sorted(
            scrubbed["answers"]["/info"]["host"]["security"]["capabilities"].split(",")
        ),
        "answers": scrubbed["answers"],
        "failures": {},
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (EngineError, subprocess.CalledProcessError) as error:
        sys.exit(f"record_demo: {error}")
