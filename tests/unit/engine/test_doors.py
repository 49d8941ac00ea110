# Copyright (c) 2026, mailflow.area1 contributors
# GNU General Public License v3.0+
# (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module has a second door: an action plugin that does the same in the controller's
process.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
PACKAGE = "ansible_collections.mailflow.area1.plugins."
MODULES = sorted(
    path.stem for path in (PLUGINS / "modules").glob("*.py") if path.stem != "__init__"
)


def test_each_module_has_its_action_plugin_and_no_other_is_there() -> None:
    assert (
        sorted(path.stem for path in (PLUGINS / "action").glob("*.py") if path.stem != "__init__")
        == MODULES
    )


# The sign-in has a main() of its own, which hides what it returns.
@pytest.mark.parametrize("name", [name for name in MODULES if name != "o365_login"])
def test_both_doors_take_the_same_options_and_lead_to_the_same_logic(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(PACKAGE + "modules." + name)
    action = importlib.import_module(PACKAGE + "action." + name).ActionModule
    seen: dict[str, object] = {}

    def keep(**options: object) -> object:
        seen.update(options)
        return "module"

    monkeypatch.setattr(module, "AnsibleModule", keep)
    monkeypatch.setattr(
        module, "run_module", lambda made, logic: seen.update(made=made, logic=logic)
    )
    module.main()
    requirements = {
        key: value
        for key, value in seen.items()
        if key not in ("made", "logic", "argument_spec", "supports_check_mode")
    }
    assert seen["argument_spec"] is action.spec
    assert seen["logic"] is action.logic
    assert requirements == action.requirements
    assert seen["supports_check_mode"] is True
