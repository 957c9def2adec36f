"""What every page of the shell shows: navigation, running jobs, what waits for me. Read only when a page asks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from etron import selectors
from etron.addresses import address
from projects.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class Entry:
    """One link of the navigation: the name of its URL, and which pages it stands for."""

    url_name: str
    title: "StrPromise"
    icon: str
    here: str  # the view's url_name begins so: "sample" for sample-list, sample-detail, sample-upload


@dataclass(frozen=True)
class Item:
    url: str
    title: str
    icon: str
    current: bool = False
    n: int | None = None


@dataclass(frozen=True)
class Group:
    items: tuple[Item, ...]
    title: str = ""
    rule: bool = False


WORK = (
    Entry("home", gettext_lazy("Home"), "home", "home"),
    Entry("projects:project-list", gettext_lazy("Projects"), "folder", "project"),
    Entry("datafactory:source-list", gettext_lazy("Data sources"), "db", "source"),
    Entry("risk_products:product-list", gettext_lazy("Products"), "bolt", "product"),
    Entry("projects:job-list", gettext_lazy("Jobs"), "cpu", "job"),
)
GOVERNANCE = (
    Entry("projects:institution-list", gettext_lazy("Institutions"), "users", "institution"),
    Entry("projects:audit-list", gettext_lazy("Audit log"), "log", "audit"),
    Entry("api-docs", gettext_lazy("API reference"), "key", "api-docs"),
)
STAGES = (
    Entry("flow", gettext_lazy("Flow"), "flow", "flow"),
    Entry("datafactory:sample-list", gettext_lazy("Samples"), "file", "sample"),
    Entry("datafactory:match-list", gettext_lazy("Matches"), "link", "match"),
    Entry("datafactory:private-match-list", gettext_lazy("Private matching"), "lock", "private-match"),
    Entry("datafactory:feature-list", gettext_lazy("Features"), "columns", "feature"),
    Entry("models_registry:bin-set-list", gettext_lazy("Bins"), "bins", "bin"),
    Entry("models_registry:run-list", gettext_lazy("Training runs"), "cpu", "run"),
    Entry("models_registry:evaluation-list", gettext_lazy("Evaluations"), "report", "evaluation"),
    Entry("models_registry:comparison", gettext_lazy("Compare"), "compare", "compar"),
    Entry("models_registry:value-list", gettext_lazy("Value of data"), "scale", "value"),
    Entry("models_registry:version-list", gettext_lazy("Versions"), "tag", "version"),
)
RULES = (
    Entry("projects:project-settings", gettext_lazy("Participants and approval"), "okc", "project"),
    Entry("projects:authorisation-list", gettext_lazy("Authorisations"), "shield", "authorisation"),
    Entry("projects:member-list", gettext_lazy("Members"), "users", "member"),
)
MINE = (
    Entry("projects:profile", gettext_lazy("Profile"), "gear", "profile"),
    Entry("projects:password-change", gettext_lazy("Change password"), "lock", "password"),
    Entry("projects:token-list", gettext_lazy("API tokens"), "key", "token"),
)


def links(
    entries: Iterable[Entry], here: str, *arguments: Any, counts: dict[str, int] | None = None
) -> tuple[Item, ...]:
    found = ((entry, address(entry.url_name, *arguments)) for entry in entries)
    return tuple(
        Item(url, str(entry.title), entry.icon, here.startswith(entry.here), (counts or {}).get(entry.url_name))
        for entry, url in found
        if url
    )


def initials(user: User) -> str:
    """``Lin Chen`` is LC, ``林晨`` is 林."""
    words = str(user).split("@")[0].replace(".", " ").split()
    if words and not words[0].isascii():
        return words[0][0]
    return "".join(word[0] for word in words[:2]).upper() or "?"


class Shell:
    """Read by templates only; each query runs once a page and only if the page shows it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @property
    def user(self) -> User | None:
        user = getattr(self.request, "user", None)
        return user if isinstance(user, User) else None

    @property
    def here(self) -> str:
        match = self.request.resolver_match
        return (match.url_name or "") if match else ""

    @cached_property
    def counts(self) -> dict[str, int]:
        return selectors.navigation_counts(self.user) if self.user else {}

    @cached_property
    def site_nav(self) -> tuple[Group, ...]:
        if not self.user:
            return ()
        return (
            Group(links(WORK, self.here, counts=self.counts)),
            Group(links(GOVERNANCE, self.here), title=_("Governance")),
        )

    @cached_property
    def project_nav(self) -> tuple[Group, ...]:
        slug = (self.request.resolver_match.kwargs if self.request.resolver_match else {}).get("slug")
        if not self.user or not slug:
            return self.site_nav
        return (Group(links(STAGES, self.here, slug)), Group(links(RULES, self.here, slug), rule=True))

    @property
    def user_menu(self) -> tuple[Item, ...]:
        return links(MINE, self.here)

    @property
    def initials(self) -> str:
        return initials(self.user) if self.user else ""

    @cached_property
    def n_running(self) -> int:
        return selectors.running_jobs(self.user).count() if self.user else 0

    @cached_property
    def n_waiting(self) -> int:
        return selectors.count_waiting(self.user) if self.user else 0

    home_url = property(lambda self: address("home") or "/")
    find_url = property(lambda self: address("find"))
    find_json_url = property(lambda self: address("find-json"))
    jobs_url = property(lambda self: address("projects:job-list"))
    language_url = property(lambda self: address("set_language"))
    sign_out_url = property(lambda self: address("projects:sign-out"))


def context(request: HttpRequest) -> dict[str, Any]:
    return {"shell": Shell(request)}


Handler = Callable[[HttpRequest], HttpResponseBase]


def display_zone(get_response: Handler) -> Handler:
    """Middleware: times are stored in UTC and shown in ETRON_DISPLAY_ZONE."""
    from zoneinfo import ZoneInfo

    from django.conf import settings

    zone = ZoneInfo(settings.DISPLAY_ZONE)

    def shown(request: HttpRequest) -> HttpResponseBase:
        with timezone.override(zone):
            return get_response(request)

    return shown
