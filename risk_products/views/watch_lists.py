"""Pages of watch lists."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from modeling.artifacts import from_json
from modeling.errors import DataError
from projects import sharing
from projects.access import person
from projects.errors import Conflict, DomainError, Invalid, NotFound, sentence
from risk_products import access, exports
from risk_products.engine.accounts import read_accounts
from risk_products.engine.signature import Signature
from risk_products.forms import AccountsForm, WatchListForm
from risk_products.models import Product, WatchList
from risk_products.selectors import catalogue
from risk_products.services import watching

PER_PAGE = 50


@login_required
def watch_list_list(request: HttpRequest, slug: str) -> HttpResponse:
    product = access.product_for(request.user, slug)
    return _list_page(request, product, WatchListForm())


@login_required
@require_POST
def watch_list_create(request: HttpRequest, slug: str) -> HttpResponse:
    product = access.product_for(request.user, slug, "score_product")
    form = WatchListForm(request.POST)
    if form.is_valid():
        try:
            row = watching.create_watch_list(
                user=person(request.user),
                product=product,
                institution=access.acting_for(request.user, product, "score_product"),
                **form.cleaned_data,
            )
            return redirect("risk_products:watch-list-detail", slug, row.pk)
        except (Conflict, Invalid) as error:
            form.add_error("name", str(error))
    return _list_page(request, product, form, status=422)


@login_required
def watch_list_detail(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    return _page(request, access.watch_list_for(request.user, slug, pk))


@login_required
@require_POST
def watch_list_change(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    row = access.watch_list_for(request.user, slug, pk, "score_product")
    form = WatchListForm(request.POST)
    if form.is_valid():
        try:
            watching.change_watch_list(user=person(request.user), watch_list=row, **form.cleaned_data)
            return redirect("risk_products:watch-list-detail", slug, pk)
        except Conflict as error:
            form.add_error("name", str(error))
    return _page(request, row, form=form, status=422)


@login_required
@require_POST
def watch_list_delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    row = access.watch_list_for(request.user, slug, pk, "score_product")
    watching.delete_watch_list(user=person(request.user), watch_list=row)
    messages.success(request, _("The watch list was deleted."))
    return redirect("risk_products:watch-list-list", slug)


@login_required
@require_POST
def watch_list_accounts(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Add accounts from a CSV file; all or none."""
    row = access.watch_list_for(request.user, slug, pk, "score_product")
    form = AccountsForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            accounts = read_accounts(form.content(), _signature(row))
            n = watching.put_accounts(user=person(request.user), watch_list=row, accounts=accounts)
            messages.success(request, _("%(n)s accounts are on the list.") % {"n": n})
            return redirect("risk_products:watch-list-detail", slug, pk)
        except DataError as error:
            form.add_error(None, sentence(error))
        except DomainError as error:
            form.add_error(None, str(error))
    return _page(request, row, accounts_form=form, status=422)


@login_required
@require_POST
def watch_list_rescore(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    row = access.watch_list_for(request.user, slug, pk, "score_product")
    watching.rescore(user=person(request.user), watch_list=row)
    return redirect("risk_products:watch-list-detail", slug, pk)


@login_required
def watch_list_changes(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """All changes as CSV."""
    return exports.changes_csv(access.watch_list_for(request.user, slug, pk))


def _list_page(request: HttpRequest, product: Product, form: WatchListForm, status: int = 200) -> HttpResponse:
    if product.family != Product.Family.MONITORING:
        raise NotFound("watch_list_not_found", _("Only monitoring products keep watch lists."))
    context = {
        "product": product,
        "lists": catalogue.watch_lists_of(product, access.own_institutions(request.user, product)),
        "form": form,
        "may_score": "score_product" in sharing.held(person(request.user), product),
    }
    return render(request, "risk_products/watch_list_list.html", context, status=status)


def _page(
    request: HttpRequest,
    row: WatchList,
    *,
    form: WatchListForm | None = None,
    accounts_form: AccountsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    signature = _signature_or_none(row)
    context = {
        "product": row.product,
        "watch_list": row,
        "job": row.job,
        "changes": catalogue.changes_of(row)[:PER_PAGE],
        "n_changes": catalogue.changes_of(row, last_run_only=True).count(),
        "page": Paginator(row.accounts.defer("features"), PER_PAGE).get_page(request.GET.get("page")),
        "n_refused": catalogue.refused(row),
        "form": form or WatchListForm(instance=row),
        "accounts_form": accounts_form or AccountsForm(),
        "header": ",".join(["account", *signature.ids, *(f.key for f in signature.request)]) if signature else "",
        "may_score": "score_product" in sharing.held(person(request.user), row.product),
    }
    return render(request, "risk_products/watch_list_detail.html", context, status=status)


def _signature_or_none(row: WatchList) -> Signature | None:
    version = catalogue.live_version(row.product)
    return from_json(Signature, version.signature) if version else None


def _signature(row: WatchList) -> Signature:
    signature = _signature_or_none(row)
    if signature is None:
        raise Conflict("no_live_version", _("No version of this product's model is live."))
    return signature
