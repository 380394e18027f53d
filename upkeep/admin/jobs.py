"""What the admin shows of a job, of any kind. Nobody changes one or takes one away."""

from collections.abc import Sequence
from typing import ClassVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from analytics.admin.base import Fitting
from upkeep.jobs.job import Job
from upkeep.models import Erasure, ProjectDeletion, StoredJob


class JobAdmin(Fitting):
    job: ClassVar[type[Job]]
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def tell_asked(self, row: StoredJob) -> str:
        raise NotImplementedError

    def response_add(
        self, request: HttpRequest, obj: StoredJob, post_url_continue: str | None = None
    ) -> HttpResponse:
        self.message_user(request, self.tell_asked(obj))
        return HttpResponseRedirect(reverse(f"admin:upkeep_{self.opts.model_name}_changelist"))

    @admin.display(description="state")
    def state(self, row: Erasure | ProjectDeletion) -> str:
        return self.job.STATES[row.step]

    def count(self, row: StoredJob) -> Sequence[str]:
        """Each count of a job, and what is counted."""
        return [f"{row.counts.get(name, 0):,} {name}" for name in self.job.COUNTS]
