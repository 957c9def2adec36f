"""A bar on standard error while something takes long; nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from etron_partner.asking import Progress


class Screen:
    """Where bars and remarks go. ``quiet``: with ``--json`` or ``--quiet`` nothing but the result is written."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet

    def say(self, text: str) -> None:
        if not self.quiet:
            print(text, file=sys.stderr)

    @contextmanager
    def bar(self, what: str, total: int, unit: str = "B") -> Iterator[Progress]:
        """``with screen.bar("Sending", size) as progress: progress(done, total)``."""
        hidden = self.quiet or not sys.stderr.isatty()
        with tqdm(total=total, desc=what, unit=unit, unit_scale=True, disable=hidden, leave=False) as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield progress
