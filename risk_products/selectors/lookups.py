"""What the platform knows about a person at a moment, by hashed id, for one version's columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from models_registry.models import Version
from risk_products.engine.signature import Plain, Signature

Lookup = Callable[[Mapping[str, str], datetime], tuple[Mapping[str, Plain], bool]]


def lookup_for(version: Version, signature: Signature) -> Lookup:
    if not signature.lookup:
        return _nobody
    raise NotImplementedError


def _nobody(ids: Mapping[str, str], observed_at: datetime) -> tuple[Mapping[str, Plain], bool]:
    """A model on the caller's own columns looks nobody up."""
    del ids, observed_at
    return {}, False
