"""Collects strings for translation, the sentences of pure code too."""

from typing import Any

from django.conf import settings
from django.core.management.commands import makemessages

from etron.sentences import sentences


class Command(makemessages.Command):
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]  # no guesses: missing is missing

    def handle(self, *args: Any, **options: Any) -> str | None:
        """gettext reads source files only, so the sentences stand in one for as long as it runs."""
        scratch = settings.BASE_DIR / "etron" / "collected_sentences.py"
        lines = (f"gettext_noop({text!r})" for text in sorted(sentences()))
        scratch.write_text("\n".join(lines) + "\n")
        try:
            return super().handle(*args, **options)
        finally:
            scratch.unlink()
