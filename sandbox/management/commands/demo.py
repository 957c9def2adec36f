from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from projects import jobs
from projects.models import Job
from sandbox.cast import make_cast


class Command(BaseCommand):
    help = "Make the demo users and have the worker build the demo project. Again is harmless."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--people", type=int, default=20_000, help="size of the synthetic population")

    def handle(self, *args: Any, **options: Any) -> None:
        cast = make_cast()
        last = Job.objects.filter(name="sandbox.build_demo").first()
        if last is None:
            with transaction.atomic():
                jobs.start(
                    "sandbox.build_demo", title="Build the demo project", user=cast["modeler"], people=options["people"]
                )
        elif last.state in {Job.State.FAILED, Job.State.CANCELLED}:
            jobs.retry(last)
