"""The admin's lists by what people do with them, not by where their code lives."""

from collections.abc import Iterable, Mapping
from typing import Any

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Projects and what may send to them": (
        "analytics.Project", "analytics.ApiKey", "analytics.Alias", "people.ShareLink",
    ),
    "What became of events": ("upkeep.LedgerLine", "ingestion.DeadLetter"),
    "Deleting for good": ("upkeep.Erasure", "upkeep.ProjectDeletion"),
    "People": ("auth.User", "auth.Group", "people.Member", "people.Invitation"),
    "Scripts that make projects": ("people.ServiceKey",),
}  # fmt: skip
REST = "More"


def group_models(apps: Iterable[Mapping[str, Any]], address: str) -> list[dict[str, Any]]:
    """Django's list of apps, whose models stand in GROUPS by `app.Model`; the rest comes last.

    `address` is where the names of groups lead to.
    """
    models = {
        f"{app['app_label']}.{model['object_name']}": model
        for app in apps
        for model in app["models"]
    }
    known = {name for names in GROUPS.values() for name in names}
    rest = tuple(name for name in models if name not in known)
    return [
        {
            "name": title,
            "app_label": title.split(" ", 1)[0].lower(),
            "app_url": address,
            "has_module_perms": True,
            "models": [models[name] for name in names if name in models],
        }
        for title, names in {**GROUPS, REST: rest}.items()
        if any(name in models for name in names)
    ]
