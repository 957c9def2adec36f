"""One typed door to numba: machine code cached on disk, no Python objects inside."""

from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile at the first call and keep the result beside the bytecode; releases the GIL while it runs."""
    return cast(F, njit(cache=True, nogil=True)(function))
