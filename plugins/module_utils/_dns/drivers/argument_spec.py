# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""Options of all drivers, as an argument spec.

Generated from their OPTIONS by tools/contract/generate.py. Do not edit.
"""

from __future__ import annotations

import typing as t

from ..environment import first_env

PROVIDERS = ("cloudflare", "azure", "route53", "godaddy", "octodns", "rfc2136", "manual")

DRIVER_OPTIONS: dict[str, t.Any] = {
    "dns_api_token": {
        "type": "str",
        "no_log": True,
        "fallback": (first_env, ["AREA1_DNS_API_TOKEN", "AREA1_API_TOKEN"]),
    },
    "dns_api_url": {"type": "str"},
    "dns_azure_subscription": {"type": "str", "fallback": (first_env, ["AZURE_SUBSCRIPTION_ID"])},
    "dns_azure_resource_group": {"type": "str"},
    "dns_azure_tenant": {
        "type": "str",
        "fallback": (first_env, ["AZURE_TENANT_ID", "AZURE_TENANT"]),
    },
    "dns_azure_client_id": {"type": "str", "fallback": (first_env, ["AZURE_CLIENT_ID"])},
    "dns_azure_client_secret": {
        "type": "str",
        "no_log": True,
        "fallback": (first_env, ["AZURE_CLIENT_SECRET", "AZURE_SECRET"]),
    },
    "dns_azure_certificate_path": {
        "type": "path",
        "no_log": False,
        "fallback": (first_env, ["AZURE_CLIENT_CERTIFICATE_PATH"]),
    },
    "dns_azure_certificate_passphrase": {
        "type": "str",
        "no_log": True,
        "fallback": (first_env, ["AZURE_CLIENT_CERTIFICATE_PASSWORD"]),
    },
    "dns_azure_federated_token_file": {
        "type": "path",
        "no_log": False,
        "fallback": (first_env, ["AZURE_FEDERATED_TOKEN_FILE"]),
    },
    "dns_azure_managed_identity": {"type": "str"},
    "dns_azure_cloud": {
        "type": "str",
        "default": "public",
        "fallback": (first_env, ["AZURE_CLOUD_ENVIRONMENT"]),
    },
    "dns_azure_authority_url": {"type": "str", "fallback": (first_env, ["AZURE_AUTHORITY_HOST"])},
    "dns_azure_api_url": {"type": "str"},
    "dns_route53_access_key": {
        "type": "str",
        "no_log": False,
        "fallback": (first_env, ["AWS_ACCESS_KEY_ID"]),
    },
    "dns_route53_secret_key": {
        "type": "str",
        "no_log": True,
        "fallback": (first_env, ["AWS_SECRET_ACCESS_KEY"]),
    },
    "dns_route53_session_token": {
        "type": "str",
        "no_log": True,
        "fallback": (first_env, ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"]),
    },
    "dns_route53_profile": {"type": "str", "fallback": (first_env, ["AWS_PROFILE"])},
    "dns_route53_zone_id": {"type": "str"},
    "dns_route53_partition": {
        "type": "str",
        "default": "aws",
        "choices": ["aws", "aws-us-gov", "aws-cn", "aws-eusc"],
    },
    "dns_route53_api_url": {"type": "str"},
    "dns_godaddy_token": {
        "type": "str",
        "no_log": True,
        "fallback": (first_env, ["GODADDY_TOKEN", "GODADDYV3_PERSONAL_ACCESS_TOKEN"]),
    },
    "dns_godaddy_api_key": {
        "type": "str",
        "no_log": False,
        "fallback": (first_env, ["GODADDY_API_KEY"]),
    },
    "dns_godaddy_api_secret": {
        "type": "str",
        "no_log": True,
        "fallback": (first_env, ["GODADDY_API_SECRET"]),
    },
    "dns_godaddy_environment": {
        "type": "str",
        "default": "production",
        "choices": ["production", "ote"],
    },
    "dns_godaddy_api_url": {"type": "str"},
    "dns_octodns_class": {"type": "str"},
    "dns_octodns_arguments": {"type": "dict"},
    "dns_octodns_secrets": {"type": "dict", "no_log": True},
    "dns_server": {"type": "str"},
    "dns_port": {"type": "int", "default": 53},
    "dns_key_name": {"type": "str", "no_log": False},
    "dns_key_secret": {
        "type": "str",
        "no_log": True,
        "fallback": (first_env, ["AREA1_DNS_KEY_SECRET"]),
    },
    "dns_key_algorithm": {
        "type": "str",
        "default": "hmac-sha256",
        "choices": ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"],
        "no_log": False,
    },
}

# The settings of a named account: without dns_, defaults and environment.
ACCOUNT_OPTIONS: dict[str, t.Any] = {
    "provider": {"type": "str", "required": True},
    "api_token": {"type": "str", "no_log": True},
    "api_url": {"type": "str"},
    "azure_subscription": {"type": "str"},
    "azure_resource_group": {"type": "str"},
    "azure_tenant": {"type": "str"},
    "azure_client_id": {"type": "str"},
    "azure_client_secret": {"type": "str", "no_log": True},
    "azure_certificate_path": {"type": "path", "no_log": False},
    "azure_certificate_passphrase": {"type": "str", "no_log": True},
    "azure_federated_token_file": {"type": "path", "no_log": False},
    "azure_managed_identity": {"type": "str"},
    "azure_cloud": {"type": "str"},
    "azure_authority_url": {"type": "str"},
    "azure_api_url": {"type": "str"},
    "route53_access_key": {"type": "str", "no_log": False},
    "route53_secret_key": {"type": "str", "no_log": True},
    "route53_session_token": {"type": "str", "no_log": True},
    "route53_profile": {"type": "str"},
    "route53_zone_id": {"type": "str"},
    "route53_partition": {"type": "str", "choices": ["aws", "aws-us-gov", "aws-cn", "aws-eusc"]},
    "route53_api_url": {"type": "str"},
    "godaddy_token": {"type": "str", "no_log": True},
    "godaddy_api_key": {"type": "str", "no_log": False},
    "godaddy_api_secret": {"type": "str", "no_log": True},
    "godaddy_environment": {"type": "str", "choices": ["production", "ote"]},
    "godaddy_api_url": {"type": "str"},
    "octodns_class": {"type": "str"},
    "octodns_arguments": {"type": "dict"},
    "octodns_secrets": {"type": "dict", "no_log": True},
    "server": {"type": "str"},
    "port": {"type": "int"},
    "key_name": {"type": "str", "no_log": False},
    "key_secret": {"type": "str", "no_log": True},
    "key_algorithm": {
        "type": "str",
        "choices": ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"],
        "no_log": False,
    },
}
