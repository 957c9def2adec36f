"""Example calls of a product, made from its live version's signature: typical values, nobody's row."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from datafactory.engine.identifiers import HASH_LENGTHS
from modeling.artifacts import from_json
from risk_products.engine.signature import Signature
from risk_products.models import Product
from risk_products.selectors.catalogue import live_version

KEY_VARIABLE = "$ETRON_KEY"


def example_body(signature: Signature, request_id: str = "example-1") -> dict[str, Any]:
    """A request that the version accepts."""
    body: dict[str, Any] = {"request_id": request_id}
    if signature.ids:
        body["ids"] = {signature.ids[0]: example_hash(signature.ids[0])}
    return body | {"features": {field.key: field.example for field in signature.request}}


def example_hash(id_type: str) -> str:
    """A well-formed hash of nobody."""
    digits = hashlib.sha512(b"example").hexdigest()
    return digits[: HASH_LENGTHS.get(id_type.rpartition("__")[2], 32)]


def signature_of(product: Product) -> Signature | None:
    version = live_version(product)
    return from_json(Signature, version.signature) if version else None


def curl(product: Product, root: str, key: str = KEY_VARIABLE) -> str:
    """A complete command line; empty while no version is live."""
    signature = signature_of(product)
    if signature is None:
        return ""
    body = json.dumps(example_body(signature), indent=2, ensure_ascii=False).replace("'", r"'\''")
    return (
        f"curl {root.rstrip('/')}/api/v1/products/{product.slug}/score \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n'
        f'  -H "Content-Type: application/json" \\\n'
        f"  -d '{body}'"
    )
