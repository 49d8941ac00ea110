# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Options of the driver for Azure DNS: who signs in, at which cloud."""

from __future__ import annotations

import dataclasses
import os

from ..._azure_token import AzureIdentity
from ..._engine.errors import InputError
from .contract import DriverOptions, Option


@dataclasses.dataclass(frozen=True)
class AzureCloud:
    """Addresses of one Azure cloud; ``names`` as options and other tools call it."""

    names: tuple[str, ...]
    authority: str
    endpoint: str
    resource: str


# azure-mgmt-core, get_arm_endpoints. In US Government a token is asked for another host than the
# endpoint's.
CLOUDS = (
    AzureCloud(
        ("public", "azurecloud", "azurepubliccloud", "azure_public_cloud"),
        "https://login.microsoftonline.com",
        "https://management.azure.com",
        "https://management.azure.com",
    ),
    AzureCloud(
        ("us_gov", "azureusgovernment", "azureusgovernmentcloud", "azure_us_government"),
        "https://login.microsoftonline.us",
        "https://management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net",
    ),
    AzureCloud(
        ("china", "azurechinacloud", "azure_china_cloud"),
        "https://login.chinacloudapi.cn",
        "https://management.chinacloudapi.cn",
        "https://management.chinacloudapi.cn",
    ),
)
WAYS = ("client_secret", "certificate_path", "federated_token_file", "managed_identity")

OPTIONS = (
    Option(
        "dns_azure_subscription",
        ("Id of the subscription with the zones, for V(azure); several are separated by commas.",),
        "subscription of the zones at Azure DNS",
        environment=("AZURE_SUBSCRIPTION_ID",),
    ),
    Option(
        "dns_azure_resource_group",
        (
            "Look in this resource group only, for V(azure).",
            "Needed where the app registration may not list the zones of the subscription.",
        ),
        "resource group of the zones",
    ),
    Option(
        "dns_azure_tenant",
        (
            "Tenant of the subscription (id or domain), for V(azure). It need not be the tenant"
            " with the mailboxes.",
        ),
        "tenant of the subscription",
        environment=("AZURE_TENANT_ID", "AZURE_TENANT"),
    ),
    Option(
        "dns_azure_client_id",
        ("App registration that may change the record sets, for V(azure).",),
        "app registration for Azure DNS",
        environment=("AZURE_CLIENT_ID",),
    ),
    Option(
        "dns_azure_client_secret",
        ("Its client secret, for V(azure).",),
        "its client secret",
        environment=("AZURE_CLIENT_SECRET", "AZURE_SECRET"),
        secret=True,
    ),
    Option(
        "dns_azure_certificate_path",
        ("Or its certificate with the private key, as a PEM or PFX file, for V(azure).",),
        "its certificate",
        type="path",
        environment=("AZURE_CLIENT_CERTIFICATE_PATH",),
    ),
    Option(
        "dns_azure_certificate_passphrase",
        ("Passphrase of O(dns_azure_certificate_path).",),
        "passphrase of the certificate",
        environment=("AZURE_CLIENT_CERTIFICATE_PASSWORD",),
        secret=True,
    ),
    Option(
        "dns_azure_federated_token_file",
        (
            "Or the file with a token of another issuer (workload identity federation), for"
            " V(azure). It is read when it is needed.",
        ),
        "file with a federated token",
        type="path",
        environment=("AZURE_FEDERATED_TOKEN_FILE",),
    ),
    Option(
        "dns_azure_managed_identity",
        (
            "Or the managed identity of the machine, for V(azure): V(system), or the client id of a"
            " user-assigned one. Tenant and client id are not needed then.",
        ),
        "managed identity for Azure DNS",
    ),
    Option(
        "dns_azure_cloud",
        (
            "Cloud of the subscription, for V(azure): V(public), V(us_gov) or V(china); the names"
            " of Azure's own tools (like V(AzureUSGovernment)) are understood too.",
        ),
        "Azure cloud",
        default="public",
        environment=("AZURE_CLOUD_ENVIRONMENT",),
    ),
    Option(
        "dns_azure_authority_url",
        ("Base address of the sign-in service for V(azure), where it is not the cloud's.",),
        "address of the sign-in service for Azure DNS",
        environment=("AZURE_AUTHORITY_HOST",),
    ),
    Option(
        "dns_azure_api_url",
        ("Base address of Azure Resource Manager for V(azure), where it is not the cloud's.",),
        "address of Azure Resource Manager",
    ),
)


def identity_from(options: DriverOptions) -> tuple[AzureIdentity, str, AzureCloud]:
    """Return who signs in, the sign-in service and the cloud.

    :raises InputError: nothing, too little or more than one way to sign in is given.
    """
    word = str(options.get("dns_azure_cloud")).lower()
    cloud = next((cloud for cloud in CLOUDS if word in cloud.names), None)
    if cloud is None:
        raise InputError(
            f"dns_azure_cloud: {word!r} is no cloud of Azure.", "Give public, us_gov or china."
        )
    way = _way(options)
    needed = ["dns_azure_subscription"]
    if way != "managed_identity":
        needed += ["dns_azure_tenant", "dns_azure_client_id"]
    if not way:
        needed.append("dns_azure_client_secret")
    options.require(*needed)
    values = {way: options.text(f"dns_azure_{way}") or ""}
    identity = AzureIdentity(
        tenant=options.text("dns_azure_tenant") or "",
        client_id=options.text("dns_azure_client_id") or "",
        certificate_passphrase=options.text("dns_azure_certificate_passphrase") or "",
        **values,
    )
    return identity, options.text("dns_azure_authority_url") or cloud.authority, cloud


def _way(options: DriverOptions) -> str:
    """Return the way to sign in; one that is given wins over those in the environment."""
    table = {option.name: option for option in OPTIONS}
    given = [way for way in WAYS if options.text(f"dns_azure_{way}")]

    def from_environment(way: str) -> bool:
        option = table[f"dns_azure_{way}"]
        return options.text(option.name) in [os.environ.get(name) for name in option.environment]

    own = [way for way in given if not from_environment(way)]
    if len(own) > 1:
        raise InputError(
            f"More than one way to sign in to Azure DNS is given: {', '.join(own)}.",
            "Give one of them.",
        )
    return (own or given or [""])[0]
