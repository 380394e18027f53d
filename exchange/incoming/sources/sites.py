"""A file may hold several websites; one import is of one."""

from exchange.incoming.options import Options
from exchange.incoming.rows import LeftOut


class OneSite:
    """Lets the rows of one website pass: of the one that was named, else of the first row's."""

    def __init__(self, options: Options) -> None:
        self._site = options.site

    def leave_out(self, site: str | None) -> LeftOut | None:
        if self._site is None:
            self._site = site
        return None if site == self._site else LeftOut(0, "other_site", str(site)[:64])
