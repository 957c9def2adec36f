"""JSON and command lines in the colours of the code block."""

import re

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
_TOKEN = re.compile(
    r"(?P<k>&quot;(?:(?!&quot;).)*&quot;)(?=\s*:)|(?P<s>&quot;.*?&quot;)|(?<=[\s\[])(?P<n>-?\d[\d.]*(?:e-?\d+)?|true|false|null)\b"
)


@register.filter
def coloured(text: str) -> SafeString:
    """Keys, strings and numbers of JSON, marked for the style sheet; everything is escaped first."""
    marked = _TOKEN.sub(lambda found: f'<span class="{found.lastgroup}">{found.group()}</span>', escape(text))
    return mark_safe(marked)  # noqa: S308 - escaped above, only our own spans are added
