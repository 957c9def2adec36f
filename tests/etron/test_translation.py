"""Simplified Chinese is complete: every string of pages, forms and pure code, with the same holes."""

import ast
import re

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.urls import reverse

from etron.sentences import sentences
from modeling import charts

CATALOG = settings.BASE_DIR / "locale/zh_Hans/LC_MESSAGES/django.po"
HOLE = re.compile(r"%\((\w+)\)")
HAN = re.compile(r"[\u4e00-\u9fff]")
SAME_IN_BOTH = {"AUC", "KS", "PSI", "WOE", "OOT", "ROC", "p99"}  # the field's own signs


@pytest.fixture(scope="module")
def catalog():
    with CATALOG.open("rb") as stream:
        return read_po(stream, locale="zh_Hans")


def said(message):
    ids = message.id if isinstance(message.id, tuple) else (message.id,)
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return ids, strings


def test_nothing_is_untranslated_or_in_doubt(catalog):
    empty = [message.id for message in catalog if message.id and not all(said(message)[1])]
    assert empty == []
    assert [message.id for message in catalog if message.id and message.fuzzy] == []


def test_translations_are_chinese(catalog):
    foreign = [text for message in catalog if message.id for text in said(message)[1] if not is_chinese(text)]
    assert foreign == []


def is_chinese(text):
    """Has a Chinese character, or no words at all once holes, marks and the field's own signs are taken away."""
    left = re.sub(r"%\(\w+\)s|%%|<[^>]+>|\bv\b", "", text).strip(" /−")
    return bool(HAN.search(text)) or left in SAME_IN_BOTH or not any(letter.isalpha() for letter in left)


def test_every_hole_is_kept(catalog):
    for message in catalog:
        ids, strings = said(message)
        wanted = set(HOLE.findall(ids[-1]))
        assert all(set(HOLE.findall(text)) == wanted for text in strings), message.id


def test_sentences_of_pure_code_are_in_the_catalog(catalog):
    missing = {text for text in sentences() | set(charts.WORDS) if catalog.get(text) is None}
    assert missing == set()


def marked():
    """Every string literal that Python code hands to gettext."""
    names = {"_", "gettext", "gettext_lazy", "gettext_noop"}
    rooms = ("projects", "datafactory", "models_registry", "risk_products", "etron")
    for path in (file for room in rooms for file in (settings.BASE_DIR / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(text)), *_]) if name in names:
                    yield text


TRANSLATE = re.compile(r"""{%\s*translate\s+(?:"([^"]+)"|'([^']+)')""")


def test_strings_of_code_and_templates_are_in_the_catalog(catalog):
    """So that a string added without `make messages` is noticed; blocks of templates are collected by that command."""
    found = set(marked())
    for path in (settings.BASE_DIR / "templates").rglob("*.html"):
        found |= {(one or other).replace("%", "%%") for one, other in TRANSLATE.findall(path.read_text())}
    assert {text for text in found if text and catalog.get(text) is None} == set()


@pytest.mark.django_db
def test_a_click_turns_the_pages_over_and_the_choice_stays(client_of, people, project):
    client = client_of(people.modeler)
    answer = client.post(reverse("set_language"), {"language": "zh-hans", "next": "/"}, follow=True)
    html = answer.content.decode()
    assert 'lang="zh-CN"' in html
    assert "等我处理" in html
    assert "Waiting for me" not in html
    people.modeler.refresh_from_db()
    assert people.modeler.language == "zh-hans"
    assert "流程图" in client.get(reverse("flow", args=[project.slug])).content.decode()
