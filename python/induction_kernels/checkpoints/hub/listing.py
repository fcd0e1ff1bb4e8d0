"""Lists that a hub gives of a repository.

huggingface_hub would wait for them for ever where a hub takes a question and never answers. So they
are asked for here: in its session, with its headers, its errors and its patience for an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def refs_of(endpoint: str, repository: str) -> dict[str, str]:
    """The commits of tags and branches, by their names.

    Raises:
        HfHubHTTPError, HFValidationError: the hub says no, or the name is none.
        HTTPError: nobody answers.
    """
    found = _ask(endpoint, repository, "refs").json()
    return {ref["name"]: ref["targetCommit"] for ref in [*found["tags"], *found["branches"]]}


def files_of(endpoint: str, repository: str, commit: str) -> Iterator[dict[str, Any]]:
    """What is said of each file of a commit: its path, size, oid and, of a large one, lfs.

    Raises:
        As `refs_of`.
    """
    page = _ask(endpoint, repository, f"tree/{commit}?recursive=true")
    while True:
        yield from (one for one in page.json() if one["type"] == "file")
        following = page.links.get("next", {}).get("url")
        if following is None:
            return
        page = _get(following)


def _ask(endpoint: str, repository: str, what: str) -> Any:
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # as below

    validate_repo_id(repository)
    return _get(f"{endpoint}/api/models/{repository}/{what}")


def _get(url: str) -> Any:
    from huggingface_hub import constants
    from huggingface_hub.utils import (  # type: ignore[attr-defined] # documented, and not listed
        build_hf_headers,
        get_session,
        hf_raise_for_status,
    )

    answer = get_session().get(
        url, headers=build_hf_headers(), timeout=constants.HF_HUB_ETAG_TIMEOUT
    )
    hf_raise_for_status(answer)
    return answer
