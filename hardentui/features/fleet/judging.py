"""Judging the hosts of a fleet, one process for each processor."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeAlias

from hardentui.features.fleet.facts_files import FactsFile
from hardentui.features.fleet.told import decode, encode
from hardentui.features.reports.host_result import HostResult

Look: TypeAlias = "Callable[[FactsFile], HostResult]"
_FEW = 4
"""Fewer files than this are judged here: starting processes costs more."""
_inherited: list[Look] = []
"""In a child: how it judges a host. Inherited, since a function with its options is no data."""


def judged(
    files: Sequence[FactsFile],
    look: Look,
    processes: int = 0,
) -> Iterator[tuple[int, HostResult]]:
    """(index of the file, what is known of its host), as they are ready.

    Args:
        look: judges one host; must not raise for what a file holds.
        processes: 0 = as many as this process may use processors.
    """
    processes = min(processes or len(os.sched_getaffinity(0)), len(files))
    if processes < 2 or len(files) < _FEW:
        yield from ((at, look(file)) for at, file in enumerate(files))
        return
    # forked: a process that starts anew loads the checks again, and finds no main module in a zip
    context = multiprocessing.get_context("fork")
    parts: dict[object, object] = {}
    with ProcessPoolExecutor(
        processes,
        mp_context=context,
        initializer=_begin,
        initargs=(look,),
    ) as pool:
        waiting = {pool.submit(_judge, file): at for at, file in enumerate(files)}
        try:
            for future in as_completed(tuple(waiting)):
                at = waiting.pop(future)
                try:
                    yield at, decode(future.result(), parts)
                except BrokenProcessPool:
                    yield (
                        at,
                        HostResult(
                            source=files[at].path,
                            unusable=_ENDED,
                        ),
                    )
        finally:
            pool.shutdown(cancel_futures=True)


_ENDED = "a process that judged hosts was ended from outside, perhaps for lack of memory"


def _begin(look: Look) -> None:
    """Ctrl-C is the parent's to handle; what is inherited is not looked through for garbage, and
    garbage is looked for between hosts, which takes a seventh less time than within."""
    gc.freeze()
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _inherited.append(look)


def _judge(file: FactsFile) -> bytes:
    message = encode(_inherited[-1](file))
    gc.collect()  # a host holds circles, and the next one is as large
    return message
