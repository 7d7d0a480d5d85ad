"""Which thread of Podman's service shows the host."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from hardentui.engine.change.engine_thread import usual_thread

_SERVICE = """
import ctypes, sys, threading, time
threads = [threading.Thread(target=time.sleep, args=(600,), daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
if ctypes.CDLL(None).unshare({flag}):
    sys.exit("refused")
print("moved", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="it moves a thread into other namespaces")
@pytest.mark.parametrize(("kind", "flag"), [("mnt", 0x20000), ("net", 0x40000000)])
def test_it_is_none_that_was_moved_into_a_container(kind: str, flag: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-I", "-c", _SERVICE.format(flag=flag)],
        stdout=subprocess.PIPE,
        text=True,
    ) as service:
        try:
            assert service.stdout is not None
            if service.stdout.readline() != "moved\n":
                pytest.skip("this kernel gives no namespaces")
            ours = os.readlink(f"/proc/self/ns/{kind}")
            assert os.readlink(f"/proc/{service.pid}/ns/{kind}") != ours
            assert os.readlink(f"/proc/{usual_thread(service.pid)}/ns/{kind}") == ours
        finally:
            service.kill()


def test_of_a_process_that_is_gone_there_is_none() -> None:
    assert usual_thread(4_194_304) == 0
