"""One typed door to numba: machine code cached on disk, no Python objects inside."""

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile at the first call and keep the result beside the bytecode; releases the GIL while it runs."""
    return cast(F, _Compiled(function))


class _Compiled:
    """A kernel before its first call. Importing numba costs a second of CPU, so it waits until a kernel runs."""

    def __init__(self, function: Callable[..., Any]) -> None:
        update_wrapper(self, function)
        self.py_func = function

    @cached_property
    def _dispatcher(self) -> Any:
        from numba import njit

        return njit(cache=True, nogil=True)(self.py_func)

    @property
    def _numba_type_(self) -> Any:
        """How numba sees a kernel that another kernel calls."""
        return self._dispatcher._numba_type_

    def __call__(self, *arguments: Any) -> Any:
        return self._dispatcher(*arguments)
