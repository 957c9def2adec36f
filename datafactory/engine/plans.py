"""What a reader is told: limits of a file, roles of its columns, and what was guessed when nobody told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from modeling.artifacts import Kind
from modeling.errors import DataError

DEFAULT_NULLS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "\\N")
DEFAULT_ZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class Limits:
    """Bounds of one import: bytes on disk, bytes unpacked, rows, columns; people below which a cell is hidden."""

    max_bytes: int = 5 * 1024**3
    max_unpacked_bytes: int = 20 * 1024**3
    max_rows: int = 50_000_000
    max_columns: int = 5_000
    cell_floor: int = 10
    memory_mb: int = 2048
    threads: int = 2


@dataclass(frozen=True)
class Dialect:
    """How a file was saved. ``header``: the first row holds names. ``sheet``: of a workbook; None is the first."""

    format: str  # csv, csv.gz, parquet, xlsx
    encoding: str = "utf-8"
    delimiter: str = ","
    header: bool = True
    sheet: str | None = None


@dataclass(frozen=True)
class Saved:
    """How a file was saved, as far as somebody said so; None is found from the file."""

    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    sheet: str | None = None
    decimal: str | None = None
    nulls: tuple[str, ...] | None = None


@dataclass(frozen=True)
class IdRole:
    """A column that holds hashed ids: ``id_type`` is namespace + algorithm (``mobile__sha256``)."""

    column: str
    namespace: str
    algorithm: str

    @property
    def id_type(self) -> str:
        return f"{self.namespace}__{self.algorithm}"

    @property
    def target(self) -> str:
        return f"id__{self.id_type}"


@dataclass(frozen=True, kw_only=True)
class FilePlan:
    """How any file is read; ``None`` for encoding and delimiter means: as sniffed."""

    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    sheet: str | None = None
    decimal: str = "."
    nulls: tuple[str, ...] = DEFAULT_NULLS
    kinds: dict[str, Kind] = field(default_factory=dict)  # pinned; the others are inferred over the whole file
    specials: dict[str, tuple[float, ...]] = field(default_factory=dict)
    zone: str = DEFAULT_ZONE
    time_format: str | None = None  # strptime, "unix", "unix_ms"; None = found from the values
    ids: tuple[IdRole, ...] = ()


OPERATORS = ("in", "not_in", "lt", "le", "gt", "ge", "missing", "present")


@dataclass(frozen=True)
class Exclusion:
    """Rows that are left out: those whose value in ``column`` is in, not in, below, from … ``values``, or missing."""

    column: str
    operator: str
    values: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class SamplePlan(FilePlan):
    """Roles of a partner's sample file."""

    row_id: str | None = None
    observed_at: str | None = None
    label: str | None = None
    bad_values: tuple[str, ...] = ("1",)
    good_values: tuple[str, ...] = ("0",)
    indeterminate_values: tuple[str, ...] = ()  # neither: rows stay, without y
    bad_from: float | None = None  # a label that is a number, such as the worst days past due: bad from here on,
    good_to: float | None = None  # good up to here, indeterminate between
    exclusions: tuple[Exclusion, ...] = ()  # in order; the first that takes a row counts it
    weight: str | None = None
    split: str | None = None
    approved: str | None = None
    approved_values: tuple[str, ...] = ("1", "true", "yes", "approved")
    features: tuple[str, ...] | None = None  # None = every column without a role
    observation_window_months: int | None = None  # how far back before the application the partner's columns look
    performance_window_months: int | None = None
    outcomes_as_of: str | None = None  # ISO date on which outcomes were read

    def roles(self) -> dict[str, str]:
        """Role -> column, for the roles that are given once."""
        given = {
            "row_id": self.row_id,
            "observed_at": self.observed_at,
            "label": self.label,
            "weight": self.weight,
            "split": self.split,
            "approved": self.approved,
        }
        return {role: column for role, column in given.items() if column is not None}


@dataclass(frozen=True, kw_only=True)
class SourcePlan(FilePlan):
    """Roles of a platform-side source file. ``delay_days`` fills a missing ``known_at`` from the event time."""

    slug: str
    kind: str = "snapshot"  # or "events"
    event_time: str | None = None
    known_at: str | None = None
    delay_days: float = 0.0
    valid_days: int | None = None  # a row whose event is older than this before an application does not count for it
    fields: tuple[str, ...] | None = None
    titles: dict[str, str] = field(default_factory=dict)  # the field dictionary: what a field means

    def roles(self) -> dict[str, str]:
        given = {"event_time": self.event_time, "known_at": self.known_at}
        return {role: column for role, column in given.items() if column is not None}


@dataclass(frozen=True)
class ColumnGuess:
    """What the first rows say about one column."""

    name: str
    kind: Kind
    role: str = "feature"  # row_id, id, observed_at, known_at, label, weight, split, approved
    namespace: str = ""
    algorithm: str = ""
    n_missing: int = 0
    n_distinct: int = 0
    values: tuple[str, ...] = ()  # the few values of a column with few values, for the label's mapping
    time_format: str = ""  # of a column of dates


