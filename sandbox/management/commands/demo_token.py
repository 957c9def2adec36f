from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from projects.services.tokens import create_token
from sandbox.cast import PEOPLE, demo_user, make_cast


class Command(BaseCommand):
    help = "Print an API token of a demo user, good for 30 days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", choices=list(PEOPLE))

    def handle(self, *args: Any, **options: Any) -> None:
        make_cast()
        self.stdout.write(create_token(demo_user(options["role"]), "demo_token", ttl=timedelta(days=30)))
