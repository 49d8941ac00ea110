# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""What an identity needs in the tenant, and the commands that give it.

Sources: "App-only authentication for unattended scripts in Exchange Online PowerShell" (permission
and directory roles), "Microsoft Entra built-in roles" (ids), "Microsoft Graph permissions
reference", "unifiedRoleAssignment: Create" (learn.microsoft.com).
"""

from __future__ import annotations

import json
import typing as t

from .._exchange.auth.clouds import EXCHANGE_APP_ID, GRAPH_APP_ID

EXCHANGE_ROLE = ("Exchange.ManageAsApp", "dc50a0fb-09a3-484d-be87-e023b12c6440")
GRAPH_ROLE = ("Domain.Read.All", "dbb9058a-0e50-45d7-ae91-66909b5d4664")
EXCHANGE_ADMINISTRATOR = "29232cdf-9323-42fd-ade2-1d097af3e4de"
DIRECTORY_ROLES = {
    EXCHANGE_ADMINISTRATOR: "Exchange Administrator",
    "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451": "Global Reader",
    "194ae4cb-b126-40b2-bd5b-6091b380977d": "Security Administrator",
    "5d6b6bb7-de71-4623-b4af-96380a352509": "Security Reader",
}
_RESOURCES = {
    "exchange": (EXCHANGE_APP_ID, *EXCHANGE_ROLE),
    "graph": (GRAPH_APP_ID, *GRAPH_ROLE),
}


def role_names(identifiers: t.Iterable[str]) -> list[str]:
    """Return the names of directory roles; an id that is not known stays as it is."""
    return [DIRECTORY_ROLES.get(item.lower(), item) for item in identifiers]


def permission_commands(app_id: str, audience: str, graph: str, managed: bool) -> list[str]:
    """Return the commands that grant the application permission of a service.

    A managed identity has no app registration: its grant is made at its service principal.
    """
    resource, _name, role = _RESOURCES[audience]
    if not managed:
        return [
            "az ad app permission add --id %s --api %s --api-permissions %s=Role"
            % (app_id, resource, role),
            "az ad app permission admin-consent --id %s" % app_id,
        ]
    body = {"principalId": "$principal", "resourceId": "$resource", "appRoleId": role}
    return [
        "principal=$(az ad sp show --id %s --query id -o tsv)" % app_id,
        "resource=$(az ad sp show --id %s --query id -o tsv)" % resource,
        _post(graph + "/v1.0/servicePrincipals/$principal/appRoleAssignments", body),
    ]


def directory_role_commands(app_id: str, graph: str) -> list[str]:
    """Return the commands that give the directory role Exchange Administrator."""
    body = {
        "principalId": "$principal",
        "roleDefinitionId": EXCHANGE_ADMINISTRATOR,
        "directoryScopeId": "/",
    }
    return [
        "principal=$(az ad sp show --id %s --query id -o tsv)" % app_id,
        _post(graph + "/v1.0/roleManagement/directory/roleAssignments", body),
    ]


def _post(url: str, body: t.Mapping[str, str]) -> str:
    text = json.dumps(body).replace('"', '\\"')
    return 'az rest --method POST --url "%s" --body "%s"' % (url, text)
