"""A person's own account: sign-in, password, language."""

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from projects import audit
from projects.errors import DomainError, Invalid
from projects.models import User

FAILURES_ALLOWED = 10
FAILURES_FORGOTTEN_S = 15 * 60


def check_password(password: str, user: User) -> None:
    """Raises Invalid with the reasons in plain words."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid("weak_password", " ".join(error.messages), detail={"password": error.messages}) from None


def _failures_key(request: HttpRequest, email: str) -> str:
    return f"sign-in:{request.META.get('REMOTE_ADDR', '')}:{email[:200]}"


def sign_in(request: HttpRequest, *, email: str, password: str) -> User:
    """Who this is, else Invalid; after ten wrong passwords from one address the name waits a quarter of an hour."""
    email = email.strip().lower()
    key = _failures_key(request, email)
    if cache.get(key, 0) >= FAILURES_ALLOWED:
        raise DomainError("too_many_tries", _("Too many tries. Please wait a quarter of an hour."), status=429)
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User) or (user.is_demo and not settings.DEMO):
        cache.add(key, 0, FAILURES_FORGOTTEN_S)
        cache.incr(key)
        known = User.objects.filter(email=email).exists()
        audit.record("user.sign_in_failed", actor=None, target=email if known else "")
        raise Invalid("wrong_credentials", _("This e-mail address and password do not belong together."))
    cache.delete(key)
    audit.record("user.signed_in", actor=user, target=user.email)
    return user


@transaction.atomic
def change_password(*, user: User, old: str, new: str) -> None:
    """Everywhere else the person is signed out."""
    if not user.check_password(old):
        raise Invalid("wrong_password", _("The present password is not right."), detail={"old": ["wrong"]})
    check_password(new, user)
    user.set_password(new)
    user.save(update_fields=["password"])
    audit.record("user.password_changed", actor=user, target=user.email)


def set_language(*, user: User, language: str) -> None:
    if language not in dict(settings.LANGUAGES):
        raise Invalid("unknown_language", _("The site does not speak this language."))
    user.language = language
    user.save(update_fields=["language"])
