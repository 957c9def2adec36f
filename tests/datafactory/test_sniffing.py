"""A file at first sight: how it was saved, and what its columns seem to be."""

import pytest

from datafactory.engine.reading import sniff_file
from modeling.errors import DataError
from tests.datafactory.files import LIMITS, clean_rows, csv_bytes, digits, hashed, with_column, write


def test_a_sniff_guesses_roles_and_masks_ids(tmp_path):
    sniff = sniff_file(write(tmp_path, csv_bytes(encoding="gb18030", delimiter=";")), LIMITS)
    assert (sniff.format, sniff.encoding, sniff.delimiter) == ("csv", "gb18030", ";")
    assert [column.role for column in sniff.columns] == ["row_id", "id", "observed_at", "label", "feature", "feature"]
    mobile = sniff.columns[1]
    assert (mobile.namespace, mobile.algorithm) == ("mobile", "sha256")
    assert sniff.preview[0][1] == f"{hashed(0)[:4]}…"
    assert sniff.preview[0][5] == "上海"
    assert len(sniff_file(write(tmp_path, csv_bytes(clean_rows(500))), LIMITS).preview) == 100


def test_a_sniff_refuses_raw_numbers_at_once(tmp_path):
    with pytest.raises(DataError) as caught:
        sniff_file(write(tmp_path, csv_bytes(with_column("mobile", digits))), LIMITS)
    assert caught.value.code == "raw_mobile"
