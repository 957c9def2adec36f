"""The one exception of pure code: something is wrong with the data or the plan, said in plain words."""

from typing import Any


class DataError(ValueError):
    """A file, a table or a plan cannot be used, and the reader can be told why.

    ``code`` is a stable name for programs (``"label_not_binary"``), ``template`` an English sentence with ``%(name)s``
    holes filled from ``params``. The web floor translates the template, so it must be a literal. ``row`` (1-based, the
    header not counted) and ``column`` point at the place at fault.

    >>> str(DataError("no_rows", "The file %(name)s has a header but no rows.", name="a.csv"))
    'The file a.csv has a header but no rows.'
    """

    def __init__(
        self, code: str, template: str, *, row: int | None = None, column: str | None = None, **params: Any
    ) -> None:
        self.code = code
        self.template = template
        self.params = params | {"row": row, "column": column}
        self.row = row
        self.column = column
        super().__init__(template % self.params)


class Cancelled(Exception):
    """Raised by a ``progress`` callable when the user has asked the work to stop."""
