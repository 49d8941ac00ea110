# Copyright (c) 2026, mailflow.area1 contributors
# Simplified BSD License
# (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""The one piece of PowerShell that runs on a management host.

It never changes: cmdlet and parameters come to it as data. An open endpoint gets the function's
definition once a session; a constrained endpoint (JEA) has it installed. docs/examples/jea holds
the same text, written by tools/contract/jea.py.
"""

from __future__ import annotations

from ..cmdlets import CMDLETS

FUNCTION = "Invoke-Area1ExchangeCmdlet"
CONNECT, CONNECTIONS, DISCONNECT = (
    "Connect-ExchangeOnline",
    "Get-ConnectionInformation",
    "Disconnect-ExchangeOnline",
)
ALLOWED = (CONNECT, DISCONNECT, CONNECTIONS, *CMDLETS)
OLDEST_MODULE = "3.1.0"

_BODY = r"""
    [CmdletBinding()]
    param(
        [Parameter(Mandatory = $true)]
        [string] $Cmdlet,

        [hashtable] $Parameters = @{}
    )

    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $allowed = @(
@ALLOWED@
    )
    if ($allowed -notcontains $Cmdlet) {
        throw "Invoke-Area1ExchangeCmdlet does not allow the cmdlet '$Cmdlet'."
    }

    # Plain data for ConvertTo-Json: enumerations become their names, dates become ISO 8601 in UTC,
    # lists stay lists. Windows PowerShell 5.1 would write numbers and \/Date()\/ otherwise.
    $plain = @(
        'Boolean', 'Byte', 'Decimal', 'Double', 'Int16', 'Int32', 'Int64',
        'SByte', 'Single', 'UInt16', 'UInt32', 'UInt64'
    )
    function ConvertTo-Area1Value {
        param($Value, [int] $Depth)

        if ($null -eq $Value) { return $null }
        if ($Value -is [string]) { return $Value.ToString() }
        if ($Value -is [datetimeoffset]) { $Value = $Value.UtcDateTime }
        if ($Value -is [datetime]) {
            # The service's own times are UTC where nothing says otherwise.
            if ($Value.Kind -eq [DateTimeKind]::Unspecified) {
                $Value = [datetime]::SpecifyKind($Value, [DateTimeKind]::Utc)
            }
            return $Value.ToUniversalTime().ToString('o', [cultureinfo]::InvariantCulture)
        }
        foreach ($typeName in $Value.PSObject.TypeNames) {
            if ($typeName -like '*System.Enum') { return $Value.ToString() }
        }
        if ($Value -is [valuetype]) {
            # Numbers and booleans stay what they are; identifiers and spans become text.
            if ($plain -contains [Convert]::GetTypeCode($Value).ToString()) { return $Value }
            return $Value.ToString()
        }
        if ($Depth -le 0) { return $Value.ToString() }
        if ($Value -is [System.Collections.IDictionary]) {
            $table = @{}
            foreach ($key in $Value.Keys) {
                $table[[string] $key] = ConvertTo-Area1Value $Value[$key] ($Depth - 1)
            }
            return $table
        }
        if ($Value -is [System.Collections.IEnumerable]) {
            $items = @(foreach ($item in $Value) { ConvertTo-Area1Value $item ($Depth - 1) })
            return , $items
        }
        $properties = @($Value.PSObject.Properties)
        if ($properties.Count -eq 0) { return $Value.ToString() }
        $table = @{}
        foreach ($property in $properties) {
            $table[$property.Name] = ConvertTo-Area1Value $property.Value ($Depth - 1)
        }
        return $table
    }

    # Full names of commands: a restricted session has stand-ins for some of the short ones.
    if ($Cmdlet -eq 'Connect-ExchangeOnline') {
        $module = @{ Name = 'ExchangeOnlineManagement'; MinimumVersion = '@OLDEST@' }
        Microsoft.PowerShell.Core\Import-Module @module -ErrorAction Stop
    }
    $answer = @{ values = @() }
    $answer.values = @(
        foreach ($object in @(& $Cmdlet @Parameters -ErrorAction Stop)) {
            if ($null -ne $object) { ConvertTo-Area1Value $object 5 }
        }
    )
    if ($Cmdlet -eq 'Get-ConnectionInformation') {
        # The module makes a command of each cmdlet that the roles of the identity carry.
        $answer.cmdlets = @(
            foreach ($name in $allowed) {
                $found = Microsoft.PowerShell.Core\Get-Command -Name $name -ErrorAction Ignore
                if ($found) { $name }
            }
        )
    }
    $answer.date = [datetime]::UtcNow.ToString('o', [cultureinfo]::InvariantCulture)
    Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $answer -Depth 8 -Compress
"""


def body() -> str:
    """Return the text between the braces of the function."""
    names = ",\n".join("        '%s'" % name for name in ALLOWED)
    return _BODY.replace("@ALLOWED@", names).replace("@OLDEST@", OLDEST_MODULE)


def definition() -> str:
    """Return the script that defines the function in a session."""
    return "function global:%s {%s}\n" % (FUNCTION, body())
