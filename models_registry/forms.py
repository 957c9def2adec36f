"""The shape of what comes in from the browser."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from datafactory.models import FeatureTable
from datafactory.selectors import leaks
from modeling.artifacts import Column, from_json
from modeling.artifacts import FeatureTable as TableTicket
from modeling.bin_count import BinSetPlan
from modeling.train import TrainPlan
from models_registry.bin_selectors import accepted_sets
from models_registry.models import Model, TrainingRun
from models_registry.services import bin_sets, plans

SPLITS = [
    ("random", _("Random: people are drawn into train, valid and test")),
    ("time", _("By time: the latest months are kept for judging (OOT)")),
    ("column", _("The sample's own column")),
    ("folds", _("Folds: each person is judged by models that have not seen them")),
]
ROWS = [("all", _("All rows; unmatched people have missing platform values")), ("matched", _("Matched rows only"))]
TRENDS = [
    ("auto", _("The best of rising and falling, or with one turn")),
    ("ascending", _("Rising bad rate")),
    ("descending", _("Falling bad rate")),
    ("peak", _("Up, then down")),
    ("valley", _("Down, then up")),
    ("none", _("Free")),
]
OTHERS = [("optimise", _("are binned by the optimiser")), ("leave_out", _("are left out"))]
DIRECTIONS = [("0", _("free")), ("1", _("more is riskier")), ("-1", _("more is safer"))]


class RecipeForm(forms.Form):
    """A training recipe. Fields of the algorithm that is not chosen are ignored."""

    feature_table = forms.ModelChoiceField(FeatureTable.objects.none(), label=_("Feature table"))
    name = forms.CharField(max_length=120, required=False, label=_("Name"))
    algorithm = forms.ChoiceField(choices=TrainingRun.Algorithm.choices, label=_("Algorithm"))
    rows = forms.ChoiceField(choices=ROWS, label=_("Rows"))
    split = forms.ChoiceField(choices=SPLITS, label=_("Split"))
    share_train = forms.FloatField(initial=60, min_value=10, max_value=100, label=_("Train, %"))
    share_valid = forms.FloatField(
        initial=20, min_value=0, max_value=80, label=_("Valid, %"), help_text=_("Steers stopping and tuning.")
    )
    share_test = forms.FloatField(
        initial=20, min_value=0, max_value=80, label=_("Test, %"), help_text=_("Touched once, by the evaluation.")
    )
    oot_months = forms.IntegerField(
        initial=2, min_value=1, max_value=36, label=_("OOT months"), help_text=_("The last months of the sample.")
    )
    folds = forms.IntegerField(initial=5, min_value=2, max_value=20, label=_("Folds"))
    seed = forms.IntegerField(
        initial=7, min_value=0, max_value=2**31 - 1, label=_("Seed"), help_text=_("The same seed, the same split.")
    )
    base_score = forms.FloatField(initial=600, label=_("Base score"))
    base_odds = forms.FloatField(initial=20, min_value=0.01, label=_("Goods per bad at the base score"))
    pdo = forms.FloatField(
        initial=20,
        min_value=1,
        label=_("Points to double the odds"),
        help_text=_("PDO: so many points, half the risk."),
    )
    max_bins = forms.IntegerField(initial=6, min_value=2, max_value=20, label=_("Bins at most"))
    min_bin_share = forms.FloatField(initial=5, min_value=0.5, max_value=40, label=_("Rows in a bin at least, %"))
    trend = forms.ChoiceField(choices=TRENDS, label=_("Trend of the bad rate"))
    given = forms.ChoiceField(
        required=False, label=_("Bins by hand"), help_text=_("An accepted bin set; its edges are taken as they are.")
    )
    others = forms.ChoiceField(choices=OTHERS, required=False, label=_("Variables that it does not hold"))
    n_estimators = forms.IntegerField(initial=300, min_value=1, max_value=5000, label=_("Trees at most"))
    max_depth = forms.IntegerField(initial=3, min_value=1, max_value=12, label=_("Depth"))
    learning_rate = forms.FloatField(initial=0.08, min_value=0.001, max_value=1, label=_("Learning rate"))
    subsample = forms.FloatField(initial=0.8, min_value=0.1, max_value=1, label=_("Rows per tree, share"))
    colsample = forms.FloatField(initial=0.8, min_value=0.1, max_value=1, label=_("Columns per tree, share"))
    min_child_weight = forms.FloatField(initial=10, min_value=0, label=_("Weight of a leaf at least"))
    reg_lambda = forms.FloatField(initial=1, min_value=0, label=_("L2 penalty"))
    early_stopping_rounds = forms.IntegerField(
        initial=30, min_value=1, required=False, label=_("Stop after rounds without gain on valid")
    )

    def __init__(self, *args: Any, tables: Any, table: FeatureTable | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["feature_table"].queryset = tables  # type: ignore[attr-defined]
        self.columns = columns_of(table) if table else ()
        self.left_out = set(leaks.excluded(table)) if table else set()
        self.suspected = set(leaks.suspected(table, (one.name for one in self.columns))) if table else set()
        sets = accepted_sets(table.project) if table else []
        self.fields["given"].choices = [("", _("none: the optimiser bins all")), *sets]  # type: ignore[attr-defined]
        if table:
            self.fields["feature_table"].initial = table.pk

    DIRECTIONS = DIRECTIONS

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        shares = [data.get(f"share_{part}") for part in ("train", "valid", "test")]
        if data.get("split") in {"random", "time"} and None not in shares and abs(sum(shares) - 100) > 0.01:  # type: ignore[arg-type]
            self.add_error("share_test", _("The three shares must add up to 100 %."))
        return data

    @property
    def directions(self) -> list[tuple[Column, str]]:
        """Numeric columns with the monotone direction chosen for them."""
        numeric = (column for column in self.columns if column.kind not in {"category", "bool"})
        return [(column, str(self.data.get(f"monotone:{column.name}", "0"))) for column in numeric]

    @property
    def choices(self) -> list[tuple[Column, bool]]:
        """Columns with whether they are ticked: all but those that the leak scan led somebody to leave out."""
        asked = self.is_bound and "columns_shown" in self.data
        ticked = set(self.data.getlist("column")) if asked and isinstance(self.data, QueryDict) else None
        return [(one, one.name not in self.left_out if ticked is None else one.name in ticked) for one in self.columns]

    def _columns(self) -> list[str] | None:
        """Names of the ticked columns; None where all are, or none were shown: the default."""
        chosen = [column.name for column, is_ticked in self.choices if is_ticked]
        every = len(chosen) == len(self.choices)
        return None if (every and not self.left_out) or "columns_shown" not in self.data else chosen

    def plan(self) -> TrainPlan:
        """The recipe; ``Invalid`` if the engine refuses it."""
        return plans.read_training(self._recipe(self.cleaned_data))

    def _recipe(self, data: dict[str, Any]) -> dict[str, Any]:
        chosen = data.get("column_set", "joint")
        signs = {column.name: sign for column, sign in self.directions if chosen in {"joint", column.party}}
        monotone = {name: int(sign) for name, sign in signs.items() if sign in {"1", "-1"}}
        return {
            "algorithm": data["algorithm"],
            "column_set": chosen,
            "columns": self._columns(),
            "rows": data["rows"],
            "split": self._split(data),
            "scaling": {"base_score": data["base_score"], "base_odds": data["base_odds"], "pdo": data["pdo"]},
            "bins": {
                "max_bins": data["max_bins"],
                "min_bin_share": data["min_bin_share"] / 100,
                "trend": data["trend"],
            },
            "given": self._given(data),
            "xgb": {name: data[name] for name in XGB_FIELDS} | {"seed": data["seed"], "monotone": monotone or None},
            "seed": data["seed"],
        }

    def _given(self, data: dict[str, Any]) -> dict[str, Any] | None:
        """The bin set and revision chosen, for a scorecard."""
        if not data.get("given") or data["algorithm"] != TrainingRun.Algorithm.SCORECARD:
            return None
        number, revision = data["given"].split(".")
        return {"number": int(number), "revision": int(revision), "others": data.get("others") or "optimise"}

    def _split(self, data: dict[str, Any]) -> dict[str, Any]:
        by_time = {"oot_months": data["oot_months"]} if data["split"] == "time" else {}
        shares = [data[f"share_{part}"] / 100 for part in ("train", "valid", "test")]
        return {"kind": data["split"], "seed": data["seed"], "shares": shares, "folds": data["folds"], **by_time}


class TrainForm(RecipeForm):
    column_set = forms.ChoiceField(choices=TrainingRun.ColumnSet.choices, initial="joint", label=_("Columns"))


BIN_FIELDS = {
    *("feature_table", "name", "column_set", "rows", "split", "share_train", "share_valid", "share_test"),
    *("oot_months", "seed", "max_bins", "min_bin_share", "trend"),
}


class BinSetForm(TrainForm):
    """Which rows and columns are counted, under the split that the training will use."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(self.fields) - BIN_FIELDS:
            del self.fields[name]
        self.fields["split"].choices = SPLITS[:3]  # type: ignore[attr-defined]

    def bin_plan(self) -> BinSetPlan:
        """The plan; ``Invalid`` if the engine refuses it."""
        data = self.cleaned_data
        split = self._split(data | {"folds": 5})
        return bin_sets.read_plan(
            {
                "column_set": data["column_set"],
                "rows": data["rows"],
                "split": split,
                "bins": {
                    "max_bins": data["max_bins"],
                    "min_bin_share": data["min_bin_share"] / 100,
                    "trend": data["trend"],
                },
            }
        )


XGB_FIELDS = (
    *("n_estimators", "max_depth", "learning_rate", "subsample", "colsample"),
    *("min_child_weight", "reg_lambda", "early_stopping_rounds"),
)


def columns_of(table: FeatureTable) -> tuple[Column, ...]:
    return from_json(TableTicket, table.ticket).columns


class OfferForm(forms.Form):
    """Offer a run as a version of a model that exists or of a new one."""

    model = forms.CharField(max_length=120, label=_("Model"), help_text=_("A new name makes a new model."))
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}), label=_("Note for the approver"))

    def __init__(self, *args: Any, models: Iterable[Model] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.models = list(models)
        self.fields["model"].widget.attrs["list"] = "model-names"


class MomentForm(forms.Form):
    at = forms.DateTimeField(
        label=_("Moment"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )


class BandsForm(forms.Form):
    """Rows of the bands table: three lists of one length."""

    def bands(self) -> list[dict[str, Any]]:
        names = ("band", "min_score", "action")
        assert isinstance(self.data, QueryDict)
        rows = zip(*(self.data.getlist(name) for name in names), strict=False)
        return [dict(zip(names, row, strict=True)) for row in rows]
