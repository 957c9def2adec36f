from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from etron import processes


class Command(BaseCommand):
    help = "Run the site: queue (embedded unless ETRON_REDIS_URL is set), worker, watchdog and web server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--web-workers", type=int, default=2, help="web server processes")
        parser.add_argument("--web-threads", type=int, default=4, help="threads per web server process")
        parser.add_argument("--jobs", type=int, default=2, help="jobs that may run at the same time")
        parser.add_argument("--only", choices=["web", "worker"], help="one kind of process, for a host of its own")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted: list[processes.Process] = []
        if not settings.REDIS_URL:
            wanted.append(processes.queue(settings.VALKEY_SOCKET, settings.HOME / "queue"))
        if options["only"] != "web":
            wanted += [processes.worker(options["jobs"]), processes.watchdog()]
        if options["only"] != "worker":
            host, port = options["host"], options["port"]
            wanted.append(processes.web(host, port, options["web_workers"], options["web_threads"]))
        processes.supervise(wanted, on_ready=lambda: self.announce(options))

    def announce(self, options: dict[str, Any]) -> None:
        if options["only"] == "worker":
            self.stdout.write("The worker runs. Ctrl-C stops it.")
            return
        self.stdout.write(f"\n  http://{options['host']}:{options['port']}/   Ctrl-C stops everything.\n")
        if settings.DEMO:
            self.stdout.write((settings.BASE_DIR / "sandbox" / "logins.txt").read_text())
        self.stdout.flush()
