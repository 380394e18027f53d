"""The pages below `/share/<token>/`.

Their names are those of members' pages, so that parts of a page lead where the page is.
"""

from django.urls import path

from dashboard.names import APP_NAME
from dashboard.web.shares import lists, page

app_name = APP_NAME
urlpatterns = [
    path("", page.page, name="page"),
    path("unlock", page.unlock, name="unlock"),
    path("bar", page.bar, name="bar"),
    path("top", page.top, name="top"),
    path("panel/<str:name>", page.panel, name="panel"),
    path("suggest", lists.suggest, name="suggest"),
    path("row", lists.row, name="row"),
    path("list/<path:field>/rows", lists.rows, name="rows"),
    path("list/<path:field>/csv", lists.as_csv, name="csv"),
    path("list/<path:field>", lists.page, name="list"),
]
