"""Raw personal data stops at the door, whatever its dress and wherever it stands."""

import hashlib
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.engine.reading import IdRole
from etron_partner.identifiers import is_bank_card, is_id_card, is_mobile
from etron_partner.names import likeness
from etron_partner.personal import PersonalTally, tokens
from modeling.errors import DataError
from tests.datafactory.files import (
    COLUMNS,
    bank_card,
    check,
    clean_rows,
    csv_bytes,
    digits,
    hashed,
    id_card,
    with_column,
    with_value,
)


def words(text):
    return text.split()


SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"
CITIES = words(
    "北京 上海 广州 深圳 苏州 温州 徐州 郑州 沈阳 唐山 金华 武汉 成都 常德 安庆 黄山 石家庄 马鞍山 张家口 秦皇岛 江门"
)
JOBS = words("教师 医生 工程师 程序员 司机 律师 会计 农民 学生 警察 护士 厨师 文员 经理 公务员 白领 个体户 军人")
PRODUCTS = words("现金贷 车贷 房贷 白条 花呗 金条 消费贷 经营贷 信用卡 黄金会员 白金卡 高端理财")


def name(i):
    return SURNAMES[i % 10] + GIVEN[i * 7 % 20] + (GIVEN[i * 3 % 20] if i % 3 else "")


def refused(read, content):
    with pytest.raises(DataError) as caught:
        read(content)
    return caught.value


@pytest.mark.parametrize(
    "value",
    [
        "138-1234-5678",
        "+86 13812345678",
        "0086 138 1234 5678",
        "１３８１２３４５６７８",  # full-width digits
        "13812345678.0",
        "call 13812345678 after six",
        "order 20240105 11122223333, tel 13812345678",
        "手机13812345678",
    ],
)
def test_mobile_numbers_are_recognised_in_any_dress(read, value):
    error = refused(read, csv_bytes(with_value(12, "city", value)))
    assert (error.code, error.row, error.column) == ("raw_mobile", 12, "city")
    assert "3812345678" not in str(error), "the number itself must not travel on in an error"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("li.lei@example.com", "raw_email"),
        ("write to li.lei＠example.com please", "raw_email"),
        (id_card(3), "raw_id_card"),
        (f"card no. {id_card(4)[:6]} {id_card(4)[6:14]} {id_card(4)[14:]} seen", "raw_id_card"),
        (bank_card(5), "raw_bank_card"),
        (" ".join(bank_card(6)[i : i + 4] for i in (0, 4, 8, 12)) + bank_card(6)[16:], "raw_bank_card"),
    ],
)
def test_one_value_inside_a_column_of_other_text_is_enough(read, value, code):
    error = refused(read, csv_bytes(with_value(23, "city", value)))
    assert (error.code, error.row, error.column) == (code, 23, "city")


def test_names_of_persons_are_recognised_by_their_share(read):
    error = refused(read, csv_bytes(with_column("city", name)))
    assert (error.code, error.row, error.column) == ("raw_name", 1, "city")


@pytest.mark.parametrize(
    "words", [CITIES, JOBS, PRODUCTS, ["已婚", "未婚", "离异"], ["高", "中", "低"], ["本科", "高中"]]
)
def test_towns_jobs_and_products_are_no_names(read, words):
    ticket, _, _ = read(csv_bytes(with_column("city", lambda i: words[i % len(words)])))
    assert ticket.n_rows == 40


def test_all_columns_are_named_with_counts_and_first_rows(read):
    rows = with_column("city", name)
    for i in range(4, 40):
        rows[i][COLUMNS.index("income")] = digits(i)
    error = refused(read, csv_bytes(rows))
    assert {(one["column"], one["kind"], one["hits"], one["row"]) for one in error.params["columns"]} == {
        ("income", "mobile", 36, 5),
        ("city", "name", 40, 1),
    }
    assert "income: 36, 5" in str(error)


def test_the_whole_file_is_searched_and_comes_before_what_is_wrong_in_a_row(read):
    rows = clean_rows(3000)
    rows[10][COLUMNS.index("bad")] = "7"  # which alone would keep the upload for another try
    rows[2990][COLUMNS.index("city")] = "13812345678"
    rows[2991][COLUMNS.index("city")] = "13812345679"
    rows[2992][COLUMNS.index("city")] = "13812345670"
    assert refused(read, csv_bytes(rows)).code == "raw_mobile"


def test_raw_numbers_in_numeric_parquet_columns_are_recognised(read, tmp_path):
    native = dict(zip(COLUMNS, map(list, zip(*clean_rows(), strict=True)), strict=True))
    for values in ([13800000000 + i for i in range(40)], [13800000000.0 + i for i in range(40)]):
        native["income"] = values
        pq.write_table(pa.table(native), tmp_path / "native.parquet")
        error = refused(read, (tmp_path / "native.parquet").read_bytes())
        assert (error.code, error.column) == ("raw_mobile", "income")


