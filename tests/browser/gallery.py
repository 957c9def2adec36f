"""A page with every partial and widget, for the browser tests only."""

from pathlib import Path

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.template import engines
from django.urls import path

from etron.urls import urlpatterns as site

PAGE = Path(__file__).with_suffix(".html")

ROC = {
    "data": [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "Train",
            "x": [0, 0.2, 1],
            "y": [0, 0.6, 1],
            "line": {"color": "var(--train)"},
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "OOT",
            "x": [0, 0.2, 1],
            "y": [0, 0.5, 1],
            "line": {"color": "var(--oot)"},
        },
    ],
    "layout": {
        "xaxis": {"title": {"text": "share of goods refused"}},
        "yaxis": {"title": {"text": "share of bads refused"}},
    },
}
BINS = {
    "data": [
        {"type": "bar", "name": "Share %", "x": ["0", "1", "2+"], "y": [40, 35, 25], "marker": {"color": "var(--bar)"}},
        {
            "type": "scatter",
            "name": "Bad rate %",
            "x": ["0", "1", "2+"],
            "y": [3, 5, 11],
            "yaxis": "y2",
            "line": {"color": "var(--bad-mark)"},
        },
    ],
    "layout": {"yaxis2": {"overlaying": "y", "side": "right"}},
}


def interval(value):
    return {"value": value, "low": value - 0.03, "high": value + 0.03}


def gallery(request):
    if request.method == "POST":
        size = request.FILES["file"].size if request.FILES else 0
        return HttpResponse(f"<main>deleted {size}</main>")
    messages.success(request, "Merged 2 with 3.")
    context = {
        "states": [
            "ready",
            "queued",
            "running",
            "failed",
            "stale",
            "reviewing",
            "live",
            "partner",
            "platform",
            "joint",
        ],
        "splits": {
            name: {"ks": interval(at), "auc": interval(at + 0.4)} for name, at in (("train", 0.39), ("oot", 0.37))
        },
        "roc": ROC,
        "bins": BINS,
        "bins_table": {"head": ["Bin", "Share %"], "rows": [["0", "40.0"], ["1", "35.0"]]},
        "page": Paginator(range(95), 40).page(2),
    }
    return HttpResponse(engines["django"].from_string(PAGE.read_text()).render(context, request))


urlpatterns = [*site, path("gallery/", gallery)]
