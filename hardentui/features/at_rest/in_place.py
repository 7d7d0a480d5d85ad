"""Changed files put where they came from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from hardentui.errors import UsageError
from hardentui.features.at_rest.git_history import kept_by_git
from hardentui.features.at_rest.sources import Sources
from hardentui.files import write_bundle
from hardentui.model.draft import DraftFile
from hardentui.model.written_file import WrittenFile
from hardentui.regular_files import Folder
from hardentui.visible import visible


def write_in_place(
    drafts: Iterable[DraftFile],
    sources: Sources,
) -> Iterator[tuple[tuple[WrittenFile, ...], list[str]]]:
    """Write them, folder by folder: the files of each, and notes about them. Links are followed below
    the given paths; nothing is written through one that leads out.

    Raises:
        UsageError: a file came from nowhere, or leads out of its folder; nothing is written.
        WriteError: a file was changed meanwhile, or cannot be written.
    """
    folders: dict[str, list[DraftFile]] = {}
    by_target: dict[str, DraftFile] = {}
    expected: dict[str, Folder] = {}
    for draft in drafts:
        if not draft.directory:
            raise UsageError(
                "Standard input cannot be changed in place.", "Print the diff, or use -o DIR."
            )
        path = os.path.join(draft.directory, draft.name)
        target = os.path.realpath(path)  # resolved once: this very path is written, or nothing
        if not sources.is_below_resolved(target):
            sentence = f"{visible(path, 200)} is a link out of its folder."
            raise UsageError(sentence, f"Name the file: {visible(target, 200)}")
        read = sources.files.get(path)
        if read is not None and read.folder is not None:
            expected[os.path.dirname(target)] = read.folder
        by_target[target] = replace(
            draft, directory=os.path.dirname(target), name=os.path.basename(target)
        )
    for draft in by_target.values():
        folders.setdefault(draft.directory, []).append(draft)
    for directory, files in folders.items():
        in_git = kept_by_git(files)
        written = write_bundle(
            directory,
            files,
            create=os.path.basename(directory).endswith(".d"),
            keep_mode=True,
            seen={file.name: file.before for file in files},
            kept_elsewhere=in_git,
            expected=expected.get(directory),
        )
        paths = [visible(os.path.join(directory, name), 200) for name in sorted(in_git)]
        yield written, [f"{path}: the previous file is the one of Git's HEAD" for path in paths]
