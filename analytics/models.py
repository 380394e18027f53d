"""Where Django looks for the models of this app."""

from analytics.projects.aliases import Alias
from analytics.projects.models import ApiKey, Project

__all__ = ["Alias", "ApiKey", "Project"]
