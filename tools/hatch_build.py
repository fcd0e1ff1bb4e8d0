"""Hatch build hook: a wheel contains the built widget, so installing it needs no Node.js."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BundleHook(BuildHookInterface):
    """Builds js/ before a wheel or sdist is packed. An editable install leaves that to `make`."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if version == "editable" or (root / "widget/induction_explorer/static/loader.js").exists():
            return
        if shutil.which("npm") is None:
            raise RuntimeError(
                "Building Induction Explorer from source needs Node.js 20 or newer, and npm was "
                "not found. Install Node.js, or install the released wheel, which needs none."
            )
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=root, check=True)
        subprocess.run(["npm", "run", "build"], cwd=root, check=True)
