"""One rule for every door: raw values are written alike before they are hashed."""

import ast
import hashlib
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etron_partner import identifiers
from etron_partner.elements import element
from etron_partner.identifiers import NotThisKind, hash_format, hashed, normalise
from etron_partner.personal import tokens

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests/golden/id_normalisation.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("line", VECTORS, ids=lambda line: f"{line['kind']} {line['raw']!r}")
def test_the_vectors_that_every_client_shares(line):
    if line["normalised"] is None:
        with pytest.raises(NotThisKind) as caught:
            normalise(line["kind"], line["raw"])
        assert not line["raw"] or line["raw"] not in str(caught.value), "an error never quotes a personal number"
        return
    text = normalise(line["kind"], line["raw"])
    assert (text, hashed(text, "md5"), hashed(text, "sha256")) == (line["normalised"], line["md5"], line["sha256"])
    assert hashlib.sha256(text.encode()).hexdigest() == line["sha256"]


@given(st.sampled_from(["mobile", "idno", "bankcard", "email", "device"]), st.text(max_size=30))
def test_normalising_twice_changes_nothing(kind, value):
    try:
        once = normalise(kind, value)
    except NotThisKind:
        return
    assert normalise(kind, once) == once


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", "86", "+86", "+86 ", "0086-"]))
def test_one_mobile_number_in_many_dresses(number, prefix):
    dressed = f"{prefix}{number[:3]} {number[3:7]}-{number[7:]}"
    assert normalise("mobile", dressed) == number
    assert ("mobile", True) in list(tokens(dressed))


def test_the_hash_is_one_that_can_be_made_here():
    with pytest.raises(ValueError, match="md5, sha256"):
        hashed("x", "sm3")


@pytest.mark.parametrize(("value", "found"), [("a" * 32, "32"), ("A" * 64, "64"), ("g" * 32, None), ("a" * 33, None)])
def test_formats_of_hashes(value, found):
    assert hash_format(value) == found


def test_two_kinds_with_one_hash_are_two_elements():
    assert element("mobile__md5", "ab") != element("idno__md5", "ab")


def test_the_rules_need_nothing_but_python():
    tree = ast.parse(Path(identifiers.__file__).read_text(encoding="utf-8"))
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {str(name).split(".")[0] for name in names} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", sorted((ROOT / "etron_partner").glob("*.py")), ids=lambda path: path.name)
def test_the_package_speaks_python_3_9(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
