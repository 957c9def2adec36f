"""Files below the artifact root: written aside, synced to disk, then moved into place in one step."""

import filecmp
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from modeling.artifacts import hash_folder
from projects.errors import Conflict, Invalid

STAGING = ".staging"


def _root() -> Path:
    root = Path(settings.ARTIFACT_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    return root.resolve()


def folder(relative: str) -> Path:
    """The absolute path of ``relative``; refuses whatever would leave the root, symbolic links included."""
    root = _root()
    path = root if "\0" in relative else (root / relative).resolve()
    if path == root or not path.is_relative_to(root):
        raise Invalid("path_outside", _("The path leads outside the artifact folder."))
    return path


@contextmanager
def staging() -> Iterator[Path]:
    """An empty folder on the same file system as the root; what is still in it at the end is thrown away."""
    path = _root() / STAGING / uuid.uuid4().hex
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_tree(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _sync_tree(child)
    _sync(path)


def _make_parents(path: Path) -> None:
    """Create the missing parents and make their names durable."""
    missing = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    for parent in missing:
        _sync(parent.parent)


def _same(left: Path, right: Path) -> bool:
    if left.is_dir() and right.is_dir():
        return hash_folder(left) == hash_folder(right)
    return left.is_file() and right.is_file() and filecmp.cmp(left, right, shallow=False)


def _move(staged: Path, target: Path) -> None:
    """Atomic, and never over something that is there: rename for folders, link and unlink for files."""
    if staged.is_dir():
        if target.exists():
            raise FileExistsError(target)
        staged.rename(target)
    else:
        os.link(staged, target)
        staged.unlink()


def _throw_away(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def publish(staged: Path, relative: str) -> str:
    """Move a staged folder or file to ``relative``, durably. Twice with the same content is fine."""
    target = folder(relative)
    _sync_tree(staged)
    _make_parents(target)
    try:
        _move(staged, target)
    except OSError:
        if not target.exists():
            raise
        if not _same(staged, target):
            raise Conflict("artifact_exists", _("Something else is already stored in this place.")) from None
        _throw_away(staged)
    _sync(target.parent)
    return target.relative_to(_root()).as_posix()


def reserve(relative: str) -> Path:
    """An empty file at ``relative`` whose name is durable, for bytes that come in pieces."""
    path = folder(relative)
    _make_parents(path)
    path.touch(exist_ok=False)
    _sync(path.parent)
    return path


def remove(relative: str) -> None:
    """Delete for good; nothing happens if it is not there."""
    path = folder(relative)
    if not path.exists():
        return
    aside = _root() / STAGING / uuid.uuid4().hex
    aside.parent.mkdir(exist_ok=True)
    path.rename(aside)
    _throw_away(aside)
    _sync(path.parent)


def found(patterns: Iterable[str]) -> list[str]:
    """What lies below the root and fits one of the patterns ("matches/3/7-*"), as relative paths in order."""
    root = _root()
    return sorted({path.relative_to(root).as_posix() for pattern in patterns for path in root.glob(pattern)})


def measure(relative: str) -> tuple[int, int]:
    """Number and bytes of the files at or below ``relative``."""
    path = folder(relative)
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return len(files), sum(one.stat().st_size for one in files)


def erase(relative: str, tag: str) -> None:
    """Delete for good, by way of a name that :func:`finish_erasing` finds if this process is killed meanwhile."""
    path = folder(relative)
    if not path.exists():
        return
    aside = _root() / STAGING / f"{tag}.{uuid.uuid4().hex}"
    aside.parent.mkdir(exist_ok=True)
    path.rename(aside)
    _sync(path.parent)
    _throw_away(aside)


def finish_erasing(tag: str) -> None:
    """Throw away what an erasing with this tag left behind; twice is safe."""
    for path in (_root() / STAGING).glob(f"{tag}.*"):
        _throw_away(path)


def sweep_staging(max_age_s: float = 86_400) -> int:
    """Throw away what killed workers left in the staging folder more than ``max_age_s`` ago."""
    limit = time.time() - max_age_s
    base = _root() / STAGING
    old = [path for path in base.iterdir() if path.stat().st_mtime < limit] if base.is_dir() else []
    for path in old:
        _throw_away(path)
    return len(old)