def test_long_codes_and_fractions_are_not_taken_for_personal_numbers(read):
    rows = with_column("city", lambda i: f"2024{i * 7919:012d}")
    for i, row in enumerate(rows):
        row[COLUMNS.index("income")] = f"0.1381234567{i}"
    assert read(csv_bytes(rows))[0].n_rows == 40


# --- the rules themselves


@given(st.integers(0, 10**8 - 1), st.sampled_from(["13", "15", "17", "18", "19"]))
def test_every_valid_number_is_found(n, prefix):
    mobile = f"{prefix}{n:09d}"[:11]
    assert is_mobile(mobile)
    assert ("mobile", True) in list(tokens(f"tel {mobile}."))
    for made, kind, test in (
        (id_card(n % 1000), "id_card", is_id_card),
        (bank_card(n % 10**7), "bank_card", is_bank_card),
    ):
        assert test(made)
        assert (kind, True) in list(tokens(made))


@given(st.integers(0, 9), st.integers(0, 17))
def test_one_wrong_digit_breaks_the_check(step, place):
    card = id_card(7)
    changed = card[:place] + str(step) + card[place + 1 :]
    assert is_id_card(changed) == (changed == card)


@given(st.binary(min_size=16, max_size=64).filter(lambda data: len(data) in {16, 20, 32, 64}))
def test_a_hash_is_never_flagged(data):
    assert list(tokens(data.hex())) == []
    assert list(tokens(data.hex().upper())) == []


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_columns_of_amounts_and_order_numbers_are_not_flagged(seed):
    rng = random.Random(seed)
    makers = {
        "amount": lambda: f"{rng.lognormvariate(8, 3):.2f}",
        "order_11": lambda: str(rng.randrange(10**10, 10**11)),
        "order_15": lambda: str(rng.randrange(10**14, 10**15)),
        "order_16": lambda: str(rng.randrange(10**15, 10**16)),
        "order_18": lambda: str(rng.randrange(10**17, 10**18)),
        "serial": lambda: f"2024{rng.randrange(10**14):014d}",
        "millis": lambda: str(1_700_000_000_000 + rng.randrange(10**10)),
        "uuid": lambda: f"{rng.getrandbits(128):032x}",
    }
    tally = PersonalTally()
    for column, make in makers.items():
        for row in range(60):
            tally.look(column, make(), row + 1)
    assert tally.findings() == []


def test_random_numbers_are_rarely_valid():
    rng = random.Random(3)
    n = 20_000
    assert sum(is_id_card(str(rng.randrange(10**17, 10**18))) for _ in range(n)) < n / 1000
    assert sum(is_bank_card(f"62{rng.randrange(10**15):015d}") for _ in range(n)) / n == pytest.approx(0.1, abs=0.02)


def test_names_have_surname_and_given_name():
    assert {text: likeness(text) for text in ("张伟", "欧阳娜娜", "李小明", "北京", "工程师", "信用卡")} == {
        "张伟": 2, "欧阳娜娜": 2, "李小明": 2, "北京": 0, "工程师": 0, "信用卡": 0,
    }  # fmt: skip


# --- hashed ids


def test_hashes_of_nothing_are_missing_and_hashes_of_fillers_are_reported(read):
    rows = clean_rows()
    for i, value in ((2, ""), (3, "null"), (4, "13800000000")):
        rows[i][1] = hashlib.sha256(value.encode()).hexdigest()
    _, report, table = read(csv_bytes(rows))
    ids = table.column("id__mobile__sha256").to_pylist()
    assert [ids[2], ids[3], ids[4]] == [None, None, hashed("13800000000")]
    text, params = check(report, "id_of_nothing")
    assert (params["count"], params["row"]) == (2, 3)
    assert "null" in text
    filler, params = check(report, "id_of_filler")
    assert "“13800000000”: 1" in filler
    assert report["ids"][0]["n_missing"] == 2


def test_a_column_of_nothing_but_hashes_of_nothing_is_empty(read):
    empty = hashlib.sha256(b"").hexdigest()
    assert refused(read, csv_bytes(with_column("mobile", lambda i: empty))).code == "id_empty"


def test_mixed_formats_are_told_with_counts(read):
    rows = with_value(7, "mobile", hashed(6, "md5"))
    rows[8][1] = hashed(8, "sha1")
    rows[9][1] = "a token"
    error = refused(read, csv_bytes(rows))
    assert (error.code, error.row) == ("id_mixed_formats", 7)
    assert "37 sha256 / sm3, 1 md5, 1 sha1, 1 -" in str(error)


def test_a_raw_token_is_no_hash_and_is_left_alone(read):
    ids = (IdRole("mobile", "device", "raw"),)
    _, _, table = read(csv_bytes(with_column("mobile", lambda i: f"Dev-{i:05d}")), ids=ids)
    assert table.column("person")[0].as_py() == "Dev-00000"
