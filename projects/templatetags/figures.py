"""Figures, states and icons as every page shows them: true minus sign, same decimals, fractions as percents."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from projects import marks
from projects.phrases import worded

register = template.Library()
register.filter("worded", worded)

NONE = "–"
MINUS = "−"
THIN = "\N{NO-BREAK SPACE}"


def number(value: Any) -> float | None:
    """A finite number or None: missing, NaN and text show as a dash."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


def written(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    if text.startswith("-"):
        return text[1:] if float(text.replace(",", "")) == 0 else MINUS + text[1:]
    return text


@register.filter
def figure(value: Any, decimals: Any = 0) -> str:
    """``{{ n|figure }}`` 58,214; ``{{ ks|figure:3 }}`` 0.371; ``-1`` with a true minus sign."""
    known = number(value)
    return NONE if known is None else written(known, int(decimals))


@register.filter
def signed(value: Any, decimals: Any = 3) -> str:
    """A difference: always with its sign."""
    known = number(value)
    if known is None:
        return NONE
    text = written(known, int(decimals))
    return text if text.startswith(MINUS) or float(text.replace(",", "")) == 0 else "+" + text


@register.filter
def pct(value: Any, decimals: Any = 1) -> str:
    """A fraction in percent, without the sign: for columns whose head says %."""
    known = number(value)
    return NONE if known is None else written(known * 100, int(decimals))


@register.filter
def percent(value: Any, decimals: Any = 1) -> str:
    """A fraction in percent with its sign."""
    text = pct(value, decimals)
    if text == NONE:
        return text
    return f"{text}%" if chinese() else f"{text}{THIN}%"


@register.filter
def points(value: Any, decimals: Any = 1) -> str:
    """A difference of fractions in percentage points: ``−2.1 pts``."""
    known = number(value)
    return NONE if known is None else _("%(figure)s pts") % {"figure": signed(known * 100, decimals)}


def chinese() -> bool:
    return (get_language() or "").startswith("zh")


UNITS_EN = ((1e9, "B"), (1e6, "M"))
UNITS_ZH = ((1e8, "亿"), (1e4, "万"))


@register.filter
def compact(value: Any) -> str:
    """Large counts in nodes and tiles: 58,214; 96.4 M; 1.21 B (万, 亿 in Chinese)."""
    known = number(value)
    if known is None:
        return NONE
    for size, unit in UNITS_ZH if chinese() else UNITS_EN:
        if abs(known) >= size * (10 if unit == "万" else 1):
            return f"{written(known / size, 2 if abs(known) < 10 * size else 1)}{THIN}{unit}"
    return written(known, 0)


def trimmed(value: float, decimals: int) -> str:
    """``0.367`` as ``.367``: beside a figure that shows the zero."""
    text = written(value, decimals)
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


@register.simple_tag
def interval(low: Any, high: Any, decimals: int = 3) -> str:
    """``.338–.404``"""
    a, b = number(low), number(high)
    return "" if a is None or b is None else f"{trimmed(a, decimals)}–{trimmed(b, decimals)}"


@register.filter
def half_width(figure_with_interval: Any, decimals: Any = 3) -> str:
    """``± 0.033`` of a ``{value, low, high}``."""
    if not isinstance(figure_with_interval, Mapping):
        return ""
    low, high = number(figure_with_interval.get("low")), number(figure_with_interval.get("high"))
    return "" if low is None or high is None else f"± {written((high - low) / 2, int(decimals))}"


@register.filter
def size(value: Any) -> str:
    """Bytes: ``12.4 MB``."""
    known = number(value)
    if known is None:
        return NONE
    for unit in ("B", "kB", "MB", "GB"):
        if abs(known) < 1000 or unit == "GB":
            break
        known /= 1000
    return f"{written(known, 0 if unit == 'B' else 1)}{THIN}{unit}"


@register.filter
def duration(value: Any) -> str:
    """Seconds or a timedelta: ``42 ms``, ``8 s``, ``6 min 12 s``, ``2 h 05 min``."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else number(value)
    if seconds is None:
        return NONE
    if seconds < 1:
        return _("%(n)s ms") % {"n": round(seconds * 1000)}
    whole = int(seconds)
    if whole < 60:
        return _("%(n)s s") % {"n": whole}
    if whole < 3600:
        return _("%(min)s min %(s)02d s") % {"min": whole // 60, "s": whole % 60}
    return _("%(h)s h %(min)02d min") % {"h": whole // 3600, "min": whole % 3600 // 60}


def moment(value: Any) -> datetime | date | None:
    if isinstance(value, str) and value:
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return timezone.localtime(aware)
    return value if isinstance(value, date) else None


@register.filter
def when(value: Any) -> str:
    """A moment in the zone of the site: ``2026-11-18 10:00``. Accepts ISO text."""
    known = moment(value)
    if known is None:
        return NONE
    return date_format(known, "Y-m-d H:i" if isinstance(known, datetime) else "Y-m-d")


@register.filter
def day(value: Any) -> str:
    """``2026-11-18``"""
    known = moment(value)
    return NONE if known is None else date_format(known, "Y-m-d")


@register.simple_tag
def ago(value: Any) -> str:
    """``12 minutes ago``, with the exact moment as a tooltip."""
    known = moment(value)
    if not isinstance(known, datetime):
        return NONE
    text = _("%(time)s ago") % {"time": timesince(known, depth=1)}
    if timezone.now() - known < timedelta(minutes=1):
        text = _("just now")
    return format_html('<time datetime="{}" title="{}">{}</time>', known.isoformat(), when(known), text)


@register.filter
def short(value: Any) -> str:
    """The first twelve digits of a fingerprint, in fours: ``9f41 c2aa 07de``."""
    text = str(value or "")[:12]
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4)) or NONE


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """``mapping[key]``, or None."""
    if isinstance(mapping, Mapping):
        return mapping.get(key)
    try:
        return mapping[key]
    except (TypeError, KeyError, IndexError):
        return None


@register.filter
def width(value: Any, most: Any = 1) -> str:
    """A share of ``most`` as a CSS percentage for ``cell-bar`` and ``progress``: ``37.5%``."""
    part, whole = number(value), number(most)
    if part is None or not whole:
        return "0%"
    return f"{min(100.0, max(0.0, 100 * part / whole)):.1f}%"


@register.filter
def msg(value: Any) -> str:
    """A sentence that came out of pure code: ``{"template", "params"}`` or plain text, in the reader's language."""
    if isinstance(value, Mapping):
        sentence = _(value.get("template") or value.get("text") or value.get("message") or "")
        try:
            return sentence % _in_words(value.get("params") or {})
        except (KeyError, TypeError, ValueError):
            return sentence
    return _(str(value)) if value else ""


def _in_words(params: Mapping[str, Any]) -> dict[str, Any]:
    """Names of splits as they stand on the screen: OOT, not oot."""
    return {name: split_label(value) if name in ("split", "where") else value for name, value in params.items()}


TONES = {
    "good": "ready answered finished approved live open active passed matched granted accepted good",
    "bad": "failed refused revoked error withdrawn lost broken bad",
    "warn": "reviewing requested waiting submitted returned expiring expired suspected immature warn",
    "running": "running building preparing",
    "stale": "stale superseded",
    "partner": "partner",
    "platform": "platform",
    "joint": "joint",
}
TONE_OF = {state: tone for tone, states in TONES.items() for state in states.split()}

LABELS = {
    "ready": gettext_noop("Ready"),
    "queued": gettext_noop("Queued"),
    "running": gettext_noop("Running"),
    "failed": gettext_noop("Failed"),
    "finished": gettext_noop("Finished"),
    "cancelled": gettext_noop("Cancelled"),
    "draft": gettext_noop("Draft"),
    "submitted": gettext_noop("Waiting for approval"),
    "returned": gettext_noop("Returned"),
    "approved": gettext_noop("Approved"),
    "live": gettext_noop("Live"),
    "retired": gettext_noop("Retired"),
    "reviewing": gettext_noop("Under review"),
    "open": gettext_noop("Open"),
    "archived": gettext_noop("Archived"),
    "waiting": gettext_noop("Waiting"),
    "refused": gettext_noop("Refused"),
    "active": gettext_noop("Active"),
    "expired": gettext_noop("Expired"),
    "revoked": gettext_noop("Revoked"),
    "withdrawn": gettext_noop("Withdrawn"),
    "stale": gettext_noop("Stale"),
    "passed": gettext_noop("Passed"),
    "partner": gettext_noop("Partner"),
    "platform": gettext_noop("Platform"),
    "joint": gettext_noop("Joint"),
}


@register.filter
def tone(state: Any) -> str:
    """The badge's modifier for a state or a party; empty for neutral ones."""
    return TONE_OF.get(str(state), "")


@register.filter
def state_label(state: Any) -> str:
    label = LABELS.get(str(state))
    return _(label) if label else str(state)


@register.simple_tag
def icon(name: str, title: str = "") -> SafeString:
    """One symbol of static/img/icons.svg; without a title it is decoration."""
    target = f"{static('img/icons.svg')}#i-{name}"
    if title:
        return format_html(
            '<svg class="ico" role="img" aria-label="{}"><title>{}</title><use href="{}"/></svg>', title, title, target
        )
    return format_html('<svg class="ico" aria-hidden="true"><use href="{}"/></svg>', target)


def plain(value: Any) -> Any:
    """JSON without NaN, infinities and numpy types: a browser reads null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


@register.filter
def chart_json(value: Any, element_id: str) -> SafeString:
    """The figure as an inert script element that the chart widget reads."""
    return json_script(plain(value), element_id)


@register.simple_tag(takes_context=True)
def query(context: Mapping[str, Any], **changes: Any) -> str:
    """The current query string with some keys changed; None removes a key. For pagers and sorted heads."""
    parameters = context["request"].GET.copy()
    for key, value in changes.items():
        if value in (None, ""):
            parameters.pop(key, None)
        else:
            parameters[key] = str(value)
    return f"?{parameters.urlencode()}"


@register.simple_tag
def stat_rows(splits: Any, figure_name: str) -> list[dict[str, Any]]:
    """Rows of a tile with intervals from ``{split: {figure: {value, low, high}}}``, on one common scale."""
    rows = [
        {"split": split, **dict(figures[figure_name])}
        for split, figures in (splits or {}).items()
        if isinstance(figures, Mapping) and isinstance(figures.get(figure_name), Mapping)
    ]
    known = [number(row.get(end)) for row in rows for end in ("low", "high", "value")]
    inside = [value for value in known if value is not None]
    least, most = (min(inside), max(inside)) if inside else (0.0, 1.0)
    return [row | placed(row, least, most) for row in rows]


def placed(row: Mapping[str, Any], least: float, most: float) -> dict[str, float | None]:
    value, low, high = (number(row.get(name)) for name in ("value", "low", "high"))
    span = (most - least) or 1.0
    at = {
        name: None if end is None else 4 + 52 * (end - least) / span
        for name, end in (("x", value), ("x1", low), ("x2", high))
    }
    return {**at, "box": None if at["x"] is None else at["x"] - 1.5}


SPLITS = {
    "train": gettext_noop("Train"),
    "valid": gettext_noop("Valid"),
    "test": gettext_noop("Test"),
    "oot": gettext_noop("OOT"),
    "oof": gettext_noop("Out of fold"),
    "all": gettext_noop("All"),
}


@register.filter
def split_label(split: Any) -> str:
    label = SPLITS.get(str(split))
    return _(label) if label else str(split)


@register.filter
def split_tone(split: Any) -> str:
    """The colour of a split: a test by chance has that of a test by time."""
    return {"train": "train", "valid": "valid"}.get(str(split), "oot")


@register.filter
def unlocal(value: Any) -> str:
    """A coordinate for SVG: always with a point."""
    known = number(value)
    return "0" if known is None else f"{known:.2f}"


@register.filter
def ratio(part: Any, whole: Any) -> float | None:
    """``part / whole``, or None."""
    a, b = number(part), number(whole)
    return a / b if a is not None and b else None


@register.filter
def elapsed(job: Any) -> str:
    """How long a job has run, or took."""
    return duration((job.finished_at or timezone.now()) - job.started_at) if job.started_at else NONE


@register.filter
def remaining(job: Any) -> float | None:
    """Seconds that a running job still needs at its pace so far; None while that would be a guess."""
    share = ratio(job.rows_done, job.rows_total)
    if not job.started_at or not share or not 0.03 < share < 1:
        return None
    spent: float = (timezone.now() - job.started_at).total_seconds()
    return spent * (1 - share) / share


@register.filter
def control(field: Any) -> SafeString:
    """A bound field's widget with the sheet's class and its hint and error tied to it."""
    attributes = dict(field.field.widget.attrs)
    if field.widget_type not in {"checkbox", "radioselect", "checkboxselectmultiple", "clearablefile", "file"}:
        attributes["class"] = f"input {attributes.get('class', '')}".strip()
    if field.errors:
        attributes["aria-invalid"] = "true"
        attributes["aria-describedby"] = f"{field.auto_id}_error"
    rendered: SafeString = field.as_widget(attrs=attributes)
    return rendered


@register.filter
def mark_label(mark: Any) -> str:
    """What a ticket's mark means."""
    said = marks.in_words([str(mark)])[0]
    return f"{said.title} {said.text}".strip()


@register.filter
def spark(values: Any, box: str = "80x20") -> str:
    """Path of a small line through ``values``, oldest first, in a box of that size with 3 units of margin."""
    known = [value for value in map(number, values or ()) if value is not None]
    if len(known) < 2:
        return ""
    across, down = (float(part) for part in box.split("x"))
    least, span = min(known), (max(known) - min(known)) or 1.0
    step = (across - 4) / (len(known) - 1)
    points = (
        f"{2 + at * step:.1f} {down - 3 - (down - 6) * (value - least) / span:.1f}" for at, value in enumerate(known)
    )
    return "M" + " L".join(points)
