"""A headless Chromium for tests: the one that `make` unpacks, or one that is installed."""

from __future__ import annotations

import os
import platform
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from local.cloud import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

UNPACKED = LOCAL / "browser"
INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}/fonts/fonts</dir><cachedir>{folder}/font-cache</cachedir></fontconfig>
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, while the context is open; raises `FileNotFoundError` where there is none."""
    program, environment = _program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            env={**os.environ, **environment},
            # It runs as whoever runs the tests, who may be root, and opens nothing but the page.
            args=["--no-sandbox", "--disable-gpu"],
        )
        yield browser
        browser.close()


def _program() -> tuple[str, dict[str, str]]:
    """The program, and what it needs in its environment."""
    unpacked = UNPACKED / "chromium"
    if unpacked.exists():
        # Its own libraries and fonts: none have to be on the machine.
        fonts = UNPACKED / "fonts.conf"
        fonts.write_text(_FONTS.format(folder=UNPACKED))
        libraries = str(UNPACKED / "al2023" / "lib")
        return str(unpacked), {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(fonts)}
    for program in (*map(shutil.which, INSTALLED), str(MAC) if MAC.exists() else None):
        if program:
            return program, {}
    raise FileNotFoundError(
        f"no browser: `make end-to-end` unpacks one on Linux x86_64 only, and this is "
        f"{platform.system()} {platform.machine()}. Install Chrome or Chromium."
    )
