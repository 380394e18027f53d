"""What a receiver says of its vendor: routes, keys, translation, and the words of its answers.

The frame (`view.py`) does the rest, in this order: a key in the head (`find_head_key`), the body
(`read`), the key (`find_key`), `translate`, the judging and the admission of POST /event, `answer`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django.urls import URLPattern

from analytics.keys.aliases import spell_alias
from analytics.keys.authentication import authenticate_alias, authenticate_texts
from analytics.keys.key_text import read_key_id
from analytics.keys.records import KeyRecord
from analytics.web.problems import Problem
from ingestion.accept.reply import Reply
from ingestion.receivers.envelope import Call, Envelope, Taken
from ingestion.receivers.owner import list_head_keys

Parsed = TypeVar("Parsed")
View = Callable[..., Any]


class Described:
    """What `GET /receivers` says."""

    name: ClassVar[str]  # of counts, and of its page in docs/receivers
    title: ClassVar[str]
    paths: ClassVar[Sequence[str]]
    key_place: ClassVar[str]  # for people: where its clients put a key
    alias_kind: ClassVar[str | None] = None


class Receiver(Described, ABC, Generic[Parsed]):
    """One vendor's. `paths` take events; each is routed with and without a last slash."""

    # Whether its clients send again after a 429; if not they are told 503, which they repeat.
    repeats_429: ClassVar[bool] = True
    # Whether its clients send in the address of a GET, too.
    takes_get: ClassVar[bool] = False
    # Whether its pages send cookies: they read no answer then that does not allow it. None is read.
    allows_cookies: ClassVar[bool] = False
    # Whether its clients give up after a 413; if not they are told 200, and it is counted alone.
    tells_too_large: ClassVar[bool] = True

    @abstractmethod
    def read(self, call: Call) -> Parsed:
        """The envelope of the body. Raises Problem where it is not its vendor's."""

    def list_keys(self, parsed: Parsed) -> Sequence[str]:
        """The texts where the body may have a key."""
        return ()

    def find_head_key(self, call: Call) -> KeyRecord | None:
        """The key that the head alone tells: then nobody else's body is read."""
        texts = list_head_keys(call.meta)
        if any(read_key_id(text) is not None for text in texts):
            return authenticate_texts(call.meta, texts)
        return None

    def list_aliases(self, parsed: Parsed) -> Sequence[str]:
        """What the body names of `alias_kind`; the first that a project has counts."""
        return ()

    def find_key(self, call: Call, parsed: Parsed) -> KeyRecord:
        """Whose the request is: of its key, or else of its alias. Raises Problem."""
        texts = [*list_head_keys(call.meta), *self.list_keys(parsed)]
        kind = self.alias_kind
        if kind is None or any(read_key_id(text) is not None for text in texts):
            return authenticate_texts(call.meta, texts)
        values = [spell_alias(kind, value) for value in self.list_aliases(parsed)]
        return authenticate_alias(call.meta, kind, values)

    @abstractmethod
    def translate(self, parsed: Parsed, call: Call, key: KeyRecord) -> Envelope:
        """The native events of a request. Raises Problem where nothing of it can be read."""

    @abstractmethod
    def answer(self, taken: Taken, call: Call) -> Reply:
        """The vendor's success; also where some of the events, or all, were refused."""

    def explain(self, problem: Problem) -> Mapping[str, object]:
        """Further members of a refusal: those that the vendor's clients print."""
        return {"message": problem.detail, "error": problem.detail}

    def other_views(self) -> Mapping[str, View]:
        """What else its clients POST, by path, with an answer that keeps them quiet."""
        return {}

    def read_patterns(self) -> Sequence[URLPattern]:
        """What its clients GET."""
        return ()
