"""Short phrases that pure code writes into results, in the reader's language. They are stored in English."""

import re
from typing import Any

from django.utils.translation import gettext, gettext_noop

PHRASES = (
    (r"kept", gettext_noop("kept")),
    (r"not in the bin set", gettext_noop("not in the bin set")),
    (r"one value only", gettext_noop("one value only")),
    (r"dates are not modelled", gettext_noop("dates are not modelled")),
    (r"IV below (?P<limit>\S+)", gettext_noop("IV below %(limit)s")),
    (
        r"correlation with (?P<other>.+) above (?P<limit>\S+)",
        gettext_noop("correlation with %(other)s above %(limit)s"),
    ),
    (r"VIF above (?P<limit>\S+)", gettext_noop("VIF above %(limit)s")),
    (r"IV above (?P<limit>\S+)", gettext_noop("IV above %(limit)s")),
    (r"missing above (?P<limit>\S+)", gettext_noop("missing above %(limit)s")),
    (r"commonest value above (?P<limit>\S+)", gettext_noop("commonest value above %(limit)s")),
    (r"KS below (?P<limit>\S+)", gettext_noop("KS below %(limit)s")),
    (r"AUC below (?P<limit>\S+)", gettext_noop("AUC below %(limit)s")),
    (r"PSI above (?P<limit>\S+)", gettext_noop("PSI above %(limit)s")),
    (r"order kept by month below (?P<limit>\S+)", gettext_noop("order kept by month below %(limit)s")),
    (r"left out by hand", gettext_noop("left out by hand")),
    (r"more bins than can be measured", gettext_noop("more bins than can be measured")),
    (r"no values", gettext_noop("no values")),
    (r"one bin only", gettext_noop("one bin only")),
    (r"text: nearly every row has a value of its own", gettext_noop("text: nearly every row has a value of its own")),
    (r"coefficient not below 0", gettext_noop("coefficient not below 0")),
    (r"p above (?P<limit>\S+)", gettext_noop("p above %(limit)s")),
    (r"events, (?P<days>\d+) days", gettext_noop("events, %(days)s days")),
    (r"sum of (?P<field>.+), (?P<days>\d+) days", gettext_noop("sum of %(field)s, %(days)s days")),
    (r"mean of (?P<field>.+), (?P<days>\d+) days", gettext_noop("mean of %(field)s, %(days)s days")),
    (r"max of (?P<field>.+), (?P<days>\d+) days", gettext_noop("max of %(field)s, %(days)s days")),
    (r"distinct of (?P<field>.+), (?P<days>\d+) days", gettext_noop("distinct of %(field)s, %(days)s days")),
    (r"Missing", gettext_noop("Missing")),
    (r"Other", gettext_noop("Other")),
    (r"upload", gettext_noop("upload")),
    (r"sample", gettext_noop("sample")),
    (r"source version", gettext_noop("source version")),
    (r"match", gettext_noop("match")),
    (r"feature table", gettext_noop("feature table")),
    (r"run", gettext_noop("run")),
    (r"The retention date has passed\.", gettext_noop("The retention date has passed.")),
    (r"Special (?P<code>\S+)", gettext_noop("Special %(code)s")),
)
KNOWN = tuple((re.compile(pattern), sentence) for pattern, sentence in PHRASES)


def worded(text: Any) -> str:
    """The phrase translated; anything else as it is.

    >>> worded("IV below 0.02")
    'IV below 0.02'
    >>> worded("(-inf, 3)")
    '(-inf, 3)'
    """
    given = str(text or "")
    for pattern, sentence in KNOWN:
        if found := pattern.fullmatch(given):
            return gettext(sentence) % found.groupdict() if found.groupdict() else gettext(sentence)
    return given
