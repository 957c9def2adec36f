from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from etron import processes
from projects.checks import demo_people


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
        if settings.PRODUCTION and demo_people():
            raise CommandError("The database holds demo people with known passwords: production needs its own.")
        try:
            wanted = self.wanted(options)
        except processes.Occupied as error:
            raise CommandError(
                f"{error} Stop what runs there, or choose another port (make run PORT=8001) "
                "and, for a second site, another folder (ETRON_HOME)."
            ) from None
        processes.supervise(wanted, on_ready=lambda: self.announce(options))

    def wanted(self, options: dict[str, Any]) -> list[processes.Process]:
        wanted = self.queue(alone=not options["only"])
        if options["only"] != "web":
            wanted += [processes.worker(options["jobs"]), processes.watchdog()]
        if options["only"] != "worker":
            host, port = options["host"], options["port"]
            processes.require_port(host, port)
            wanted.append(processes.web(host, port, options["web_workers"], options["web_threads"]))
        return wanted

    def queue(self, *, alone: bool) -> list[processes.Process]:
        """The embedded queue, unless there is a server for it or the other half of this site already runs it."""
        if settings.REDIS_URL:
            return []
        folder = settings.HOME / "queue"
        try:
            lock = processes.claim_folder(folder)
        except processes.Occupied:
            if alone:
                raise
            return []
        return [processes.queue(settings.VALKEY_SOCKET, folder, lock)]

    def announce(self, options: dict[str, Any]) -> None:
        if options["only"] == "worker":
            self.stdout.write("The worker runs. Ctrl-C stops it.")
            return
        self.stdout.write(f"\n  http://{options['host']}:{options['port']}/   Ctrl-C stops everything.\n")
        if settings.DEMO:
            self.stdout.write((settings.BASE_DIR / "sandbox" / "logins.txt").read_text())
        self.stdout.flush()
