"""The clock process: settles silent jobs, sends lost messages again, throws away what killed workers left."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections
from django.utils.module_loading import import_string

from projects import jobs, storage


class Command(BaseCommand):
    help = "Re-queue or fail jobs whose worker went silent, again and again. One process is enough; several are safe."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="look once and end")
        parser.add_argument("--every", type=float, default=settings.JOB_SILENCE_S / 4, help="seconds between two looks")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            self.look()
            return
        end = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: end.set())
        while not end.is_set():
            self.look()
            end.wait(options["every"])

    def look(self) -> None:
        """Settle jobs, sweep, and go the rounds of the upper floors: each counts what it removed."""
        close_old_connections()
        try:
            done = jobs.reap()
            swept = storage.sweep_staging() + sum(import_string(path)() for path in settings.WATCHDOG_ROUNDS)
        except (DatabaseError, OSError) as error:
            self.stderr.write(f"watchdog: {error}")
            return
        if done or swept:
            text = f"{done.requeued} queued again, {done.failed} failed, {done.cancelled} cancelled, {swept} swept"
            self.stdout.write(text)
