"""The words of the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

ENDS = """\
exit codes:
  0  done, and nothing is wrong
  1  the file or the platform says no: problems were found, a request was refused, work failed
  2  it could not be tried: wrong use, a missing file, no connection, not signed in

The platform's address and your token come from --url and --token, ETRON_URL and ETRON_TOKEN, or the section [platform]
of ~/.etron-partner/config.ini, which nobody else may read (chmod 600).
"""


def parser() -> argparse.ArgumentParser:
    """``etron-partner [options] check | hash | upload | private-match | report | purge``."""
    top = argparse.ArgumentParser(
        prog="etron-partner",
        description="Checks, hashes and sends a sample, and matches it privately.",
        epilog=ENDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--url", help="the platform's address")
    top.add_argument("--token", help="your API token; better in ETRON_TOKEN or the configuration file")
    top.add_argument("--json", action="store_true", help="write one JSON object and nothing else")
    top.add_argument("--quiet", action="store_true", help="no progress and no remarks")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _check(commands.add_parser("check", help="find what is wrong with a sample, here, without sending anything"))
    _hash(commands.add_parser("hash", help="write a copy with raw numbers normalised and hashed"))
    _upload(commands.add_parser("upload", help="send a sample, continue if the line breaks, and import it"))
    _private_match(commands.add_parser("private-match", help="find out which ids, or how many, the platform knows"))
    _report(commands.add_parser("report", help="read the report of a match"))
    _purge(commands.add_parser("purge", help="delete files made here, a session, or a sample with a certificate"))
    return top


def _file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV, plain or gzipped")
    parser.add_argument("--encoding", help="for example utf-8, gb18030, utf-16; found out if left out")
    parser.add_argument("--delimiter", help="found out if left out")


def _project(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", required=True, metavar="NAME", help="short name of the project, as in its address")


def _check(parser: argparse.ArgumentParser) -> None:
    _file(parser)
    parser.add_argument("--plan", type=Path, help="roles of the columns as JSON, as for upload")
    parser.add_argument("--id", action="append", default=[], metavar="COLUMN:KIND:ALGORITHM", help="a column of ids")
    parser.add_argument("--row-id", metavar="COLUMN")
    parser.add_argument("--observed-at", metavar="COLUMN", help="when each application was made")
    parser.add_argument("--label", metavar="COLUMN", help="the outcome: 1 is bad and 0 good unless the plan says else")


def _hash(parser: argparse.ArgumentParser) -> None:
    _file(parser)
    parser.add_argument(
        "--column",
        action="append",
        required=True,
        metavar="COLUMN:KIND:ALGORITHM",
        help="kind: mobile, idno, bankcard, email or a name of your own; algorithm: sha256 or md5",
    )
    parser.add_argument(
        "--drop", action="append", default=[], metavar="COLUMN", help="leave a column out: names, for one"
    )
    parser.add_argument("--out", type=Path, help="default: FILE with .hashed before its ending")
    parser.add_argument(
        "--invalid", choices=["stop", "empty"], default="stop", help="values that are not of their kind"
    )


def _upload(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV (plain or .gz), Parquet or Excel (.xlsx)")
    _project(parser)
    parser.add_argument("--plan", type=Path, required=True, help="roles of the columns as JSON")
    parser.add_argument("--name", default="", help="of the sample")
    parser.add_argument("--piece-mib", type=int, default=8, help="size of the pieces that are sent")
    parser.add_argument("--no-import", action="store_true", help="send the file and stop")


def _private_match(parser: argparse.ArgumentParser) -> None:
    _file(parser)
    _project(parser)
    parser.add_argument("--column", required=True, help="the column of hashed ids")
    parser.add_argument("--session", help="a session that was asked for before; else --source and --id-type")
    parser.add_argument("--source", help="short name of the source to ask")
    parser.add_argument("--id-type", help="for example mobile__sha256")
    parser.add_argument("--reveal", choices=["ids", "size"], default="ids")
    parser.add_argument("--max-ids", type=int, help="default: the ids of the file")
    parser.add_argument("--days", type=int, default=7, help="until the session ends by itself")
    parser.add_argument("--wait", type=float, default=0, metavar="MINUTES", help="for approval and set-up")
    parser.add_argument("--out", type=Path, help="the known rows; default: FILE with .known before its ending")
    parser.add_argument("--send", action="store_true", help="upload the known rows as a sample; needs --plan")
    parser.add_argument("--plan", type=Path, help="roles of the columns as JSON")
    parser.add_argument("--name", default="", help="of the sample")
    parser.add_argument("--keep-session", action="store_true", help="do not end the session afterwards")
    parser.add_argument("--yes", action="store_true", help="agree to what each side learns without being asked")


def _report(parser: argparse.ArgumentParser) -> None:
    _project(parser)
    parser.add_argument("--match", type=int, help="its number; the newest one that is ready if left out")


def _purge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--local", action="store_true", help="delete the files that this command made, and its notes")
    parser.add_argument("--project", metavar="NAME")
    parser.add_argument("--session", help="end this session of private matching")
    parser.add_argument("--sample", type=int, metavar="NUMBER", help="delete this sample for good")
    parser.add_argument("--reason", default="", help="of a deletion; stands in the certificate")
