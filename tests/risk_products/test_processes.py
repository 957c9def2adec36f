"""What must hold over several processes: one record, nothing acknowledged is lost, revocation, exact limits."""

import json
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.risk_products.site import site

pytestmark = pytest.mark.slow
FEATURES = {"income": 8200.5, "age": 33, "city": "south"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Two server processes on SQLite, or on PostgreSQL when the round runs there."""
    url = os.environ.get("ETRON_DATABASE_URL", "")
    with site(tmp_path_factory.mktemp("site"), url if url.startswith("postgres") else "") as made:
        made.start(workers=2, threads=8)
        yield made


def recorded(running, prefix):
    code = (
        "import json\n"
        "from risk_products.models import ScoreCall\n"
        f"rows = ScoreCall.objects.filter(request_id__startswith={prefix!r})\n"
        "print(json.dumps(dict(rows.values_list('request_id', 'answer'))))"
    )
    return json.loads(running.shell(code))


def test_a_hundred_duplicates_at_once_make_one_record(running):
    body = {"request_id": "dup-1", "features": FEATURES}
    gate = threading.Barrier(32)

    def ask(i):
        if i < 32:
            gate.wait()
        return running.post(body)

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(100)))
    assert {status for status, _ in answers} == {200}
    assert len({text for _, text in answers}) == 1
    assert recorded(running, "dup-") == {"dup-1": answers[0][1].decode()}


def test_two_bodies_at_once_have_one_winner(running):
    for attempt in range(10):
        bodies = [{"request_id": f"race-{attempt}", "features": FEATURES | {"age": age}} for age in range(20, 36)]
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(running.post, bodies))
        assert Counter(status for status, _ in answers) == {200: 1, 409: 15}


def test_a_daily_limit_is_exact_over_processes(running):
    code = (
        "from projects.models import User\n"
        "from risk_products.models import Product\n"
        "from risk_products.services.keys import issue_key\n"
        "product = Product.objects.get()\n"
        "user = User.objects.get(username='integrator')\n"
        "bank = user.memberships.get().institution\n"
        "print(issue_key(user=user, product=product, institution=bank, name='small', daily_limit=37).secret)"
    )
    key, running.key = running.key, running.shell(code).strip()
    try:
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda i: running.post({"request_id": f"lim-{i}", "features": {}}), range(90)))
    finally:
        running.key = key
    assert Counter(status for status, _ in answers) == {200: 37, 429: 53}
    assert len(recorded(running, "lim-")) == 37


def test_revocation_reaches_every_process_within_two_seconds(running):
    code = (
        "from projects.models import User\n"
        "from risk_products.models import Product\n"
        "from risk_products.services.keys import issue_key\n"
        "user = User.objects.get(username='integrator')\n"
        "bank = user.memberships.get().institution\n"
        "made = issue_key(user=user, product=Product.objects.get(), institution=bank, name='brief')\n"
        "print(made.row.pk, made.secret)"
    )
    pk, secret = running.shell(code).split()
    key, running.key = running.key, secret
    try:
        with ThreadPoolExecutor(8) as pool:
            warm = list(pool.map(lambda i: running.post({"request_id": f"w-{i}", "features": {}})[0], range(40)))
            assert set(warm) == {200}
            running.shell(
                "from projects.models import User\n"
                "from risk_products.models import ProductKey\n"
                "from risk_products.services.keys import revoke_key\n"
                f"revoke_key(user=User.objects.get(username='integrator'), key=ProductKey.objects.get(pk={pk}))"
            )
            time.sleep(2)
            after = list(pool.map(lambda i: running.post({"request_id": f"x-{i}", "features": {}})[0], range(40)))
    finally:
        running.key = key
    assert set(after) == {401}


def test_kill_loses_no_acknowledged_call(running):
    """Eight callers while every process of the server is killed; then all that was answered is on record."""
    acknowledged: dict[str, bytes] = {}
    stop = threading.Event()

    def ask(caller):
        n = 0
        while not stop.is_set():
            request_id = f"kill-{caller}-{n}"
            try:
                status, text = running.post({"request_id": request_id, "features": FEATURES | {"age": 20 + n % 40}})
            except OSError:
                return
            if status == 200:
                acknowledged[request_id] = text
            n += 1

    callers = [threading.Thread(target=ask, args=(caller,)) for caller in range(8)]
    for caller in callers:
        caller.start()
    time.sleep(2.5)
    running.kill()
    stop.set()
    for caller in callers:
        caller.join(timeout=70)
    on_record = recorded(running, "kill-")
    assert len(acknowledged) > 100
    assert {name: on_record.get(name) for name in acknowledged} == {n: t.decode() for n, t in acknowledged.items()}
    running.start(workers=2, threads=8)
    name, text = next(iter(acknowledged.items()))
    age = 20 + int(name.rsplit("-", 1)[1]) % 40
    assert running.post({"request_id": name, "features": FEATURES | {"age": age}}) == (200, text)
