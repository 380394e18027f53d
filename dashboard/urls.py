"""The pages, and the parts that they ask for."""

from django.urls import path

from dashboard.names import APP_NAME
from dashboard.web import exports, imports, lists, page, projects, settings, sign_in, trust
from dashboard.web.notices import recipients, reports
from dashboard.web.people import account, audit, forgotten, invitation, second_factor
from dashboard.web.questions import beside, events, funnels, journeys, live, retention
from dashboard.web.saved import goals, notes, pins, saved
from dashboard.web.shares import page as shared

app_name = APP_NAME
urlpatterns = [
    path("", projects.projects, name="projects"),
    path("signin", sign_in.SignIn.as_view(), name="sign_in"),
    path("signout", sign_in.sign_out, name="sign_out"),
    path("signin/forgotten", forgotten.ask, name="forgotten"),
    path("password/<str:token>", forgotten.open_reset, name="open_reset"),
    path("password", forgotten.choose, name="reset"),
    path("invitation/<str:token>", invitation.open_invitation, name="open_invitation"),
    path("invitation", invitation.page, name="invitation"),
    path("account", account.page, name="account"),
    path("account/second-factor", second_factor.page, name="second_factor"),
    path("audit", audit.everything, name="all_audit"),
    path("new", projects.new_project, name="new_project"),
    path("p/<str:project_id>", page.page),
    path("p/<str:project_id>/", page.page, name="page"),
    path("p/<str:project_id>/glance", projects.glance, name="glance"),
    path("p/<str:project_id>/bar", page.bar, name="bar"),
    path("p/<str:project_id>/top", page.top, name="top"),
    path("p/<str:project_id>/panel/<str:name>", page.panel, name="panel"),
    path("p/<str:project_id>/current", page.current, name="current"),
    path("p/<str:project_id>/waiting", page.waiting, name="waiting"),
    path("p/<str:project_id>/suggest", lists.suggest, name="suggest"),
    path("p/<str:project_id>/row", lists.row, name="row"),
    path("p/<str:project_id>/list/<path:field>/rows", lists.rows, name="rows"),
    path("p/<str:project_id>/list/<path:field>/csv", lists.as_csv, name="csv"),
    path("p/<str:project_id>/list/<path:field>", lists.page, name="list"),
    path("p/<str:project_id>/funnels", funnels.page, name="funnels"),
    path("p/<str:project_id>/funnels/result", funnels.result, name="funnels_result"),
    path("p/<str:project_id>/retention", retention.page, name="retention"),
    path("p/<str:project_id>/retention/result", retention.result, name="retention_result"),
    path("p/<str:project_id>/journeys", journeys.page, name="journeys"),
    path("p/<str:project_id>/journeys/result", journeys.result, name="journeys_result"),
    path("p/<str:project_id>/beside", beside.page, name="beside"),
    path("p/<str:project_id>/beside/result", beside.result, name="beside_result"),
    path("p/<str:project_id>/events", events.page, name="events"),
    path("p/<str:project_id>/events/result", events.result, name="events_result"),
    path("p/<str:project_id>/live", live.page, name="live"),
    path("p/<str:project_id>/live/now", live.now, name="live_now"),
    path("p/<str:project_id>/live/stream", live.stream, name="live_stream"),
    path("p/<str:project_id>/books", trust.books, name="books"),
    path("p/<str:project_id>/trust", trust.page, name="trust"),
    path("p/<str:project_id>/audit", audit.of_project, name="audit"),
    path("p/<str:project_id>/saved", saved.page, name="saved"),
    path("p/<str:project_id>/goals", goals.panel, name="goals"),
    path("p/<str:project_id>/notes", notes.page, name="notes"),
    path("p/<str:project_id>/pin", pins.change, name="pin"),
    path("p/<str:project_id>/reports", reports.page, name="reports"),
    path("p/<str:project_id>/exports", exports.page, name="exports"),
    path("p/<str:project_id>/imports", imports.page, name="imports"),
    path("p/<str:project_id>/imports/pieces", imports.pieces, name="import_pieces"),
    path("p/<str:project_id>/settings", settings.page, name="settings"),
    path("notices/confirm/<str:token>", recipients.confirm_page, name="confirm_notices"),
    path("notices/unsubscribe/<str:token>", recipients.unsubscribe_page, name="end_notices"),
    path("share/<str:token>", shared.page),
]
