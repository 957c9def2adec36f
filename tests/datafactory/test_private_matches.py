"""Sessions of private matching through HTTP: who may do what, once, within which limits."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from datafactory.engine import private_match as engine
from datafactory.models import IdTrial, PrivateMatch, Source
from datafactory.services import keyed_ids, private_matches, private_setups
from etron_partner.asking import Asker
from projects import audit, storage
from projects.models import AuditEvent, Job, Project, ProjectMember
from projects.services.authorisations import withdraw
from tests.datafactory.files import hashed

pytestmark = pytest.mark.django_db
TYPE = "mobile__sha256"
BYTES = "application/octet-stream"
KNOWN = {hashed(i) for i in range(90)}
ASKED = [hashed(i) for i in range(40, 190)]  # 50 of these 150 are known


@pytest.fixture
def session(built, people, api_of, run_jobs):
    """``session.begin(…)``, ``.decide()``, ``.setup()``, ``.ask(bytes)``, ``.response()`` over the API."""
    built.source()

    class Session:
        partner, modeler, administrator = built.partner, built.modeler, api_of(people.administrator)
        url, base = "", f"{built.base}/private-matches"

        def begin(self, client=None, **body):
            wanted = {"source": "lending", "id_type": TYPE, "max_ids": 200} | body
            answer = (client or self.partner).post(self.base, wanted, format="json")
            if answer.status_code == 201:
                self.url = answer.json()["url"]
            return answer

        def decide(self, client=None, approve=True):
            with run_jobs():
                return (client or self.modeler).post(f"{self.url}/decision", {"approve": approve}, format="json")

        def opened(self, **body):
            assert self.begin(**body).status_code == 201
            assert self.decide().status_code == 200
            return self

        def setup(self, client=None):
            answer = (client or self.partner).get(f"{self.url}/setup")
            return b"".join(answer.streaming_content) if answer.status_code == 200 else answer

        def ask(self, data, client=None):
            with run_jobs():
                return (client or self.partner).post(f"{self.url}/request", data, content_type=BYTES)

        def response(self, client=None):
            answer = (client or self.partner).get(f"{self.url}/response")
            return b"".join(answer.streaming_content) if answer.status_code == 200 else answer

        def read(self, client=None):
            return (client or self.partner).get(self.url)

    return Session()


def request_of(ids=ASKED, reveal="ids"):
    return Asker(ids, TYPE, reveal).request()


def code_of(answer):
    return answer.status_code, json.loads(answer.content)["code"]


def test_a_whole_session_tells_the_partner_which_of_its_ids_are_known(session):
    assert session.begin().json()["state"] == "requested"
    assert session.decide().json()["state"] == "preparing"
    assert session.read().json()["state"] == "ready"
    asker = Asker(ASKED, TYPE, "ids")
    assert session.ask(asker.request()).status_code == 202
    assert asker.known(session.setup(), session.response()) == KNOWN & set(ASKED)
    body = session.read().json()
    assert (body["state"], body["n_platform"], body["n_partner"], body["n_matched"]) == ("answered", 90, 150, None)
    assert session.partner.delete(session.url).status_code == 204
    assert session.read().json()["state"] == "closed"
    assert code_of(session.response()) == (409, "private_match_not_ready")


def test_the_log_tells_sizes_and_never_ids(session):
    session.opened()
    session.ask(request_of())
    session.partner.delete(session.url)
    lines = AuditEvent.objects.filter(action__startswith="private_match.").order_by("seq")
    acts = ["requested", "approved", "prepared", "asked", "answered", "closed"]
    assert [line.action for line in lines] == [f"private_match.{act}" for act in acts]
    text = json.dumps([[line.target, line.detail] for line in lines])
    assert '"n_ids": 150' in text
    assert not any(value in text for value in [*KNOWN, *ASKED])
    assert not audit.verify()


def test_ids_are_counted_against_the_cap(session, settings):
    settings.IDS_PER_SOURCE = 250
    session.opened()
    session.ask(request_of())
    trial = IdTrial.objects.get()
    assert (trial.mode, trial.n_ids, trial.institution.slug, trial.source.slug) == (
        "private",
        150,
        "huaxin",
        "lending",
    )
    assert code_of(session.begin(max_ids=101)) == (409, "id_cap_reached")
    assert session.begin(max_ids=100).status_code == 201


def test_the_cap_holds_for_a_session_that_was_allowed_before_it_was_reached(session, settings, partner_bank, project):
    settings.IDS_PER_SOURCE = 300
    session.opened()
    source = Source.objects.get()
    IdTrial.objects.create(institution=partner_bank, source=source, project=project, mode="keyed", n_ids=200)
    assert code_of(session.ask(request_of())) == (409, "id_cap_reached")
    assert not PrivateMatch.objects.get().request_sha256
    assert IdTrial.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"source": "nothing"}, 404, "source_not_found"),
        ({"id_type": "idno__md5"}, 422, "source_lacks_id_type"),
        ({"max_ids": 99}, 422, "private_match_size"),
        ({"max_ids": 10_000_000}, 422, "private_match_size"),
        ({"days": 31}, 400, "invalid"),
        ({"reveal": "all"}, 400, "invalid"),
    ],
)
def test_what_cannot_be_asked_for_is_said_at_once(session, body, status, code):
    assert code_of(session.begin(**body)) == (status, code)
    assert not PrivateMatch.objects.exists()


@pytest.mark.parametrize(
    ("who", "status"), [("modeler", 403), ("approver", 403), ("integrator", 403), ("stranger", 404)]
)
def test_only_the_partners_analyst_asks(session, people, api_of, who, status):
    client = api_of(getattr(people, who))
    assert session.begin(client).status_code == status
    session.opened()
    assert session.setup(client).status_code == status
    assert session.ask(request_of(), client).status_code == status
    assert session.response(client).status_code == status
    assert not PrivateMatch.objects.get().request_sha256


@pytest.mark.parametrize(
    ("who", "status"), [("partner", 403), ("approver", 403), ("integrator", 403), ("stranger", 404)]
)
def test_only_who_looks_after_the_source_decides(session, people, api_of, who, status):
    session.begin()
    assert session.decide(api_of(getattr(people, who))).status_code == status
    assert session.read().json()["state"] == "requested"


def test_who_looks_after_the_source_decides_in_projects_of_the_own(session, make_user, platform, api_of):
    session.begin()
    outside = api_of(make_user("keeper", (platform, "modeler")))
    assert session.decide(outside).status_code == 404, "who is not in the project finds nothing"
    assert session.decide(session.administrator).status_code == 200


def test_nobody_decides_on_the_own_session(session, project, people, platform):
    ProjectMember.objects.create(project=project, user=people.partner, institution=platform, role="modeler")
    people.partner.memberships.create(institution=platform, role="modeler")
    session.begin()
    assert session.decide(session.partner).status_code == 403


def test_a_session_is_decided_once(session):
    session.begin()
    assert session.decide(approve=False).json()["state"] == "refused"
    assert code_of(session.decide()) == (409, "private_match_decided")
    assert code_of(session.setup()) == (409, "private_match_not_ready")


def test_the_request_comes_once(session):
    session.opened()
    data = request_of()
    assert session.ask(data).status_code == 202
    first = session.response()
    assert session.ask(data).status_code == 202, "the same bytes change nothing"
    assert session.response() == first
    assert code_of(session.ask(request_of())) == (409, "private_match_asked")
    assert IdTrial.objects.count() == 1
    assert Job.objects.filter(name="datafactory.answer_private_match").count() == 1


def test_too_many_ids_are_refused_before_anything_is_done(session, monkeypatch):
    session.opened(max_ids=140)
    monkeypatch.setattr(engine, "answer", None)
    assert code_of(session.ask(request_of())) == (422, "private_match_too_many")
    assert code_of(session.ask(b"\x12" * 100_000)) == (422, "private_match_too_many"), "and before all of it is read"
    assert not IdTrial.objects.exists()
    assert session.ask(request_of(ASKED[:140])).status_code == 202, "a smaller request may follow"


def test_fewer_ids_than_the_floor_are_refused(session):
    """Ten chosen ids are no session, nor are they when each is sent many times."""
    session.opened()
    assert code_of(session.ask(request_of(ASKED[:10]))) == (422, "below_floor")
    from private_set_intersection.python import Request

    request = Request()
    request.ParseFromString(request_of(ASKED[:10]))
    padded = Request(reveal_intersection=True, encrypted_elements=[*request.encrypted_elements] * 15)
    assert code_of(session.ask(padded.SerializeToString())) == (422, "below_floor")
    assert not IdTrial.objects.exists()


def test_a_size_only_session_does_not_answer_for_ids(session):
    session.opened(reveal="size")
    assert code_of(session.ask(request_of(reveal="ids"))) == (422, "private_match_mode")
    assert code_of(session.ask(b"nonsense")) == (422, "private_request_unreadable")


def test_sizes_are_told_in_steps_of_ten(session):
    session.opened(reveal="size")
    asker = Asker(ASKED, TYPE, "size")
    assert code_of(session.partner.post(f"{session.url}/size", {"n_matched": 10}, format="json"))[0] == 409
    session.ask(asker.request())
    size = asker.size(session.setup(), session.response())
    assert abs(size.n_shared - 50) <= 3 * size.margin
    answer = session.partner.post(f"{session.url}/size", {"n_matched": 47}, format="json")
    assert answer.json()["n_matched"] == 50
    assert code_of(session.partner.post(f"{session.url}/size", {"n_matched": 151}, format="json"))[0] == 422
    assert AuditEvent.objects.get(action="private_match.sized").detail == {"n_matched": 50}


def test_repeated_size_only_sessions_give_the_same_number(session):
    """The doubt lies in the set-up, not in the session: asking again averages nothing out."""
    sizes = set()
    for _ in range(3):
        session.opened(reveal="size")
        asker = Asker(ASKED, TYPE, "size")
        session.ask(asker.request())
        sizes.add(asker.size(session.setup(), session.response()))
    assert len(sizes) == 1


def test_the_set_up_is_made_once_a_mode_and_goes_with_the_projects_keys(session, built, monkeypatch):
    session.opened()
    first = session.setup()
    made = []
    real = engine.prepare

    def counted(*arguments):
        made.append(arguments[3])
        return real(*arguments)

    monkeypatch.setattr(engine, "prepare", counted)
    session.opened()
    assert session.setup() == first
    session.opened(reveal="size")
    assert made == ["size"]
    folders = [private_setups.folder_of(row) for row in PrivateMatch.objects.all()]
    keys = {(storage.folder(folder) / "key").read_bytes() for folder in folders}
    assert len(keys) == 2, "the modes do not share a secret"
    assert not any(private_setups.key_of(row) in keys for row in PrivateMatch.objects.all()), "it lies wrapped"
    keyed_ids.forget(built.project)
    assert not any(storage.folder(folder).exists() for folder in folders)
    assert code_of(session.setup()) == (409, "private_setup_gone")


def test_a_client_may_ask_for_bytes_alone(session):
    session.begin()
    asked = session.partner.get(f"{session.url}/setup", headers={"Accept": BYTES})
    assert code_of(asked) == (409, "private_match_not_ready")
    session.decide()
    assert session.partner.get(f"{session.url}/setup", headers={"Accept": BYTES}).status_code == 200


def test_a_response_names_the_set_up_that_it_fits(session, built):
    session.opened()
    setup, asker, url = session.setup(), Asker(ASKED, TYPE, "ids"), session.url
    keyed_ids.forget(built.project)
    session.opened()
    session.url = url
    session.ask(asker.request())
    answer = session.partner.get(f"{url}/response")
    assert answer.headers["Setup-SHA256"] != hashlib.sha256(setup).hexdigest()
    assert answer.headers["Setup-SHA256"] == hashlib.sha256(session.setup()).hexdigest()


def test_a_session_ends_by_itself_and_leaves_no_files(session):
    session.opened()
    session.ask(request_of())
    row = PrivateMatch.objects.get()
    folder = storage.folder(f"{keyed_ids.project_folder(row.project)}/private-sessions/{row.pk}")
    assert {path.name.split("-")[0] for path in folder.iterdir()} == {"request", "response"}
    PrivateMatch.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert session.read().json()["state"] == "closed"
    assert code_of(session.response()) == (409, "private_match_expired")
    assert code_of(session.ask(request_of())) == (409, "private_match_expired")
    assert private_matches.sweep() == 1
    assert not folder.exists()
    assert private_matches.sweep() == 0
    assert AuditEvent.objects.filter(action="private_match.closed").count() == 1


def test_a_session_that_ends_while_it_is_answered_leaves_no_files(session, monkeypatch):
    session.opened()
    real = engine.answer

    def answer(*arguments):
        private_matches.close(user=None, session=PrivateMatch.objects.get())
        return real(*arguments)

    monkeypatch.setattr(engine, "answer", answer)
    session.ask(request_of())
    row = PrivateMatch.objects.get()
    assert row.state == "closed"
    assert not storage.folder(f"{keyed_ids.project_folder(row.project)}/private-sessions/{row.pk}").exists()


def test_either_side_may_end_it(session, people, api_of):
    session.opened()
    assert api_of(people.approver).delete(session.url).status_code == 403
    assert api_of(people.stranger).delete(session.url).status_code == 404
    assert session.modeler.delete(session.url).status_code == 204
    assert session.partner.delete(session.url).status_code == 204, "twice is safe"


def test_a_withdrawn_authorisation_or_closed_project_stops_it(session, people, authorisation):
    session.opened()
    Project.objects.update(status=Project.Status.ARCHIVED)
    assert code_of(session.ask(request_of())) == (409, "project_not_open")
    Project.objects.update(status=Project.Status.OPEN)
    withdraw(user=people.partner, authorisation=authorisation)
    assert code_of(session.ask(request_of())) == (409, "no_authorisation")
    assert code_of(session.begin()) == (409, "no_authorisation")


def test_failed_work_shows_and_can_be_tried_again(session, monkeypatch, run_jobs):
    from projects import jobs

    monkeypatch.setattr(engine, "prepare", lambda *args: 1 / 0)
    session.begin()
    session.decide()
    body = session.read(session.modeler).json()
    assert (body["state"], body["error"]["code"]) == ("failed", "internal_error")
    monkeypatch.undo()
    with run_jobs():
        jobs.retry(Job.objects.get(name="datafactory.prepare_private_match"))
    assert session.read().json()["state"] == "ready"


def test_another_partner_of_the_project_does_not_see_the_session(session, project, people, other_bank, api_of):
    session.begin()
    project.participations.create(institution=other_bank)
    from projects import sharing

    ProjectMember.objects.create(project=project, user=people.stranger, institution=other_bank, role="analyst")
    sharing.resync(project)
    other = api_of(people.stranger)
    assert other.get(session.url).status_code == 404
    assert other.get(session.base).json()["results"] == []
    assert len(session.partner.get(session.base).json()["results"]) == 1


def test_the_pages_say_what_each_side_learns_before_it_starts(session, built, people, client_of, run_jobs):
    partner, modeler = client_of(people.partner), client_of(people.modeler)
    new = reverse("datafactory:private-match-create", args=[built.project.slug])
    page = partner.get(new).content.decode()
    assert "The platform learns how many ids were asked for" in page
    assert "A quarter of the answers is turned around" in page
    order = {"on": f"lending {TYPE}", "reveal": "ids", "max_ids": 200, "days": 7}
    assert partner.post(new, order | {"max_ids": 5}).status_code == 422
    sent = partner.post(new, order)
    assert sent.status_code == 302
    seen = modeler.get(sent.url).content.decode()
    assert "What each side learns" in seen
    assert 'value="approve"' in seen
    assert 'value="approve"' not in partner.get(sent.url).content.decode()
    assert b"asks to match privately with lending" in modeler.get(reverse("home")).content.lower()
    assert b"asks to match privately" not in partner.get(reverse("home")).content
    with run_jobs():
        assert modeler.post(sent.url, {"act": "approve"}).status_code == 302
    assert b"asks to match privately" not in modeler.get(reverse("home")).content
    ready = partner.get(sent.url).content.decode()
    assert f"--session {PrivateMatch.objects.get().pk}" in ready
    assert "5,000,000" in ready, "how many ids the partner may still try"
    listed = partner.get(reverse("datafactory:private-match-list", args=[built.project.slug])).content.decode()
    assert str(PrivateMatch.objects.get().pk)[:8] in listed
    assert modeler.get(new).status_code == 403
    assert modeler.post(sent.url, {"act": "close"}).status_code == 302
    assert PrivateMatch.objects.get().state == "closed"
