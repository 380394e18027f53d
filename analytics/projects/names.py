"""Names of projects: two that nobody can tell apart are one name, and only one project has it.

Equal names from before this rule stay usable. One of them holds the name; the others have no
`name_key` until they get a name of their own.
"""

import re
import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.db.models import Q

# Drawn as nothing, or as a change of what stands before it.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_LIKE_AN_ID = re.compile(r"[0-9a-f]{16}")


class NameTaken(ValidationError):
    """Another project has this name."""

    def __init__(self) -> None:
        super().__init__({"name": "There is a project of this name. Upper and lower case are one."})


def normalise_name(name: str) -> str:
    """What equal names have in common: neither case, spaces nor ways to write a character count."""
    composed = _UNSEEN.sub("", unicodedata.normalize("NFKC", name))
    seen = (
        char
        for char in composed
        if char.isspace() or unicodedata.category(char) not in ("Cc", "Cf")
    )
    folded = unicodedata.normalize("NFKC", "".join(seen).casefold())
    return " ".join(folded.split())


class UniquelyNamed(models.Model):
    """The part of a project that knows its name. A deleted one lets go of it."""

    name = models.CharField(max_length=100)
    name_key = models.CharField(max_length=2_000, null=True, unique=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def find_named(cls, name: str) -> list[Any]:
        """The projects of this name that are not deleted; more than one only from before."""
        key = normalise_name(name)
        rows = cls._default_manager.filter(Q(name_key=key) | Q(name_key=None), deleted_at=None)
        return [row for row in rows if normalise_name(row.name) == key]

    def clean(self) -> None:
        super().clean()
        key = normalise_name(self.name)
        if not key and self.name:
            raise ValidationError({"name": "Nothing of this name can be seen."})
        if key == self._read_stored()[0]:
            return  # what was a duplicate before may stay one
        if _LIKE_AN_ID.fullmatch(key):
            raise ValidationError({"name": "A name must not look like the id of a project."})
        if any(row.pk != self.pk for row in self.find_named(self.name)):
            raise NameTaken

    def save(self, *args: Any, update_fields: Any = None, **kwargs: Any) -> None:
        """Raises NameTaken, also where another project took the name at the same moment."""
        if update_fields is None or {"name", "deleted_at"}.intersection(update_fields):
            self.name_key = self._choose_key()
            update_fields = update_fields and {*update_fields, "name_key"}
        try:
            super().save(*args, update_fields=update_fields, **kwargs)
        except IntegrityError as exc:
            raise NameTaken from exc

    def _choose_key(self) -> str | None:
        key = normalise_name(self.name)
        stored_key, is_deleted = self._read_stored()
        if is_deleted or self.deleted_at:
            return None
        others = type(self)._default_manager.filter(name_key=key).exclude(pk=self.pk)
        return None if key == stored_key and others.exists() else key

    def _read_stored(self) -> tuple[str | None, bool]:
        """The stored name, normalised, and whether it is that of a deleted project."""
        rows = type(self)._default_manager.filter(pk=self.pk)
        row = None if self._state.adding else rows.values_list("name", "deleted_at").first()
        return (normalise_name(row[0]), row[1] is not None) if row else (None, False)
