"""Marks: one list of names, each with its sentences."""

import pytest
from django.utils import translation

from modeling import marks as names
from projects import marks
from projects.templatetags.figures import mark_label


def test_every_mark_has_its_sentences():
    assert set(marks.SENTENCES) == set(names.ALL)
    constants = {value for name, value in vars(names).items() if name.isupper() and name != "ALL"}
    assert constants == set(names.ALL)


@pytest.mark.parametrize("name", names.ALL)
def test_pages_show_a_sentence_and_not_a_name(name):
    with translation.override("en"):
        (said,) = marks.in_words([name])
        assert said.title.endswith(".")
        assert said.text.endswith(".")
        assert mark_label(name) == f"{said.title} {said.text}"


def test_a_mark_without_words_is_still_shown():
    assert marks.in_words(["new_limit"])[0].title == "new_limit"
    assert mark_label("new_limit") == "new_limit"
