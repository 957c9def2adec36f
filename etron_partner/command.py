"""``etron-partner``: one command after the other, each a few lines between its options and the module that works."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from etron_partner import checking, hashing, notes, options, reports, roles, sending, sessions, settings, tables
from etron_partner.failures import CANNOT, FINE, SAYS_NO, Failure
from etron_partner.progress import Screen
from etron_partner.site import Site

Result = tuple[int, dict[str, Any], str]  # exit code, the JSON, the text


def beside(path: Path, word: str) -> Path:
    """``a.csv.gz`` with ``known`` is ``a.known.csv``."""
    name = path.name[:-3] if path.suffix == ".gz" else path.name
    stem, dot, ending = name.rpartition(".")
    return path.with_name(f"{stem}.{word}.{ending}" if dot else f"{name}.{word}.csv")


def layout_of(given: argparse.Namespace) -> tables.Layout:
    return tables.layout(given.file, given.encoding, given.delimiter)


def site_of(given: argparse.Namespace) -> Site:
    return Site(settings.connection(given.url, given.token))


def check(given: argparse.Namespace, screen: Screen) -> Result:
    known = roles.read_plan(given.plan).with_ids([roles.IdColumn.parse(one) for one in given.id])
    named = {"row_id": given.row_id, "observed_at": given.observed_at, "label": given.label}
    known = replace(known, **{name: value for name, value in named.items() if value})
    layout = layout_of(given)
    with screen.bar("Checking", layout.path.stat().st_size) as progress:
        found = checking.check(layout, known, progress=progress)
    lines = [problem.line() for problem in found.problems]
    word = "nothing is wrong" if not lines else ("warnings only" if found.is_fine else "not fit to be sent")
    body = {"encoding": layout.encoding, "delimiter": layout.delimiter, **found.body()}
    text = "\n".join([*lines, f"{found.n_rows:,} rows: {word}"])
    return FINE if found.is_fine else SAYS_NO, body, text


def hash_(given: argparse.Namespace, screen: Screen) -> Result:
    layout = layout_of(given)
    columns = [roles.IdColumn.parse(one) for one in given.column]
    out = given.out or beside(layout.path, "hashed")
    if out.resolve() == layout.path.resolve():
        raise Failure("same_file", "The copy needs another name than the file.")
    with screen.bar("Hashing", layout.path.stat().st_size) as progress:
        done = hashing.hash_file(
            layout, columns, out, drop=given.drop, keep_invalid_empty=given.invalid == "empty", progress=progress
        )
    body = {**asdict(done), "out": str(done.out)}
    rest = f", {done.n_empty:,} empty" + (f", {done.n_invalid:,} made empty" if done.n_invalid else "")
    return FINE, body, f"{done.out}: {done.n_rows:,} rows, {done.n_hashed:,} values hashed{rest}"


def upload(given: argparse.Namespace, screen: Screen) -> Result:
    plan = roles.read_plan(given.plan).body
    if not given.file.is_file():
        raise Failure("no_file", f"There is no file {given.file}.")
    site = site_of(given)
    body = send(site, given, given.file, plan, screen, import_=not given.no_import)
    text = f"sent {body['size_bytes']:,} bytes, sha256 {body['sha256']}, upload {body['upload']}"
    if "sample" in body:
        text += f"\nsample {body['sample']}: {body['summary'].get('n_rows', 0):,} rows imported"
    return FINE, body, text


def send(
    site: Site, given: argparse.Namespace, path: Path, plan: dict[str, Any], screen: Screen, *, import_: bool = True
) -> dict[str, Any]:
    """Upload a file and import it as a sample; what the command says about it."""
    size = path.stat().st_size
    with screen.bar("Reading", size) as progress:
        sha256 = sending.sha256_of(path, progress)
    piece_bytes = max(1, getattr(given, "piece_mib", 8)) * 1024**2
    with screen.bar("Sending", size) as progress:
        sent = sending.send_file(site, given.project, path, sha256, piece_bytes=piece_bytes, progress=progress)
    body = asdict(sent)
    if not import_:
        return body
    order = {"upload": sent.upload, "plan": plan, "name": given.name}
    number = site.call("POST", f"projects/{given.project}/samples", json=order)["number"]
    screen.say(f"Importing sample {number} …")
    path_of = f"projects/{given.project}/samples/{number}"
    sample = site.wait(path_of, lambda one: one["state"] in {"ready", "failed"}, 24 * 3600)
    if sample["state"] == "failed":
        error = sample.get("error") or {}
        text = error.get("message") or "The import failed."
        raise Failure(error.get("code") or "import_failed", text, SAYS_NO, error.get("detail"))
    return {**body, "sample": number, "summary": sample["summary"]}


def private_match(given: argparse.Namespace, screen: Screen) -> Result:
    layout, site = layout_of(given), site_of(given)
    plan = roles.read_plan(given.plan).body
    if given.send and not plan:
        raise Failure("usage", "--send needs --plan, which says what the columns are.")
    if given.send and given.reveal == "size" and not given.session:
        raise Failure("usage", "A session that reveals sizes has no known rows to send.")
    session = _session(given, layout, site, screen)
    _agree(given, session["reveal"], screen)
    out = given.out or beside(layout.path, "known")
    outcome = sessions.carry_out(site, session, layout, given.column, out, screen, keep=given.keep_session)
    body = asdict(outcome)
    text = _told(outcome)
    if given.send and outcome.n_rows_kept:
        body["sent"] = send(site, given, out, {**plan, "encoding": "utf-8", "delimiter": ","}, screen)
        text += f"\nsample {body['sent']['sample']}: {outcome.n_rows_kept:,} known rows imported"
    return FINE, body, text


def _session(given: argparse.Namespace, layout: tables.Layout, site: Site, screen: Screen) -> Any:
    number = given.session
    if not number:
        if not given.source or not given.id_type:
            raise Failure("usage", "Name --session, or --source and --id-type for a new one.")
        most = given.max_ids or len(sessions.ids_of(layout, given.column, given.id_type)[1])
        wanted = {"source": given.source, "id_type": given.id_type, "reveal": given.reveal, "max_ids": most}
        number = sessions.begin(site, given.project, {**wanted, "days": given.days})["id"]
        screen.say(f"Asked for session {number}.")
    return sessions.opened(site, given.project, number, given.wait * 60, screen)


def _agree(given: argparse.Namespace, reveal: str, screen: Screen) -> None:
    """Say what each side learns, and go on only if that is wanted."""
    screen.say(sessions.learns(reveal))
    if given.yes:
        return
    if not sys.stdin.isatty():
        raise Failure("not_agreed", "Agree with --yes: nobody is there to be asked. Nothing was sent.")
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Failure("not_agreed", "Nothing was sent.", SAYS_NO)


def _told(outcome: sessions.Outcome) -> str:
    traffic = f"{outcome.bytes_sent:,} bytes sent, {outcome.bytes_received:,} received, {outcome.seconds} s"
    if outcome.size is not None:
        size = outcome.size
        return f"about {size.n_shared:,} of {outcome.n_ids:,} ids are known (± {size.margin:,})\n{traffic}"
    known = f"{outcome.n_known:,} of {outcome.n_ids:,} ids are known"
    return f"{known}; {outcome.n_rows_kept:,} of {outcome.n_rows:,} rows in {outcome.out}\n{traffic}"


def report(given: argparse.Namespace, screen: Screen) -> Result:
    match = reports.fetch(site_of(given), given.project, given.match)
    return FINE if match["state"] == "ready" else SAYS_NO, match, reports.text(match)


def purge(given: argparse.Namespace, screen: Screen) -> Result:
    if not (given.local or given.session or given.sample):
        raise Failure("usage", "Name what to delete: --local, --session or --sample.")
    if (given.session or given.sample) and not given.project:
        raise Failure("usage", "--session and --sample need --project.")
    if given.sample and not given.reason:
        raise Failure("usage", "--sample needs --reason, which stands in the certificate.")
    body: dict[str, Any] = {}
    lines = []
    if given.local:
        body["files"] = _forget_files()
        lines += [f"deleted {path}" for path in body["files"]] or ["no files of this command are left here"]
    if given.session:
        site_of(given).call("DELETE", f"{sessions.base(given.project)}/{given.session}")
        body["session"] = given.session
        lines.append(f"ended session {given.session}; the platform keeps its sizes and the audit log")
    if given.sample:
        path = f"projects/{given.project}/samples/{given.sample}"
        site = site_of(given)
        begun = site.call("DELETE", path, json={"reason": given.reason})
        screen.say(f"Deletion {begun['number']} …")
        body["certificate"] = site.wait(begun["url"], lambda one: one["state"] != "removing", 3600)
        lines.append(json.dumps(body["certificate"], ensure_ascii=False, indent=1))
    return FINE, body, "\n".join(lines)


def _forget_files() -> list[str]:
    """Delete what this command wrote with people's hashes in it; files that are gone already are passed over."""
    gone = []
    for name in notes.of(notes.FILES):
        if Path(name).is_file():
            Path(name).unlink()
            gone.append(name)
        notes.keep(notes.FILES, name, None)
    for name in notes.of(notes.UPLOADS):
        notes.keep(notes.UPLOADS, name, None)
    return gone


COMMANDS: dict[str, Callable[[argparse.Namespace, Screen], Result]] = {
    "check": check,
    "hash": hash_,
    "upload": upload,
    "private-match": private_match,
    "report": report,
    "purge": purge,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    given = options.parser().parse_args(arguments)
    try:
        status, body, text = COMMANDS[given.command](given, Screen(given.quiet or given.json))
    except Failure as error:
        return _failed(given, error)
    except KeyboardInterrupt:
        return _failed(given, Failure("stopped", "Stopped. The same command continues an upload.", CANNOT))
    except ImportError as error:
        text = f"{error.name} is missing: pip install 'etron-partner[private]'"
        return _failed(given, Failure("not_installed", text, CANNOT))
    except OSError as error:
        return _failed(given, Failure("file", str(error), CANNOT))
    print(json.dumps({"ok": status == FINE, **body}, ensure_ascii=False, default=str) if given.json else text)
    return status


def _failed(given: argparse.Namespace, error: Failure) -> int:
    if given.json:
        print(json.dumps({"ok": False, "error": error.body()}, ensure_ascii=False, default=str))
    else:
        print(f"etron-partner: {error.message}", file=sys.stderr)
    return error.status
