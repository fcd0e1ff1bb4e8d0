"""Asking a hub that may be busy, or out of reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TypeVar

_T = TypeVar("_T")

#: How often a hub that is busy is asked, and how long to wait for it at most, in seconds.
_TRIES, _LONGEST_WAIT = 6, 330.0
#: How often where nobody answers, or not to the end: a reader who is offline should not wait.
_TRIES_UNHEARD = 3
_BUSY = {408, 429, 500, 502, 503, 504}


class UnreachableError(Exception):
    """Nobody answers."""


def patiently(ask: Callable[[], _T]) -> _T:
    """Ask again where the hub is busy, after as long as it says.

    huggingface_hub does so for some of its calls only.

    Raises:
        HfHubHTTPError: it is busy still, or says no.
        UnreachableError: nobody answers.
    """
    from huggingface_hub.errors import (  # type: ignore[attr-defined] # HTTPError: its client's
        HfHubHTTPError,
        HTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    for attempt in range(_TRIES):
        try:
            return ask()
        except LocalEntryNotFoundError as error:
            # What is downloaded is asked for patiently; this says why it still did not come.
            cause = error.__cause__
            if isinstance(cause, HfHubHTTPError):
                raise cause from error
            raise UnreachableError(in_a_line(cause or error)) from error
        except HfHubHTTPError as error:
            if error.response.status_code not in _BUSY or attempt == _TRIES - 1:
                raise
            time.sleep(_wait(error.response.headers, attempt))
        except (OfflineModeIsEnabled, HTTPError) as error:
            if attempt == _TRIES_UNHEARD - 1:
                raise UnreachableError(in_a_line(error)) from error
            time.sleep(0.2 * 2**attempt)
    raise AssertionError


def _wait(headers: Mapping[str, str], attempt: int) -> float:
    """Seconds until the next try: as the hub says, or longer each time."""
    said = headers.get("Retry-After", "").strip()
    seconds = 2.0**attempt
    if said.isdigit():
        seconds = float(said)
    elif said:
        with suppress(ValueError):
            seconds = parsedate_to_datetime(said).timestamp() - time.time()
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def in_a_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return next((line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()), "")
