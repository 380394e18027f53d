"""Where Django looks for the models of this app."""

from analytics.projects.models import ApiKey, Project

__all__ = ["ApiKey", "Project"]
