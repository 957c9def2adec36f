"""The turn of those who write to SQLite: one at a time, over threads and forked processes."""

import multiprocessing
import os
import threading

from risk_products.services.recording import Turn

PROCESSES, THREADS, TIMES = 3, 3, 60


def _count(turn, path):
    """Read, write back one more: increments get lost as soon as two do it at once."""
    for _ in range(TIMES):
        with turn:
            path.write_text(str(int(path.read_text()) + 1))


def _work(turn, path):
    threads = [threading.Thread(target=_count, args=(turn, path)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)


def test_nobody_writes_out_of_turn(tmp_path, settings):
    settings.HOME = tmp_path
    turn, path = Turn("test.lock"), tmp_path / "count"
    path.write_text("0")
    with turn:
        processes = [
            multiprocessing.get_context("fork").Process(target=_work, args=(turn, path)) for _ in range(PROCESSES)
        ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert int(path.read_text()) == PROCESSES * THREADS * TIMES


def test_a_turn_ends_with_an_error(tmp_path, settings):
    settings.HOME = tmp_path
    turn = Turn("test.lock")
    for _ in range(2):
        try:
            with turn:
                raise ValueError
        except ValueError:
            pass
    assert not turn._threads.locked()
