"""The platform's half of private set intersection, against the library and against plain sets."""

import math
import random
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from private_set_intersection.python import DataStructure, Request, Response, ServerSetup, client, server

from datafactory.engine import golomb
from datafactory.engine import private_match as engine
from etron_partner.asking import Asker, Unfitting
from etron_partner.elements import element, estimated_size
from modeling.errors import DataError
from tests.datafactory.files import hashed

TYPE = "mobile__sha256"


@pytest.fixture(scope="module")
def key():
    return engine.new_key()


def ids_of(numbers):
    return [hashed(number) for number in numbers]


def run(tmp_path, key, held, asked, mode="ids"):
    """One whole exchange; the asker, the two messages and what was prepared."""
    made = engine.prepare(pa.array(held), TYPE, key, mode, tmp_path / "setup", threads=2)
    asker = Asker(asked, TYPE, mode)
    request = asker.request()
    engine.answer(request, key, mode, tmp_path / "response", threads=2)
    setup, response = (tmp_path / "setup").read_bytes(), (tmp_path / "response").read_bytes()
    return SimpleNamespace(asker=asker, request=request, setup=setup, response=response, made=made)


@pytest.mark.parametrize("n", [1, 2, 137, 600])
def test_the_set_up_is_the_librarys_bit_for_bit(tmp_path, key, n):
    held = ids_of(range(n))
    engine.prepare(pa.array(held), TYPE, key, "ids", tmp_path / "setup", threads=2)
    theirs = server.CreateFromKey(key, True).CreateSetupMessage(
        engine.FALSE_MATCH, 1, [element(TYPE, value) for value in held], DataStructure.GCS
    )
    assert (tmp_path / "setup").read_bytes() == theirs.SerializeToString()


def decoded(low, data):
    """A plain reader of Golomb-coded sets, bit by bit."""
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
    found, place, value = [], 0, 0
    while place < len(bits) and bits[place:].any():
        quotient = int(np.argmax(bits[place:]))
        place += quotient + 1
        value += (quotient << low) + sum(int(bit) << k for k, bit in enumerate(bits[place : place + low]))
        place += low
        found.append(value)
    return found


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60), st.integers(1, 7))
def test_any_set_of_numbers_comes_back_whatever_the_block(numbers, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golomb, "_BLOCK", block)
        assert decoded(*golomb.encode(np.array(numbers))) == sorted(set(numbers))


def test_an_empty_set_has_no_bits():
    assert golomb.encode(np.zeros(0, np.int64)) == (0, b"")


@pytest.mark.parametrize(("n_held", "n_asked", "n_shared"), [(500, 400, 150), (300, 300, 300), (300, 200, 0)])
def test_the_intersection_is_that_of_plain_sets(tmp_path, key, n_held, n_asked, n_shared):
    held = ids_of(range(n_held))
    asked = ids_of(range(n_held - n_shared, n_held - n_shared + n_asked))
    done = run(tmp_path, key, held, [*asked, *asked[:20]])
    assert done.asker.known(done.setup, done.response) == set(held) & set(asked)
    assert done.made.n_ids == n_held
    assert engine.read_request(done.request) == engine.Asked(n_asked, n_asked, "ids")


def test_pieces_and_threads_change_nothing(tmp_path, key, monkeypatch):
    held, asked = ids_of(range(100)), ids_of(range(50, 170))
    monkeypatch.setattr(engine, "_PIECE", 7)
    monkeypatch.setattr("etron_partner.asking._PIECE", 11)
    done = run(tmp_path, key, held, asked)
    assert done.asker.known(done.setup, done.response) == set(held) & set(asked)


def test_many_threads_give_what_one_gives(tmp_path, key, monkeypatch):
    """The library's objects break when two threads use one: every piece of work has its own."""
    monkeypatch.setattr(engine, "_PIECE", 40)
    monkeypatch.setattr("etron_partner.asking._PIECE", 40)
    held, asked = ids_of(range(1200)), ids_of(range(600, 1800))
    asker = Asker(asked, TYPE, "ids", threads=8)
    request = asker.request()
    written = {}
    for threads in (1, 8):
        engine.prepare(pa.array(held), TYPE, key, "ids", tmp_path / "setup", threads=threads)
        engine.answer(request, key, "ids", tmp_path / "response", threads=threads)
        written[threads] = [(tmp_path / name).read_bytes() for name in ("setup", "response")]
    assert written[1] == written[8]
    for _ in range(3):
        assert asker.known(*written[8]) == set(held) & set(asked)
    asker.threads = 1
    assert asker.request() == request


def test_another_kind_of_id_with_the_same_hash_is_not_shared(tmp_path, key):
    held = ids_of(range(50))
    engine.prepare(pa.array(held), "idno__sha256", key, "ids", tmp_path / "setup")
    asker = Asker(held, TYPE, "ids")
    engine.answer(asker.request(), key, "ids", tmp_path / "response")
    assert asker.known((tmp_path / "setup").read_bytes(), (tmp_path / "response").read_bytes()) == set()


