"""Both spellings of a path are the same endpoint, and the schema shows the one without a slash."""

from django.urls import path

from upkeep.erasure.views import JobView, UserView

urlpatterns = [
    path("users/<rest:user_id>", UserView.as_view()),
    path("erasures/<str:erasure_id>", JobView.as_view()),
    path("erasures/<str:erasure_id>/", JobView.as_view(schema=None)),
]
