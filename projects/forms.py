"""The shape of what people type on this floor's pages."""

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from projects.models import Institution, Membership, Participation, Project, Role
from projects.selectors import AuditFilter

CATEGORIES = [
    ("applications", _("Applications")),
    ("outcomes", _("Repayment outcomes")),
    ("attributes", _("Attributes of the applicant")),
    ("hashed_ids", _("Hashed identifiers")),
    ("scores", _("Scores")),
]


class SignInForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class PasswordForm(forms.Form):
    old = forms.CharField(
        label=_("Present password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    new = forms.CharField(
        label=_("New password"),
        strip=False,
        help_text=_("At least ten characters, not a common password."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("New password again"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("new") != values.get("again"):
            self.add_error("again", _("The two new passwords differ."))
        return values


class JoinForm(forms.Form):
    name = forms.CharField(label=_("Your name"), max_length=150)
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least ten characters, not a common password."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class TokenForm(forms.Form):
    LIFETIMES = [(30, _("30 days")), (90, _("90 days")), (365, _("one year"))]

    name = forms.CharField(label=_("What it is for"), max_length=80)
    days = forms.TypedChoiceField(label=_("Valid for"), choices=LIFETIMES, coerce=int, initial=90)


class ProjectForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    purpose = forms.CharField(
        label=_("Purpose"), max_length=200, help_text=_("What the scores will be used for. Partners approve this.")
    )
    institutions = forms.ModelMultipleChoiceField(
        label=_("Partner institutions"),
        queryset=Institution.objects.filter(kind=Institution.Kind.PARTNER).order_by("name"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Each of them has to approve before the project opens."),
    )
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 3}), max_length=4000
    )


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[("approve", _("Approve")), ("refuse", _("Refuse"))])
    institution = forms.SlugField(required=False)
    note = forms.CharField(label=_("Note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class AuthorisationForm(forms.Form):
    basis = forms.CharField(
        label=_("Legal ground"), max_length=200, help_text=_("For example: separate consent, PIPL art. 23.")
    )
    purpose = forms.CharField(label=_("Purpose"), max_length=200)
    data_categories = forms.MultipleChoiceField(
        label=_("Data categories"), choices=CATEGORIES, widget=forms.CheckboxSelectMultiple
    )
    recipient = forms.ModelChoiceField(label=_("Recipient"), queryset=Institution.objects.none(), required=False)
    expires_on = forms.DateField(
        label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}), help_text=_("It ends at midnight.")
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["recipient"]
        assert isinstance(field, forms.ModelChoiceField)
        taking_part = Participation.objects.filter(project=project).values("institution")
        field.queryset = Institution.objects.filter(pk__in=taking_part).order_by("kind", "name")
        field.empty_label = str(_("The platform"))

    @property
    def expires_at(self) -> datetime:
        last_day: date = self.cleaned_data["expires_on"]
        return timezone.make_aware(datetime.combine(last_day, time.max))


class MemberForm(forms.Form):
    membership = forms.ModelChoiceField(label=_("Person and role"), queryset=Membership.objects.none())

    def __init__(self, *args: Any, memberships: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["membership"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Membership.objects.filter(pk__in=[row.pk for row in memberships]).select_related(
            "user", "institution"
        )


class InvitationForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class InstitutionForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    slug = forms.SlugField(
        label=_("Short name"), max_length=50, required=False, help_text=_("For addresses and the API.")
    )


class AuditFilterForm(forms.Form):
    text = forms.CharField(label=_("Action, person or target"), required=False, max_length=100)
    project = forms.SlugField(label=_("Project"), required=False)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def wanted(self) -> AuditFilter:
        """The filter as far as it is valid."""
        values = self.cleaned_data if self.is_bound and (self.is_valid() or self.cleaned_data) else {}
        return AuditFilter(**{name: values.get(name) or "" for name in ("text", "project", "since", "until")})
