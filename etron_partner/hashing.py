"""Raw numbers to hashes in a copy of the file, row by row: what is sent holds no raw number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from etron_partner import notes, tables
from etron_partner.asking import Progress, no_progress
from etron_partner.failures import SAYS_NO, Failure
from etron_partner.identifiers import HASHED_HERE, NotThisKind, hash_format, hashed, normalise
from etron_partner.roles import IdColumn

_EVERY = 10_000
_SHOWN = 20


@dataclass
class Hashed:
    """What was done."""

    out: Path
    n_rows: int = 0
    n_hashed: int = 0
    n_empty: int = 0
    n_invalid: int = 0
    invalid: list[tuple[int, str]] = field(default_factory=list)  # row and column of the first ones


def hash_file(
    layout: tables.Layout,
    columns: list[IdColumn],
    out: Path,
    *,
    drop: list[str],
    keep_invalid_empty: bool = False,
    progress: Progress = no_progress,
) -> Hashed:
    """Write a copy with the named columns normalised and hashed and the columns in ``drop`` left out.

    A value that is not of its kind, or is a hash already, ends the work and leaves no file, unless it is to become
    empty.
    """
    done = Hashed(out)
    makers = {layout.position(one.column): _maker(one) for one in columns}
    kept = [i for i, name in enumerate(layout.names) if name not in drop]
    for name in drop:
        layout.position(name)
    size = layout.path.stat().st_size
    names = [layout.names[i] for i in kept]
    with tables.opened(layout) as (raw, rows), tables.written(out, names) as writer:
        try:
            for row, values in rows:
                for position, make in makers.items():
                    values[position] = _one(done, make, values[position], row, layout.names[position])
                writer.writerow([values[i] for i in kept])
                done.n_rows = row
                if row % _EVERY == 0:
                    progress(raw.tell(), size)
        except tables.Ragged as error:
            raise ragged(layout, error) from None
        if done.n_invalid and not keep_invalid_empty:
            raise _invalid(done)
    notes.made(out)
    return done


def ragged(layout: tables.Layout, error: tables.Ragged) -> Failure:
    text = f"{layout.path.name}, row {error.row}: {error.found} values, and {len(layout.names)} names in the first row."
    return Failure("ragged", text, SAYS_NO, {"row": error.row})


def _maker(one: IdColumn) -> Callable[[str], str]:
    if one.algorithm not in HASHED_HERE:
        raise Failure("id_column", f"{one.column}: only {' and '.join(HASHED_HERE)} can be made here.")

    def make(value: str) -> str:
        if hash_format(value.strip()):
            raise NotThisKind("a hash already")
        return hashed(normalise(one.namespace, value), one.algorithm)

    return make


def _one(done: Hashed, make: Callable[[str], str], value: str, row: int, column: str) -> str:
    if not value.strip():
        done.n_empty += 1
        return ""
    try:
        made = make(value)
    except NotThisKind:
        done.n_invalid += 1
        if len(done.invalid) < _SHOWN:
            done.invalid.append((row, column))
        return ""
    done.n_hashed += 1
    return made


def _invalid(done: Hashed) -> Failure:
    places = ", ".join(f"row {row} ({column})" for row, column in done.invalid[:5])
    text = (
        f"{done.n_invalid} values are not numbers of their kind, or hashes already: {places}"
        f"{' …' if done.n_invalid > 5 else ''}. Correct them, or leave them empty with --invalid empty."
    )
    detail = {"n_invalid": done.n_invalid, "places": [{"row": row, "column": name} for row, name in done.invalid]}
    return Failure("invalid_values", text, SAYS_NO, detail)
