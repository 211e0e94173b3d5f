"""What can go wrong in the domain, as values that users meet.

Services raise these; :mod:`chartbridge.http.errors` turns them into the contract's envelope. Details
must be fit to show to the caller and hold no patient data beyond ids and values the caller sent.
"""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """Base of all errors a caller can meet. ``info`` are the ids and values involved."""

    status = 500
    title = "InternalServerError"

    def __init__(self, detail: str, **info: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.info = info


class BadRequestError(DomainError):
    status = 400
    title = "BadRequestError"


class InvalidParametersError(BadRequestError):
    """Schema validation failed; ``detail`` lists each issue as ``<message>, on [<path>]``."""

    title = "Missing or invalid parameters"


class ForbiddenError(DomainError):
    status = 403
    title = "ForbiddenError"

    def __init__(self, detail: str = "Access is forbidden", **info: Any) -> None:
        super().__init__(detail, **info)


class NotFoundError(DomainError):
    status = 404
    title = "NotFoundError"


class VersionMismatchError(DomainError):
    status = 412
    title = "VersionMismatchError"

    def __init__(self, **info: Any) -> None:
        super().__init__("eTag mismatch - reload the data and try again", **info)


class PatientOptedOutError(BadRequestError):
    title = "PatientOptedOutError"

    def __init__(self, **info: Any) -> None:
        super().__init__("Patient has opted out from the networks", **info)


class PatientWithoutTreatmentRelationshipError(BadRequestError):
    title = "PatientWithoutTreatmentRelationshipError"

    def __init__(self, **info: Any) -> None:
        super().__init__("Patient does not have a treatment relationship", **info)


class PatientLockedError(DomainError):
    """The patient cannot be changed now; answered outside the envelope, as a bare JSON string."""

    status = 423
    title = "MetriportError"

    def __init__(self) -> None:
        super().__init__("Document querying currently in progress")


class ConflictError(DomainError):
    """What is asked for was done already, with another outcome."""

    status = 409
    title = "MetriportError"


class ServiceUnavailableError(DomainError):
    """Something that the operation stands on does not answer now; trying again later may do."""

    status = 503
    title = "MetriportError"


class PayloadTooLargeError(DomainError):
    status = 413
    title = "MetriportError"


class UnsupportedMediaTypeError(DomainError):
    status = 415
    title = "MetriportError"


class RateLimitedError(DomainError):
    """The account used up its budget for an operation; ``detail`` is the plain-text answer."""

    status = 429
    title = "TooManyRequestsError"


class SandboxPatientCapError(DomainError):
    """Answered outside the envelope, as ``{"message": …}``."""

    status = 400
    title = "BadRequestError"

    def __init__(self, cap: int) -> None:
        super().__init__(f"Cannot create more than {cap} patients in Sandbox mode!")
