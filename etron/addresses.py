"""Addresses of pages on any floor, by the names of their URLs."""

from typing import Any

from django.urls import NoReverseMatch, reverse


def address(url_name: str, *arguments: Any) -> str:
    """The URL, or nothing if this floor has no such page."""
    try:
        return reverse(url_name, args=arguments)
    except NoReverseMatch:
        return ""
