"""Walk the audit log's chain and say what does not hold."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from projects import audit
from projects.models import AuditEvent


class Command(BaseCommand):
    help = "Check that no line of the audit log was edited, removed, moved or added by hand."

    def handle(self, *args: Any, **options: Any) -> None:
        problems = audit.verify()
        for problem in problems:
            self.stderr.write(f"line {problem.seq}: {problem.text}")
        if problems:
            raise CommandError(f"The audit log is not whole: {len(problems)} problems.")
        self.stdout.write(f"The audit log is whole: {AuditEvent.objects.count()} lines.")
