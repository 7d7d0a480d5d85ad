"""Figures about files at rest: `python -m tools.at_rest_corpus FOLDER…`; writes nothing.

failing: findings before and after `fix --all`, as the fixed texts are judged again.
"""

from __future__ import annotations

import posixpath
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date

from msgspec.structs import replace

from hardentui.errors import HardenError
from hardentui.features.at_rest.checking import AtRest, Looked, look, read_services
from hardentui.features.at_rest.choosing import Wanted
from hardentui.features.at_rest.fixing import drafts_of, fix_all
from hardentui.features.at_rest.judging import Judged, judge_services
from hardentui.features.at_rest.patches import patch_of
from hardentui.features.at_rest.target_podman import target_podman
from hardentui.model.draft import DraftFile
from hardentui.model.finding import Status
from hardentui.model.plan import Caution

_SHARE = 0.9


def main(folders: list[str]) -> None:
    undecided: Counter[str] = Counter()
    checks: set[str] = set()
    services = 0
    print("folder  format  services  files  refused  ms/file  fixed  median lines  failing")
    for folder in folders:
        start = time.process_time()
        try:
            looked = look(AtRest((folder,)), date.today())
        except HardenError as error:
            print(f"{folder}  {error}")
            continue
        spent = time.process_time() - start
        files = {judged.service.file.shown for judged in looked.services}
        services += len(looked.services)
        for judged in looked.services:
            checks |= {finding.check for finding in judged.findings}
            undecided.update(f.check for f in judged.findings if f.status is Status.UNKNOWN)
        texts: dict[str, str] = {}
        fix_all(
            looked,
            Wanted((), Caution.ALL),
            target_podman(None, looked.sources).version,
            texts,
        )
        drafts = tuple(drafts_of(texts, looked.sources))
        lines = [
            sum(
                line[:1] in "+-" and line[:3] not in ("+++", "---")
                for line in patch_of(draft).text.splitlines()
            )
            for draft in drafts
        ]
        before, after = failing(looked.services), failing(judged_again(looked, drafts))
        formats = Counter(judged.service.format.value for judged in looked.services)
        print(
            f"{folder.rstrip('/').rpartition('/')[2]}  {dict(formats)}  {len(looked.services)}  {len(files)}"
            f"  {len(looked.refused)}  {1000 * spent / max(1, len(files)):.1f}"
            f"  {len(lines)}  {statistics.median(lines) if lines else 0:.0f}"
            f"  {before.total()} -> {after.total()}: {after.most_common(4)}"
        )
    shares: dict[bool, list[str]] = defaultdict(list)
    for check in sorted(checks):
        shares[undecided[check] < (1 - _SHARE) * services].append(check)
    print(
        f"{services} services, {len(checks)} checks; decided for more than {_SHARE:.0%}: {len(shares[True])}"
    )
    print("not:", ", ".join(shares[False]))


def failing(services: Iterable[Judged]) -> Counter[str]:
    """Failing findings by check."""
    return Counter(
        finding.check for judged in services for finding in judged.findings if finding.failing
    )


def judged_again(
    looked: Looked,
    drafts: Iterable[DraftFile],
) -> tuple[Judged, ...]:
    """The services of the files as they would be written."""
    texts = {posixpath.join(draft.directory, draft.name): draft.text for draft in drafts}
    files = {
        path: replace(file, text=texts.get(path, file.text))
        for path, file in looked.sources.files.items()
    }
    sources = replace(looked.sources, files=files, rootless=None)
    services = [service for group in read_services(sources) for service in group.services]
    return judge_services(
        services,
        looked.judge,
        (),
        date.today(),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
