"""The errors that AWS answers with, by their codes."""

from __future__ import annotations


class ApiError(Exception):
    """A request that is answered with an error."""

    def __init__(self, code: str, message: str = "", status: int | None = None) -> None:
        known = _KNOWN.get(code)
        if status is None:
            status = known[0] if known else 400
        super().__init__(code)
        self.code = code
        self.status = status
        self.message = message or (known[1] if known else code)


# Code: HTTP status and message.
_KNOWN = {
    "AccessDenied": (403, "User is not authorized to perform this action because no identity-based"
                          " policy allows it"),
    "AuthFailure": (401, "AWS was not able to validate the provided access credentials"),
    "ExpiredToken": (403, "The security token included in the request is expired"),
    "IncompleteSignature": (400, "The request signature does not conform to AWS standards."),
    "InternalError": (500, "An internal error has occurred"),
    "InternalFailure": (500, "The request processing has failed because of an unknown error,"
                             " exception or failure."),
    "InvalidClientTokenId": (403, "The security token included in the request is invalid."),
    "InvalidNextToken": (400, "The token 'NextToken' is invalid."),
    "MissingAuthenticationToken": (403, "Request is missing Authentication Token"),
    "RequestExpired": (400, "Request has expired."),
    "RequestLimitExceeded": (503, "Request limit exceeded."),
    "ResourceContention": (500, "You already have a pending update to an Auto Scaling resource."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the"
                                   " signature you provided. Check your AWS Secret Access Key and"
                                   " signing method."),
    "Throttling": (400, "Rate exceeded"),
    "UnauthorizedOperation": (403, "You are not authorized to perform this operation."),
}


def invalid(message: str) -> ApiError:
    """Auto Scaling's answer to whatever it does not like."""
    return ApiError("ValidationError", message)
