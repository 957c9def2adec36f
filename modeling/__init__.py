"""Pure modeling library: no Django, no Celery, no settings.

Conventions that hold everywhere and are asserted in ``tests/modeling/test_conventions.py``:

* ``y == 1`` is **bad**; ``WOE = ln(share of goods / share of bads)``; a higher score is safer.
* KS, AUC, Gini and PSI are fractions here and percents only in templates.
* Times are aware UTC; windows are ``[observed_at - w, observed_at)``.
* Missing values and special codes are bins of their own.
"""
