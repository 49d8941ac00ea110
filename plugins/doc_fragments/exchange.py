# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The connection to Exchange Online that all its modules share."""

    DOCUMENTATION = r"""
options:
  tenant:
    description:
      - The tenant's initial domain (like V(contoso.onmicrosoft.com)) or its id.
      - Required to sign in, except with O(managed_identity) or a given token that tells its tenant.
        If it is an id, a token of another tenant is refused before anything is sent.
      - If this option is not given or empty, the environment variable E(O365_TENANT) is used.
    type: str
  client_id:
    description:
      - The application (client) id of the app registration. Required to sign in, except with
        O(managed_identity) or a given token.
      - If this option is not given or empty, the environment variable E(O365_CLIENT_ID) is used.
    type: str
  client_secret:
    description:
      - A client secret of the app (its value, not its id).
      - Exactly one way to sign in is used, of O(client_secret), O(certificate_path),
        O(certificate_content), O(federated_token_file), O(federated_token),
        O(federated_token_url), O(managed_identity) and O(device_code).
        Two options at once are refused; so are two environment variables at once, unless an
        option decides. One that is given as an
        option wins over any other in the environment.
      - If this option is not given or empty, the environment variable E(O365_CLIENT_SECRET) is
        used.
    type: str
  certificate_path:
    description:
      - A file, on the host that runs the task, with the private key and the certificate that is
        registered with the app,
        as PEM (both in one file), PFX, or PFX in base64. RSA only. Further certificates in it (a
        chain) are passed over.
      - A certificate that has expired is refused before anything is sent; one that ends within 30
        days is warned about.
      - If this option is not given or empty, the environment variable E(O365_CERTIFICATE_PATH)
        is used.
    type: path
  certificate_passphrase:
    description:
      - The passphrase of O(certificate_path) or O(certificate_content), if it is protected.
      - If this option is not given or empty, the environment variable
        E(O365_CERTIFICATE_PASSPHRASE) is used.
    type: str
  certificate_content:
    description:
      - The private key and the certificate as text. A PFX in base64, as the secret behind a
        certificate of Azure Key Vault holds it, or PEM.
      - If this option is not given or empty, the environment variable
        E(O365_CERTIFICATE_CONTENT) is used.
    type: str
  federated_token_file:
    description:
      - A file with a JSON web token that a federated credential of the app trusts (workload
        identity federation).
        It is read when it is needed.
      - If this option is not given or empty, the environment variable
        E(O365_FEDERATED_TOKEN_FILE) is used.
    type: path
  federated_token:
    description:
      - Such a token as text, for runners that put it into a variable.
      - If this option is not given or empty, the environment variable E(O365_FEDERATED_TOKEN) is
        used.
    type: str
  federated_token_url:
    description:
      - An address at which the runner gives such a token, like GitHub's
        E(ACTIONS_ID_TOKEN_REQUEST_URL). The token is fetched when it is sent, because it lives
        for minutes only.
      - The audience that the cloud wants is added, unless the address names one.
      - If this option is not given or empty, the environment variable
        E(O365_FEDERATED_TOKEN_URL) is used.
    type: str
  federated_token_bearer:
    description:
      - The bearer token for O(federated_token_url).
      - If this option is not given or empty, the environment variable
        E(ACTIONS_ID_TOKEN_REQUEST_TOKEN) is used, which GitHub sets.
    type: str
  managed_identity:
    description:
      - V(system) for the system-assigned identity of the Azure machine that runs the task. For a
        user-assigned one its client id, its resource id (C(/subscriptions/...)), or its object id
        as C(object_id:<id>).
      - V(true) means V(system); V(false) and an empty value mean that it is not used.
      - If this option is not given or empty, the environment variable E(O365_MANAGED_IDENTITY) is
        used.
      - The identity itself needs the application permissions and the directory role that an app
        needs.
    type: str
  device_code:
    description:
      - A person signs in with a browser. The terminal shows an address and a code and waits.
      - It is refused where nobody can read the code, so on a runner, in AWX and for a task that
        does not run on the controller. Many tenants block it by policy.
      - The app in O(client_id) must allow public client flows and have the delegated permission
        C(Exchange.Manage). What may be done is what the person may do.
    type: bool
  access_token:
    description:
      - An access token for Exchange Online, for example from M(mailflow.area1.o365_login). No
        sign-in happens then.
      - Another way to sign in beside it is used for what this token is not good for, that is
        Microsoft Graph, if it is complete.
        A way that is given as an option makes a token in the environment not count.
      - A token for another service, for another tenant than the id in O(tenant), or one that
        expired more than an hour ago is refused before it is sent. One that ends within two
        minutes is replaced first, where another way to sign in is complete.
      - If this option is not given or empty, the environment variable E(O365_ACCESS_TOKEN) is used.
    type: str
  graph_access_token:
    description:
      - An access token for Microsoft Graph, which knows the domains' forwarding hosts. The same
        rules as for O(access_token) apply.
      - If this option is not given or empty, the environment variable E(O365_GRAPH_ACCESS_TOKEN)
        is used.
    type: str
  token_cache:
    description:
      - A directory in which issued access tokens are kept for later runs, for runs that come every
        few minutes. Without it nothing is kept.
      - A token is a credential. The directory is made for the user alone (0700, files 0600); one
        that others can read, a link, or one of another user is refused. The files' names are
        digests.
      - A kept token outlives a revoked secret and a changed grant by up to its life, about an
        hour. Delete the directory to end it.
      - If this option is not given or empty, the environment variable E(O365_TOKEN_CACHE) is used.
    type: path
  cloud:
    description:
      - The Microsoft cloud of the tenant. V(public) is used for GCC too.
      - If this option is not given or empty, the environment variable E(O365_CLOUD) is used;
        without it, V(public).
    type: str
    choices:
      - public
      - gcc_high
      - dod
      - china
  authority_url:
    description:
      - Scheme and host of the sign-in service, instead of the one of O(cloud).
    type: str
  exchange_url:
    description:
      - Scheme and host of Exchange Online, instead of the one of O(cloud).
      - Tokens are asked for the cloud's own address all the same, unless this is another
        documented name of that cloud
        (such as V(https://partner.outlook.cn)), or O(authority_url) is overridden too and
        neither is on this machine. Then it
        is a cloud that this collection does not know, and tokens are asked for this host.
      - Redirects are followed to this host, to hosts below it, and to the regional hosts of
        O(cloud) if it is one of them.
    type: str
  graph_url:
    description:
      - Scheme and host of Microsoft Graph, instead of the one of O(cloud).
    type: str
  ca_path:
    description:
      - A file with the certificates of the authorities to trust (PEM), for all connections of
        this task.
      - It wins over E(REQUESTS_CA_BUNDLE) and E(CURL_CA_BUNDLE). Without it, the system's are
        trusted.
    type: path
  timeout:
    description:
      - The seconds that one request may take, with all its retries.
      - The service itself allows a cmdlet 900 seconds.
    type: int
    default: 300
  transport:
    description:
      - How cmdlets reach the service. V(rest) is its admin API, as Microsoft's own PowerShell
        module uses it.
      - V(psrp) runs that module on a Windows management host, for networks where no other machine
        may talk to Exchange Online. It needs O(psrp_host) and the Python library pypsrp.
      - What a module reads, writes and returns is the same over both.
    type: str
    choices:
      - rest
      - psrp
    default: rest
  psrp_host:
    description:
      - Name of the Windows management host, with ExchangeOnlineManagement 3.1 or later. Required
        with O(transport=psrp).
    type: str
  psrp_port:
    description:
      - Port of WinRM on O(psrp_host). V(5985) is WinRM's plain HTTP port; there V(basic) and
        V(certificate) of O(psrp_auth) are refused, and the messages of the others are encrypted.
        Every other port is taken for HTTPS.
    type: int
    default: 5986
  psrp_auth:
    description:
      - How to sign in to O(psrp_host).
      - V(kerberos), and V(negotiate) where it shall use Kerberos, need the extra
        C(pypsrp[kerberos]); V(credssp) needs C(pypsrp[credssp]).
    type: str
    choices:
      - negotiate
      - kerberos
      - ntlm
      - certificate
      - basic
      - credssp
    default: negotiate
  psrp_user:
    description:
      - The account on O(psrp_host). Not needed with V(certificate) of O(psrp_auth), and with a
        Kerberos ticket.
      - If this option is not given or empty, the environment variable E(O365_PSRP_USER) is used.
    type: str
  psrp_password:
    description:
      - The password of O(psrp_user).
      - If this option is not given or empty, the environment variable E(O365_PSRP_PASSWORD) is
        used.
    type: str
  psrp_certificate_path:
    description:
      - A PEM file, on the host that runs the task, with the client certificate and its private
        key, for V(certificate) of O(psrp_auth).
    type: path
  psrp_configuration:
    description:
      - The session configuration to connect to. V(Microsoft.PowerShell) is Windows PowerShell 5.1,
        V(PowerShell.7) that of PowerShell 7.
      - Another name is taken for a constrained endpoint (JEA) that offers the function
        C(Invoke-Area1ExchangeCmdlet); the collection's C(docs/examples/jea) has it.
    type: str
    default: Microsoft.PowerShell
  psrp_connect:
    description:
      - How O(psrp_host) connects to Exchange Online.
      - V(access_token) hands it the token that this task has or gets; nothing secret stays on the
        host. V(certificate_thumbprint) uses a certificate on the host, see
        O(psrp_certificate_thumbprint), with O(client_id) and O(tenant). V(managed_identity) uses
        the identity of a host that is an Azure machine, with O(tenant).
    type: str
    choices:
      - access_token
      - certificate_thumbprint
      - managed_identity
    default: access_token
  psrp_certificate_thumbprint:
    description:
      - Thumbprint of the certificate in a store of O(psrp_host) that is registered with the app.
    type: str
requirements:
  - requests
  - msal >= 1.35 (unless tokens are given)
  - cryptography >= 42 (for certificates)
  - pypsrp >= 0.9.0 (for O(transport=psrp))
"""
