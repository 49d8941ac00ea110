# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Error codes of Microsoft Entra (AADSTS): what each means for who runs this collection.

Source: "Microsoft Entra authentication & authorization error codes" (learn.microsoft.com). The page
says that codes and texts may change and that programs must not depend on them, so they choose a
hint and nothing else; the service's own text is always shown beside it. Codes that are known from
logs only are marked "seen".
"""

from __future__ import annotations

import typing as t


class Meaning(t.NamedTuple):
    """An explanation: what is the matter (``meaning``), and what to do about it (``action``)."""

    meaning: str
    action: str

    @property
    def hint(self) -> str:
        """Return both as one text."""
        return "%s %s" % (self.meaning, self.action)


_CHECK_CREDENTIAL = (
    "Compare issuer, subject and audience of the app's federated credential with what the token"
    " presents, letter by letter."
)
_USE_AN_APP = (
    "Unattended runs need an app registration with a certificate, a federated credential or a"
    " managed identity."
)
_NEW_CODE = "Run again and use the new code within its time."

AADSTS: dict[int, Meaning] = {
    # the app and its credential
    7000215: Meaning(
        "The client secret is wrong.",
        "Give its value, not its id; if it was deleted or replaced, make a new one.",
    ),
    7000222: Meaning(
        "The client secret has expired.",
        "Make a new one for the app (az ad app credential reset --append), or use a certificate.",
    ),
    700016: Meaning(
        "There is no app with this client_id in the tenant.",
        "Check client_id and tenant, and that the cloud is right.",
    ),
    700011: Meaning(
        "There is no app with this client_id in the tenant.",
        "Check client_id and tenant, and that the cloud is right.",
    ),
    700027: Meaning(
        "The certificate is not registered with the app, or the assertion was signed with another"
        " key.",
        "Upload the public part of the certificate to the app registration.",
    ),
    700030: Meaning(
        "The subject name of the certificate is not authorized for the app.",
        "Register this certificate with the app, or correct the app's trusted subject names.",
    ),
    50012: Meaning(
        "The chain, thumbprint or subject of the certificate is not accepted.",
        "Register this very certificate with the app.",
    ),
    700024: Meaning(
        "The assertion is not within its time range.",
        "Set the clock of the machine that runs the task.",
    ),  # seen
    50013: Meaning(
        "The assertion is not valid.",
        "Check the clock of this machine, and which certificate or token is used.",
    ),
    500133: Meaning("The assertion has expired.", "Get a new token right before the run."),
    700025: Meaning(
        "The app is a public client, which may not prove itself with a secret or an assertion.",
        "Use an app registration that is a confidential client.",
    ),
    7000218: Meaning(
        "The app has no right to sign in without a secret or an assertion.",
        "For a device code set 'Allow public client flows' of the app to Yes; else give a secret,"
        " certificate or federated token.",
    ),
    70001: Meaning("The app is disabled.", "Enable its service principal in the tenant."),
    7000112: Meaning("The app is disabled in the tenant.", "Enable its service principal."),
    7000113: Meaning("The app's service principal is disabled.", "Enable it in the tenant."),
    # federated credentials
    700211: Meaning(
        "No federated credential of the app has the issuer of the token.", _CHECK_CREDENTIAL
    ),
    700212: Meaning(
        "No federated credential of the app has the audience of the token.", _CHECK_CREDENTIAL
    ),
    700213: Meaning(
        "No federated credential of the app has the subject of the token.",
        _CHECK_CREDENTIAL
        + " GitHub writes ids into the subject of repositories made or renamed since July 2026.",
    ),
    7002131: Meaning(
        "The token does not match the expression of the app's flexible federated credential.",
        _CHECK_CREDENTIAL,
    ),
    70021: Meaning(
        "No federated credential of the app matches the token.",
        "A new one needs some minutes to act: run again. Otherwise: " + _CHECK_CREDENTIAL,
    ),
    700229: Meaning(
        "The token comes from Microsoft Entra and is not app-only.",
        "Use the token of a managed identity or of an app.",
    ),
    70023: Meaning(
        "The token lives longer than the service allows (about a day).",
        "Have its issuer give it a shorter life.",
    ),  # seen
    # consent and resources
    65002: Meaning(
        "The app is one of Microsoft's own and may not ask for this service.",
        "Use an app registration of your own.",
    ),
    65001: Meaning(
        "Nobody has consented to the app's permissions.",
        "Grant admin consent (az ad app permission admin-consent).",
    ),
    90094: Meaning(
        "An administrator has to consent to the app's permissions.",
        "Grant admin consent (az ad app permission admin-consent).",
    ),
    90099: Meaning(
        "The app is not authorized in the customer's tenant.",
        "Have it consented to there; a partner needs a delegated relationship (GDAP), too.",
    ),
    500011: Meaning(
        "The service has no service principal in this tenant.",
        "Is there an Exchange Online licence, and is the cloud right?",
    ),
    650052: Meaning(
        "The tenant has no subscription to the service, or it is not enabled.",
        "Is there an Exchange Online licence, and is the cloud right?",
    ),
    650057: Meaning(
        "The service is not among the permissions that the app asks for.",
        "Add the application permission Exchange.ManageAsApp to the app registration.",
    ),
    # tenant and cloud
    90002: Meaning(
        "The tenant was not found.", "Check the option tenant, and that the cloud is right."
    ),
    900023: Meaning(
        "The option tenant is neither a domain nor a tenant id.",
        "Give it like contoso.onmicrosoft.com.",
    ),  # seen
    90038: Meaning(
        "The tenant lives in another Microsoft cloud.", "Set the option cloud (o365_cloud)."
    ),
    900382: Meaning(
        "The app or the tenant lives in another Microsoft cloud.",
        "Set the option cloud (o365_cloud).",
    ),
    # policies
    53003: Meaning(
        "A Conditional Access policy blocks this sign-in.",
        "Exempt the app from it, or the person; a device code is blocked by Microsoft's own policy"
        " 'Block device code flow' in many tenants.",
    ),
    530032: Meaning(
        "A security policy of the tenant blocks this sign-in.",
        "Ask the tenant's administrator which; a device code is blocked in many tenants.",
    ),
    530035: Meaning("Security defaults block this sign-in.", _USE_AN_APP),
    53000: Meaning("The policy wants a device that complies.", _USE_AN_APP),
    530003: Meaning("The policy wants a managed device.", _USE_AN_APP),
    53001: Meaning("The policy wants a device that is joined to the domain.", _USE_AN_APP),
    50097: Meaning("The policy wants the device to sign in, too.", _USE_AN_APP),  # seen
    50076: Meaning("A person's multi-factor sign-in is asked for.", _USE_AN_APP),
    50079: Meaning("The person has to register for multi-factor sign-in first.", _USE_AN_APP),
    50158: Meaning("Another identity provider asks for something.", _USE_AN_APP),
    # device code
    70016: Meaning("Nobody has signed in with the code yet.", _NEW_CODE),
    70018: Meaning("The code was wrong.", _NEW_CODE),
    70019: Meaning("The code has expired.", _NEW_CODE),
    90119: Meaning("The code has expired.", _NEW_CODE),
    90120: Meaning("The code was used before, or the sign-in was declined.", _NEW_CODE),
    50199: Meaning("The browser asks for a confirmation.", "Confirm it, then run again."),
    # load
    50196: Meaning(
        "The service sees the same request over and over.",
        "Sign in once a run (o365_login), or keep tokens in a cache (token_cache).",
    ),
    90055: Meaning(
        "The service is throttling this tenant.",
        "Run again later; sign in once a run (o365_login), or keep tokens (token_cache).",
    ),
}

UNNAMED = (
    "Look the number up at https://login.microsoftonline.com/error; the sign-in logs of the tenant"
    " tell more."
)
# The presented token is described beside these.
FEDERATED = frozenset({700211, 700212, 700213, 7002131, 70021, 700229, 70023, 500133, 50013})
# The difference of the clocks is named beside these.
TIMED = frozenset({700024, 500133, 50013})


def hint_of(code: int) -> str:
    """Return what to tell the user about a code, also about one that is not in the table."""
    found = AADSTS.get(code)
    return found.hint if found else UNNAMED
