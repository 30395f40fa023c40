"""STS's query API: a token of somebody else's identity provider becomes credentials."""

from __future__ import annotations

from harness.aws.credentials import AccessKey, Credentials
from harness.aws.errors import ApiError
from harness.aws.instance import ACCOUNT
from harness.aws.parameters import Parameters
from harness.aws.query_api import Action, Result, Service


class Sts(Service):
    name = "sts"
    version = "2011-06-15"
    namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
    unsigned = frozenset({"AssumeRoleWithWebIdentity"})

    def __init__(self, credentials: Credentials) -> None:
        self.roles: dict[str, str] = {}  # web identity token: the ARN of the role it may take
        self.expired_tokens: set[str] = set()
        self._credentials = credentials

    def actions(self) -> dict[str, Action]:
        return {"AssumeRoleWithWebIdentity": self._assume_role,
                "GetCallerIdentity": self._get_caller_identity}

    def _assume_role(self, parameters: Parameters, _: AccessKey | None) -> Result:
        arn, session = parameters.required("RoleArn"), parameters.required("RoleSessionName")
        token = parameters.required("WebIdentityToken")
        lifetime_s = parameters.integer("DurationSeconds", 900, 43_200, 3600)
        if token in self.expired_tokens:
            raise ApiError("ExpiredTokenException", "Token expired")
        if token not in self.roles:
            raise ApiError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
        if self.roles[token] != arn:
            raise ApiError("AccessDenied",
                           "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        key = self._credentials.issue(session, min(lifetime_s, self._credentials.lifetime_s))
        role = arn.rpartition("/")[2]
        return {
            "Credentials": {"AccessKeyId": key.id, "SecretAccessKey": key.secret,
                            "SessionToken": key.session_token, "Expiration": key.expiration},
            "SubjectFromWebIdentityToken": "system:serviceaccount:starling:starling",
            "AssumedRoleUser": {"AssumedRoleId": f"AROA0000000000000000:{session}",
                                "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"},
            "Provider": "https://oidc.example.test", "Audience": "sts.amazonaws.com"}

    def _get_caller_identity(self, _: Parameters, key: AccessKey | None) -> Result:
        assert key is not None
        return {"Arn": f"arn:aws:iam::{ACCOUNT}:user/{key.owner}", "UserId": key.owner,
                "Account": ACCOUNT}
