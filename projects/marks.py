"""Plain words for the marks that results carry; the names are those of :mod:`modeling.marks`."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from modeling import marks as names

Text = str | Promise

SENTENCES: dict[str, tuple[Text, Text]] = {
    names.LEAKAGE_UNKNOWN: (
        gettext_lazy("Leakage cannot be excluded."),
        gettext_lazy("The sample or a source has no time, so values may have become known only after the application."),
    ),
    names.IMMATURE_MONTHS: (
        gettext_lazy("Some months are not mature."),
        gettext_lazy("Their applications had less time than the performance window; their bad rate will still rise."),
    ),
    names.MATURITY_SUSPECTED: (
        gettext_lazy("The last months may not be mature."),
        gettext_lazy("The bad rate falls towards the end, and no performance window was given."),
    ),
    names.BEFORE_SOURCE: (
        gettext_lazy("Some applications lie before the first data of a source."),
        gettext_lazy("Nothing could be known about them there."),
    ),
    names.ZERO_DELAY: (
        gettext_lazy("A source has no known-at time and no delay."),
        gettext_lazy("Its events count as known the moment they happened."),
    ),
    names.THIN_LEAVES: (
        gettext_lazy("Some leaves hold too few people."),
        gettext_lazy("The model cannot be published as it is: raise the weight of a leaf or lower the depth."),
    ),
    names.SHARED_PEOPLE: (
        gettext_lazy("Some people are in train and in OOT."),
        gettext_lazy("They applied early and again late; the live model will meet returning people too."),
    ),
    names.POPULATION_DIFFERS: (
        gettext_lazy("The matched are a different population from the unmatched."),
        gettext_lazy("Figures on matched rows do not hold for all applicants; read both, and the match report."),
    ),
    names.LEAK_SUSPECTED: (
        gettext_lazy("A column may know the outcome."),
        gettext_lazy("The leak scan of the feature table names it and says why."),
    ),
}


@dataclass(frozen=True)
class Mark:
    """A mark as a page shows it."""

    mark: str
    title: str
    text: str


def in_words(marks: Iterable[str]) -> list[Mark]:
    """Every mark in words; one without words of its own is still shown."""
    return [Mark(name, *(str(part) for part in SENTENCES.get(name, (name, "")))) for name in marks]
