"""The code on a product's page runs as it is copied."""

import json
import shlex

from risk_products.selectors import examples
from risk_products.templatetags.code import coloured


def test_the_curl_line_is_a_working_call(product, key, client):
    words = shlex.split(examples.curl(product, "http://localhost:8000/", key=key).replace("\\\n", " "))
    assert words[:2] == ["curl", "http://localhost:8000/api/v1/products/credit-score/score"]
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    body = words[words.index("-d") + 1]
    path = words[1].removeprefix("http://localhost:8000")
    answer = client.post(path, body, content_type=headers.pop("Content-Type"), headers=headers)
    assert answer.status_code == 200, answer.content


def test_a_quote_in_a_category_does_not_end_the_body():
    line = examples._curl("http://x/score", {"city": "L'Aquila"}, "k")
    assert json.loads(shlex.split(line.replace("\\\n", " "))[-1]) == {"city": "L'Aquila"}


def test_the_python_lines_compile(product):
    signature = examples.signature_of(product)
    assert signature is not None
    for client in examples.clients(product, signature, "http://localhost/"):
        if client.name == "python":
            compile(client.text, "example", "exec")


def test_colours_escape_what_they_colour():
    text = coloured('{"a<b": "<script>", "n": -1.5, "t": true}\nhttp://127.0.0.1:80/')
    assert "<script>" not in text
    assert '<span class="k">&quot;a&lt;b&quot;</span>' in text
    assert '<span class="n">-1.5</span>' in text
    assert "http://127.0.0.1:80/" in text
