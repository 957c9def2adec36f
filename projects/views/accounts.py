"""One's own account: sign-in, password, language, tokens, joining by invitation."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from projects import forms, selectors
from projects.access import person
from projects.models import User
from projects.services import accounts, institutions, tokens
from projects.views.submitting import status_of, submit

BACKEND = "django.contrib.auth.backends.ModelBackend"


def next_address(request: HttpRequest, fallback: str) -> str:
    """Where the person wanted to go, if it is on this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    hosts = {request.get_host()}
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=hosts, require_https=request.is_secure())
    return wanted if safe else resolve_url(fallback)


@sensitive_post_parameters("password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    form = forms.SignInForm(request.POST or None)
    user = submit(form, lambda values: accounts.sign_in(request, **values))
    if user:
        login(request, user, backend=BACKEND)
        return redirect(next_address(request, settings.LOGIN_REDIRECT_URL))
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next", ""), "demo": settings.DEMO}
    return render(request, "projects/sign_in.html", context, status=status_of(form))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """For this browser, and for the person if signed in."""
    language = request.POST.get("language", "")
    response = redirect(next_address(request, "/"))
    if language in dict(settings.LANGUAGES):
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 86_400, samesite="Lax")
        if isinstance(request.user, User):
            accounts.set_language(user=request.user, language=language)
    return response


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    user = person(request.user)
    context = {"roles": selectors.roles_by_institution(user), "languages": settings.LANGUAGES}
    return render(request, "projects/profile.html", context)


@sensitive_post_parameters("old", "new", "again")
@never_cache
@login_required
def password_change(request: HttpRequest) -> HttpResponse:
    user = person(request.user)
    form = forms.PasswordForm(request.POST or None)

    def change(values: dict[str, str]) -> bool:
        accounts.change_password(user=user, old=values["old"], new=values["new"])
        return True

    if submit(form, change):
        user.refresh_from_db()
        update_session_auth_hash(request, user)
        messages.success(request, _("The password was changed. Other browsers are signed out."))
        return redirect("projects:profile")
    return render(request, "projects/password_form.html", {"form": form}, status=status_of(form))


@never_cache
@login_required
def token_list(request: HttpRequest) -> HttpResponse:
    """The tokens of the person; a new one is shown in the answer to its creation, and never again."""
    user = person(request.user)
    form = forms.TokenForm(request.POST or None)

    def create(values: dict[str, object]) -> str:
        days = values["days"]
        assert isinstance(days, int)
        return tokens.create_token(user, str(values["name"]), timedelta(days=days))

    token = submit(form, create)
    shown = forms.TokenForm() if token else form
    context = {"form": shown, "token": token, "tokens": user.api_tokens.all()}
    return render(request, "projects/token_list.html", context, status=status_of(form))


@require_POST
@login_required
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    tokens.revoke_token(person(request.user), pk)
    messages.success(request, _("The token no longer works."))
    return redirect("projects:token-list")


@sensitive_post_parameters("password")
@never_cache
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """Join an institution; who has an account signs in first and only confirms."""
    invitation = institutions.invitation_of(token)
    known = User.objects.filter(email=invitation.email).exists()
    signed_in = request.user if isinstance(request.user, User) else None
    data = request.POST if request.method == "POST" else None
    form = Form(data) if known else forms.JoinForm(data)
    joined = submit(form, lambda values: institutions.accept_invitation(token=token, user=signed_in, **values))
    if joined:
        if signed_in is None:
            login(request, joined, backend=BACKEND)
        messages.success(request, _("Welcome to %(institution)s.") % {"institution": invitation.institution})
        return redirect(settings.LOGIN_REDIRECT_URL)
    context = {"form": form, "invitation": invitation, "known": known, "signed_in": signed_in}
    return render(request, "projects/invitation_accept.html", context, status=status_of(form))