@dataclass(frozen=True)
class Sniff:
    """A file at first sight. ``preview`` has at most 100 rows; ids are masked in it."""

    format: str  # csv, csv.gz, parquet, xlsx
    encoding: str
    delimiter: str
    decimal: str
    header: bool
    columns: tuple[ColumnGuess, ...]
    preview: tuple[tuple[str, ...], ...]
    time_format: str = ""
    nulls: tuple[str, ...] = DEFAULT_NULLS
    warnings: tuple[str, ...] = ()
    sheet: str = ""
    sheets: tuple[str, ...] = ()  # of a workbook


def check_roles(plan: SamplePlan | SourcePlan, names: list[str]) -> None:
    """Raise :class:`DataError` when the plan names a column that is not there, or gives one column two roles."""
    if not plan.ids:
        raise DataError("no_id_column", "No column is marked as an id, so nothing could ever be matched.")
    _check_present(plan, names)
    _check_once(plan)
    if isinstance(plan, SamplePlan):
        check_design(plan)
    if isinstance(plan, SourcePlan):
        _check_moments(plan)


def _check_moments(plan: SourcePlan) -> None:
    if plan.known_at and not plan.event_time:
        raise DataError(
            "known_at_alone",
            "Column %(column)s says when a row was known, but none says when it happened. Mark it as the event time.",
            column=plan.known_at,
        )
    if plan.valid_days is None:
        return
    if plan.event_time is None:
        raise DataError("valid_days_need_time", "Rows can only grow too old in a source with an event time.")
    if not 0 < plan.valid_days <= 36_500:
        raise DataError("valid_days_value", "A row must be valid for between 1 and 36500 days.")


def check_design(plan: SamplePlan) -> None:
    """Raise :class:`DataError` when good and bad overlap, or an exclusion cannot be understood."""
    if (plan.bad_from is None) != (plan.good_to is None):
        raise DataError("label_rule", "Give both limits of the outcome: bad from, and good up to.")
    if plan.bad_from is not None and plan.good_to is not None and plan.good_to >= plan.bad_from:
        raise DataError(
            "label_rule",
            "Good up to %(good)s must lie below bad from %(bad)s.",
            good=plan.good_to,
            bad=plan.bad_from,
        )
    for number, rule in enumerate(plan.exclusions, 1):
        _check_exclusion(number, rule)


def _check_exclusion(number: int, rule: Exclusion) -> None:
    if rule.operator not in OPERATORS:
        raise DataError(
            "exclusion_operator",
            "Exclusion %(number)d: %(operator)s is not known. Choose one of %(known)s.",
            number=number,
            operator=rule.operator,
            known=", ".join(OPERATORS),
        )
    wanted = {"missing": 0, "present": 0, "in": None, "not_in": None}.get(rule.operator, 1)
    if (wanted is None and not rule.values) or (wanted is not None and len(rule.values) != wanted):
        raise DataError(
            "exclusion_values", "Exclusion %(number)d: the number of values does not fit its rule.", number=number
        )
    if wanted == 1 and not _is_limit(rule.values[0]):
        raise DataError(
            "exclusion_values",
            "Exclusion %(number)d: %(value)s is neither a number nor a day such as 2024-01-31.",
            number=number,
            value=rule.values[0][:30],
        )


def _is_limit(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?|\d{4}-\d{2}-\d{2}", text) is not None


def _check_present(plan: SamplePlan | SourcePlan, names: list[str]) -> None:
    chosen = plan.features if isinstance(plan, SamplePlan) else plan.fields
    wanted = [*plan.roles().values(), *(role.column for role in plan.ids), *(chosen or ()), *plan.kinds, *plan.specials]
    wanted += [rule.column for rule in plan.exclusions] if isinstance(plan, SamplePlan) else []
    for column in wanted:
        if column not in names:
            raise DataError(
                "column_missing",
                "The file has no column %(column)s. It has %(count)d: %(names)s. Is the delimiter right?",
                column=column,
                count=len(names),
                names=", ".join(name[:40] for name in names[:12]),
            )


def _check_once(plan: SamplePlan | SourcePlan) -> None:
    seen: dict[str, str] = {}
    for role, column in plan.roles().items():
        if column in seen:
            raise DataError(
                "role_twice",
                "Column %(column)s is given two roles: %(first)s and %(second)s.",
                column=column,
                first=seen[column],
                second=role,
            )
        seen[column] = role
    if len({role.target for role in plan.ids}) < len(plan.ids):
        raise DataError("id_type_twice", "Two columns are marked as the same type of id.")


def feature_columns(plan: SamplePlan | SourcePlan, names: list[str]) -> list[str]:
    """Columns to keep as features or fields, in the order of the file."""
    chosen = plan.features if isinstance(plan, SamplePlan) else plan.fields
    used = {*plan.roles().values(), *(role.column for role in plan.ids)}
    return [name for name in names if (name in chosen if chosen is not None else name not in used)]
