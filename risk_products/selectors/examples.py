"""Example calls of a product, made from its live version's signature: typical values, nobody's row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _

from etron_partner.identifiers import HASH_LENGTHS
from modeling.artifacts import from_json
from modeling.errors import DataError
from projects.errors import DomainError, as_domain_error, body
from risk_products.engine import requests
from risk_products.engine.signature import Signature
from risk_products.models import Product
from risk_products.selectors.answering import answer_to
from risk_products.selectors.catalogue import live_version
from risk_products.selectors.loaded import Loaded, loaded

KEY_VARIABLE = "$ETRON_KEY"


@dataclass(frozen=True)
class Example:
    """A tab of the product page."""

    name: str
    title: str
    text: str


def example_body(signature: Signature, request_id: str = "example-1") -> dict[str, Any]:
    """A request that the version accepts."""
    body: dict[str, Any] = {"request_id": request_id}
    if signature.ids:
        body["ids"] = {signature.ids[0]: example_hash(signature.ids[0])}
    return body | {"features": {field.key: _written(field.kind, field.example) for field in signature.request}}


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
    return _curl(_address(product, root), example_body(signature), key) if signature else ""


def clients(product: Product, signature: Signature, root: str, key: str = KEY_VARIABLE) -> list[Example]:
    """The same call from a shell, from Python, and as a batch."""
    one = example_body(signature)
    batch = {"rows": [one, one | {"request_id": "example-2"}]}
    address = _address(product, root)
    return [
        Example("curl", "curl", _curl(address, one, key)),
        Example("python", "Python", _python(address, one, key)),
        Example("batch", _("Batch"), _curl(f"{address}/batch", batch, key)),
    ]


def answers_and_errors(version_id: int, signature: Signature) -> list[Example]:
    """What the live version answers to the example, and the errors that a caller will meet."""
    version = loaded(version_id)
    title = _("200 Not matched") if signature.lookup else _("200 Scored")
    examples = [Example("scored", title, _answer_text(version, example_body(signature)))]
    if signature.ids:
        wrong = example_body(signature) | {"ids": {signature.ids[0]: "13800000000"}}
        examples.append(Example("bad-hash", _("422 Bad hash"), _answer_text(version, wrong)))
    unknown = example_body(signature) | {"features": {"colour": "red"}}
    examples.append(Example("unknown", _("422 Unknown field"), _answer_text(version, unknown)))
    reused = DomainError(
        "request_id_reused", _("This request id was used before with another body."), detail={"request_id": "example-1"}
    )
    over = DomainError("over_limit", _("The daily limit of this key is used up."), detail={"retry_after_s": 28800})
    examples.append(Example("reused", _("409 Id used before"), pretty(body(reused))))
    examples.append(Example("over", _("429 Over limit"), pretty(body(over))))
    return examples


def _answer_text(version: Loaded, asked: dict[str, Any]) -> str:
    try:
        request = requests.decode(msgspec.json.encode(asked))
        return pretty(msgspec.to_builtins(answer_to(version, request, timezone.now()).answer))
    except DataError as error:
        told = as_domain_error(error)
        assert told is not None
        return pretty(body(told))


def _written(kind: str, value: Any) -> Any:
    """A typical value as a caller would write it."""
    if kind == "int" and isinstance(value, float):
        return round(value)
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _address(product: Product, root: str) -> str:
    return f"{root.rstrip('/')}/api/v1/products/{product.slug}/score"


def _curl(address: str, asked: dict[str, Any], key: str) -> str:
    text = pretty(asked).replace("'", r"'\''")
    return (
        "curl \\\n"
        f"  {address} \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n'
        f'  -H "Content-Type: application/json" \\\n'
        f"  -d '{text}'"
    )


def _python(address: str, asked: dict[str, Any], key: str) -> str:
    secret = 'os.environ["ETRON_KEY"]' if key == KEY_VARIABLE else repr(key)
    return (
        "import json, os, urllib.request\n\n"
        f"body = {_python_literal(asked)}\n"
        "request = urllib.request.Request(\n"
        f'    "{address}",\n'
        "    data=json.dumps(body).encode(),\n"
        "    headers={\n"
        f'        "Authorization": "Bearer " + {secret},\n'
        '        "Content-Type": "application/json",\n'
        "    },\n"
        ")\n"
        "print(json.load(urllib.request.urlopen(request)))"
    )


def _python_literal(value: Any) -> str:
    return pretty(value).replace(": null", ": None").replace(": true", ": True").replace(": false", ": False")


def pretty(value: Any) -> str:
    """JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def pretty_json(raw: bytes) -> str:
    """The same from JSON bytes."""
    return pretty(msgspec.json.decode(raw))