def test_a_plain_client_of_the_library_understands_the_messages(tmp_path, key):
    """The protocol is the library's own: a partner may write a client without this package."""
    held, asked = ids_of(range(80)), ids_of(range(40, 120))
    engine.prepare(pa.array(held), TYPE, key, "ids", tmp_path / "setup")
    plain = client.CreateWithNewKey(True)
    engine.answer(
        plain.CreateRequest([element(TYPE, value) for value in asked]).SerializeToString(),
        key,
        "ids",
        tmp_path / "response",
    )
    setup, response = ServerSetup(), Response()
    setup.ParseFromString((tmp_path / "setup").read_bytes())
    response.ParseFromString((tmp_path / "response").read_bytes())
    assert {asked[i] for i in plain.GetIntersection(setup, response)} == set(held) & set(asked)


def test_a_response_of_another_length_is_refused(tmp_path, key):
    done = run(tmp_path, key, ids_of(range(30)), ids_of(range(20)))
    with pytest.raises(Unfitting):
        done.asker.known(done.setup, Response(encrypted_elements=[b"x"]).SerializeToString())


@pytest.mark.parametrize("data", [b"\xff\xff\xff", Request(encrypted_elements=[b"short"]).SerializeToString()])
def test_what_is_no_request_is_refused(data):
    with pytest.raises(DataError) as caught:
        engine.read_request(data)
    assert caught.value.code == "private_request_unreadable"


def test_bytes_that_are_no_point_are_refused(tmp_path, key):
    data = Request(reveal_intersection=True, encrypted_elements=[b"\x02" + b"\xff" * 32]).SerializeToString()
    assert engine.read_request(data).n_elements == 1
    with pytest.raises(DataError) as caught:
        engine.answer(data, key, "ids", tmp_path / "response")
    assert caught.value.code == "private_request_unreadable"


def test_repeats_of_a_point_are_counted_once(key):
    request = Request(reveal_intersection=False)
    request.ParseFromString(Asker(ids_of(range(5)), TYPE, "size").request())
    request.encrypted_elements.extend(request.encrypted_elements[:3])
    assert engine.read_request(request.SerializeToString()) == engine.Asked(8, 5, "size")


def test_the_order_of_a_size_only_response_says_nothing(tmp_path, key):
    done = run(tmp_path, key, ids_of(range(30)), ids_of(range(60)), "size")
    response = Response()
    response.ParseFromString(done.response)
    assert list(response.encrypted_elements) == sorted(response.encrypted_elements)
    with pytest.raises(RuntimeError):
        done.asker.known(done.setup, done.response)


def seen(tmp_path, key, asked, held):
    """Which single ids look known to somebody who keeps to no rule and looks through the order of a response."""
    if held is not None:
        engine.prepare(pa.array(held), TYPE, key, "size", tmp_path / "setup", threads=2)
    setup = ServerSetup()
    setup.ParseFromString((tmp_path / "setup").read_bytes())
    points = engine._points(pa.array(asked), TYPE, key)
    one = server.CreateFromKey(key, True)
    cheat = client.CreateFromKey(key, True)
    response = one.ProcessRequest(cheat.CreateRequest([element(TYPE, value) for value in asked]))
    assert len(points) == len(asked)
    return set(cheat.GetIntersection(setup, response))


def test_a_size_only_answer_of_one_id_cannot_be_believed(tmp_path, key):
    """Of known ids three quarters look known, of unknown ones a quarter: a ratio of three, whatever is asked."""
    held, foreign = ids_of(range(3000)), ids_of(range(9000, 12000))
    positions = seen(tmp_path, key, [*held, *foreign], held)
    known = len([i for i in positions if i < 3000]) / 3000
    unknown = len([i for i in positions if i >= 3000]) / 3000
    error = 4 * math.sqrt(0.25 * 0.75 / 3000)
    assert abs(known - 0.75) < error
    assert abs(unknown - 0.25) < error
    again = seen(tmp_path, key, [*held, *foreign], None)
    assert again == positions, "asking again gives the same doubt"
    engine.prepare(pa.array(held), TYPE, key, "size", tmp_path / "setup", threads=1)
    assert seen(tmp_path, key, [*held, *foreign], None) == positions, "and so does a set-up made anew with the key"


def test_the_size_is_estimated_within_its_margin(tmp_path, key):
    held, asked = ids_of(range(4000)), ids_of(range(2500, 6500))
    done = run(tmp_path, key, held, asked, "size")
    size = done.asker.size(done.setup, done.response)
    assert abs(size.n_shared - 1500) <= 2.5 * size.margin
    assert size.n_shared % 10 == 0
    assert 90 <= size.margin <= 120


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_an_estimate_is_a_possible_number(n_seen, n_more):
    n_asked = n_seen + n_more
    size = estimated_size(n_seen, n_asked)
    assert 0 <= size.n_shared <= n_asked + 5
    assert size.margin >= 10


def test_two_samples_that_differ_by_one_id_do_not_tell_whether_it_is_known(tmp_path, key):
    """The exact size would: here the difference of the counts is the turned answer of that one id, at best."""
    chance = random.Random(4)
    held = ids_of(range(3000))
    asked = ids_of(range(1000, 4000))
    positions = seen(tmp_path, key, asked, held)
    wrong = 0
    for position in chance.sample(range(3000), 400):
        said = position in positions  # n_seen with this id less n_seen without it
        wrong += said != (position < 2000)
    assert 0.15 < wrong / 400 < 0.35
