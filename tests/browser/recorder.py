"""A wire between a browser and the site that remembers every byte the browser sends."""

import contextlib
import socket
import threading


class Recorder:
    """Listens on a port of its own and passes everything on to ``port``."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.sent: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser, _address = self.listener.accept()
                site = socket.create_connection(("127.0.0.1", self.target))
                for ends in ((browser, site, self.sent), (site, browser, None)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, kept: list[bytes] | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if kept is not None:
                    kept.append(data)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def everything(self) -> bytes:
        return b"".join(self.sent)

    def close(self) -> None:
        self.listener.close()
