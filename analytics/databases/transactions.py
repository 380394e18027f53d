"""Which errors of MongoDB concern the moment, and which the document."""

from bson.errors import InvalidDocument
from pymongo.errors import DocumentTooLarge, OperationFailure, PyMongoError

COMMIT_UNKNOWN = "UnknownTransactionCommitResult"


TRANSIENT = "TransientTransactionError"


# Server errors that repeating cannot mend. The list is closed: what is not in it is a matter of
# the moment, and never buries an event.
_PERMANENT_CODES = frozenset(
    {
        2,  # BadValue
        9,  # FailedToParse
        14,  # TypeMismatch
        15,  # Overflow: nested too deeply
        22,  # InvalidBSON
        52,  # DollarPrefixedFieldName
        53,  # InvalidIdField
        121,  # DocumentValidationFailure
        257,  # TransactionTooLarge
        10334,  # BSONObjectTooLarge
        17280,  # KeyTooLong
        17419,  # the document would grow too large
        17420,  # the document to insert is too large
    }
)


def is_permanent(exc: PyMongoError) -> bool:
    """Whether writing the same batch again must fail again, with MongoDB healthy."""
    if isinstance(exc, (InvalidDocument, DocumentTooLarge)):
        return True
    if exc.has_error_label(TRANSIENT) or exc.has_error_label(COMMIT_UNKNOWN):
        return False
    return isinstance(exc, OperationFailure) and bool(_codes(exc) & _PERMANENT_CODES)


def _codes(exc: OperationFailure) -> set[int]:
    """The codes of an error; of a bulk write, those of each refused document."""
    details = exc.details or {}
    return {exc.code or 0} | {error.get("code", 0) for error in details.get("writeErrors", ())}


class RunConflict(Exception):
    """Somebody else changed the unit meanwhile: nothing was changed, try again."""
