"""Raw personal data stops at the door, whatever its dress and wherever it stands."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modeling.errors import DataError
from tests.datafactory.files import COLUMNS, clean_rows, csv_bytes, with_column, with_value


@pytest.mark.parametrize(
    "value",
    [
        "138-1234-5678",
        "+86 13812345678",
        "１３８１２３４５６７８",  # full-width digits
        "13812345678.0",
        "call 13812345678 after six",
    ],
)
def test_mobile_numbers_are_recognised_in_any_dress(read, value):
    with pytest.raises(DataError) as caught:
        read(csv_bytes(with_value(12, "city", value)))
    assert (caught.value.code, caught.value.row, caught.value.column) == ("raw_mobile", 12, "city")
    assert value not in str(caught.value), "the number itself must not travel on in an error"


def test_raw_numbers_in_numeric_parquet_columns_are_recognised(read, tmp_path):
    native = dict(zip(COLUMNS, map(list, zip(*clean_rows(), strict=True)), strict=True))
    for values in ([13800000000 + i for i in range(40)], [13800000000.0 + i for i in range(40)]):
        native["income"] = values
        pq.write_table(pa.table(native), tmp_path / "native.parquet")
        with pytest.raises(DataError) as caught:
            read((tmp_path / "native.parquet").read_bytes())
        assert (caught.value.code, caught.value.column) == ("raw_mobile", "income")


def test_long_codes_and_fractions_are_not_taken_for_personal_numbers(read):
    rows = with_column("city", lambda i: f"2024{i * 7919:012d}")
    for i, row in enumerate(rows):
        row[COLUMNS.index("income")] = f"0.1381234567{i}"
    assert read(csv_bytes(rows))[0].n_rows == 40
