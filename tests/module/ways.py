# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way to sign in at the lab: the options that choose it, and the environment it needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.client import Lab

Way = tuple[dict[str, Any], dict[str, str]]


def client_secret(lab: Lab, directory: Path) -> Way:
    return {"client_secret": lab.extra_vars["o365_client_secret"]}, {}


def certificate_pem(lab: Lab, directory: Path) -> Way:
    return {"certificate_path": lab.info["certificates"]["pem"]}, {}


def certificate_pfx(lab: Lab, directory: Path) -> Way:
    known = lab.info["certificates"]
    return {"certificate_path": known["pfx"], "certificate_passphrase": known["passphrase"]}, {}


def certificate_from_vault(lab: Lab, directory: Path) -> Way:
    return {}, {"O365_CERTIFICATE_CONTENT": Path(lab.info["certificates"]["vault"]).read_text()}


def federated_file(lab: Lab, directory: Path) -> Way:
    path = directory / "federated-token"
    path.write_text(lab.workload_token() + "\n")
    return {"federated_token_file": str(path)}, {}


def federated_variable(lab: Lab, directory: Path) -> Way:
    return {}, {"O365_FEDERATED_TOKEN": lab.workload_token()}


def federated_request(lab: Lab, directory: Path) -> Way:
    known = lab.info["workload"]
    bearer = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": known["bearer"]}
    return {"federated_token_url": known["request_url"]}, bearer


def identity_of_the_system(lab: Lab, directory: Path) -> Way:
    here = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": lab.info["machine"]["imds"]}
    return {"managed_identity": "system"}, here


def identity_of_a_user(lab: Lab, directory: Path) -> Way:
    identity = lab.state()["entra"]["machine"]["user_assigned"][0]["client_id"]
    here = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": lab.info["machine"]["imds"]}
    return {"managed_identity": identity}, here


def identity_of_app_service(lab: Lab, directory: Path) -> Way:
    known = lab.info["machine"]
    here = {"IDENTITY_ENDPOINT": known["app_service"], "IDENTITY_HEADER": known["identity_header"]}
    return {"managed_identity": "system"}, here


# A person's device code needs somebody who reads it: it has tests of its own.
WAYS: dict[str, Callable[[Lab, Path], Way]] = {
    way.__name__: way
    for way in (
        client_secret,
        certificate_pem,
        certificate_pfx,
        certificate_from_vault,
        federated_file,
        federated_variable,
        federated_request,
        identity_of_the_system,
        identity_of_a_user,
        identity_of_app_service,
    )
}
