"""Bins out of the site and into it: JSON and Excel. What comes in is checked like any edit and stays a draft."""

from __future__ import annotations

import io
import json
from typing import IO, Any

from django.utils.translation import gettext as _

from modeling.artifacts import from_json, to_json
from modeling.bin_given import GivenBins
from models_registry.models import BinDraft, BinRevision, BinSet
from models_registry.services import bin_drafts
from projects import audit
from projects.csv_export import neutral
from projects.errors import Invalid, as_domain_error
from projects.models import User

FORMAT = "etron-bins-1"
MOST_BYTES = 20 * 1024**2
HEAD = ("variable", "kind", "bin", "name", "from", "to", "categories", "codes")
SHEET = "bins"


def exported(bin_set: BinSet, revision: BinRevision | None = None) -> dict[str, Any]:
    """The bins of a revision, or the drafts as they stand, as JSON."""
    bins = revision.bins if revision else {row.name: row.history[row.at] for row in _fit(bin_set)}
    head = {"format": FORMAT, "bin_set": bin_set.number, "revision": revision.number if revision else None}
    return head | {"feature_table": bin_set.feature_table.number, "bins": bins}


def _fit(bin_set: BinSet) -> list[BinDraft]:
    return list(bin_set.drafts.exclude(state=BinDraft.State.UNFIT))


def workbook(content: dict[str, Any]) -> bytes:
    """One row a bin; no cell that a spreadsheet would run as a formula."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    sheet.append(list(HEAD))
    for name, value in content["bins"].items():
        for line in _lines(name, from_json(GivenBins, value)):
            sheet.append([_cell(one) for one in line])
    about = book.create_sheet("about")
    for key in ("format", "bin_set", "revision", "feature_table"):
        about.append([key, content[key]])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(value: Any) -> Any:
    return None if value is None else neutral(value)


def _lines(variable: str, bins: GivenBins) -> list[tuple[Any, ...]]:
    ends = (None, *bins.edges, None)
    return [
        (
            variable,
            bins.kind,
            i + 1,
            bins.names[i] if bins.names else "",
            ends[i] if bins.kind == "numeric" and i < bins.n_ordinary else None,
            ends[i + 1] if bins.kind == "numeric" and i < bins.n_ordinary else None,
            json.dumps(bins.groups[i], ensure_ascii=False) if bins.kind == "category" and i < bins.n_ordinary else None,
            json.dumps([place for place, home in zip(bins.places, bins.homes, strict=True) if home == i]),
        )
        for i in range(bins.n_bins)
    ]


def read_file(stream: IO[bytes]) -> dict[str, Any]:
    """The bins of an exported file, JSON or Excel, by variable."""
    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Invalid("file_too_large", _("The file is larger than 20 MB."))
    if content[:2] == b"PK":
        return _read_workbook(content)
    try:
        value = json.loads(content)
    except ValueError as error:
        raise Invalid("bins_unreadable", _("The file is neither JSON nor Excel.")) from error
    return read_json(value)


def read_json(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or value.get("format") != FORMAT or not isinstance(value.get("bins"), dict):
        raise Invalid("bins_unreadable", _("This is not a file of bins from this site."))
    bins: dict[str, Any] = value["bins"]
    return bins


def _read_workbook(content: bytes) -> dict[str, Any]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        rows = list(book[SHEET].iter_rows(values_only=True, max_row=200_000, max_col=len(HEAD)))
        if tuple(rows[0]) != HEAD:
            raise ValueError(rows[0])
        return _from_lines([dict(zip(HEAD, row, strict=True)) for row in rows[1:] if row[0]])
    except Exception as error:  # openpyxl raises whatever its parsers raise
        raise Invalid("bins_unreadable", _("This is not a file of bins from this site.")) from error


def _from_lines(lines: list[dict[str, Any]]) -> dict[str, Any]:
    by_name: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_name.setdefault(_plain(line["variable"]), []).append(line)
    return {name: _from_bins(sorted(rows, key=lambda row: int(row["bin"]))) for name, rows in by_name.items()}


def _plain(value: Any) -> str:
    """Text without the apostrophe that export put before what looks like a formula."""
    text = "" if value is None else str(value)
    return text[1:] if text.startswith("'") and neutral(text[1:]) == text else text


def _from_bins(rows: list[dict[str, Any]]) -> dict[str, Any]:
    kind = rows[0]["kind"]
    codes = [json.loads(_plain(row["codes"]) or "[]") for row in rows]
    home = {place: i for i, places in enumerate(codes) for place in places}
    specials = sorted((float(place) for place in home if place not in {"missing", "rare"}), key=lambda code: code)
    order = [*(f"{code:.12g}" for code in specials), "missing"] if kind == "numeric" else ["missing", "rare"]
    names = [_plain(row["name"]) for row in rows]
    return {
        "kind": kind,
        "edges": [float(row["from"]) for row in rows if row["from"] is not None],
        "groups": [json.loads(_plain(row["categories"])) for row in rows if row["categories"]],
        "specials": specials,
        "homes": [home[place] for place in order],
        "names": names if any(names) else [],
    }


def import_bins(*, user: User, bin_set: BinSet, bins: dict[str, Any]) -> dict[str, Any]:
    """Set the drafts that the file names. One that cannot be is left as it is, with the reason; the others are set."""
    drafts = {row.name: row for row in bin_set.drafts.select_related("changed_by")}
    done, refused = [], {}
    for name, value in bins.items():
        if name not in drafts:
            refused[name] = _("There is no such variable in this bin set.")
            continue
        draft = drafts[name]
        draft.bin_set = bin_set
        try:
            _set(user, draft, value)
            done.append(name)
        except Exception as error:
            told = as_domain_error(error)
            if told is None:
                raise
            refused[name] = str(told)
    audit.record("bins.imported", actor=user, project=bin_set.project, target=f"bin set {bin_set.number}", n=len(done))
    return {"set": done, "refused": refused}


def _set(user: User, draft: BinDraft, value: Any) -> None:
    if isinstance(value, dict) and draft.history:
        value = value | {"specials": _same_order(value, draft.history[draft.at]), "homes": _homes(value, draft)}
    made = bin_drafts.preview(draft, {"op": "bins", "bins": value})
    if to_json(made) != draft.history[draft.at]:
        bin_drafts.change(user=user, draft=draft, version=draft.version, edit={"op": "bins", "bins": to_json(made)})


def _same_order(value: dict[str, Any], now: dict[str, Any]) -> Any:
    """Special codes in the draft's order, if they are the same codes: a spreadsheet does not keep it."""
    same = sorted(value.get("specials") or []) == sorted(now["specials"])
    return now["specials"] if same else value.get("specials")


def _homes(value: dict[str, Any], draft: BinDraft) -> Any:
    old, homes = list(value.get("specials") or []), list(value.get("homes") or [])
    new = _same_order(value, draft.history[draft.at])
    if len(homes) <= len(old) or new is None or sorted(old) != sorted(new):
        return homes
    return [*(homes[old.index(code)] for code in new), *homes[len(old) :]]
