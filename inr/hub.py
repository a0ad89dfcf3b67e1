"""Fields on the Hugging Face Hub: `field.push_to_hub("name/photo")`, `inr.Field.from_pretrained("name/photo")`.

A repository has three files: the field's .inr, a picture of it, and a model card that says what it is made of.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inr._errors import InrError, MissingExtra
from inr._specs import format_spec
from inr.diagnostics import field_png
from inr.field import Field
from inr.io import load

try:
    from huggingface_hub import HfApi, hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        HTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )
except ImportError:
    raise MissingExtra("huggingface_hub", "hub", "the Hugging Face Hub") from None

FILE, PICTURE = "field.inr", "field.png"


def push(
    field: Field, repository: str, token: str | None = None, private: bool = False, endpoint: str | None = None
) -> str:
    """See `Field.push_to_hub`."""
    with _told(repository, endpoint), tempfile.TemporaryDirectory() as folder:
        api = HfApi(endpoint=endpoint, token=token)
        field.save(Path(folder, FILE))
        shown = field_png(field)
        if shown is not None:
            Path(folder, PICTURE).write_bytes(shown)
        Path(folder, "README.md").write_text(card(field, repository, pictured=shown is not None), encoding="utf-8")
        made = api.create_repo(repository, private=private, exist_ok=True)
        done = api.upload_folder(repo_id=made.repo_id, folder_path=folder, commit_message="A field of inr")
    return str(done.commit_url)


def pull(
    repository: str,
    revision: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Field:
    """See `Field.from_pretrained`."""
    with _told(repository, endpoint):
        path = hf_hub_download(
            repository,
            FILE,
            revision=revision,
            token=token,
            endpoint=endpoint,
            cache_dir=None if cache is None else str(cache),
        )
    return load(path)


def card(field: Field, repository: str, *, pictured: bool) -> str:
    """The model card of a field: what it is a function of, its parts and numbers, and how to read it.

    Args:
        field: any.
        repository: where it is kept.
        pictured: whether there is a picture beside it.
    """
    domain = field.domain
    axes = ", ".join(f"{axis.name}: {axis.low:g} to {axis.high:g} {axis.unit}" for axis in domain.axes)
    rows = {
        "signal": f"{domain.kind}, {axes}",
        "values": f"{domain.channels}, from {min(domain.values.low):g} to {max(domain.values.high):g}",
        **{part: f"`{format_spec(config)}`" for part, config in field.config().items()},
        "parameters": f"{field.parameter_count:,}",
        **{name: f"{value:.4g}" for name, value in field.metrics.items()},
    }
    table = "\n".join(f"| {name} | {words} |" for name, words in rows.items())
    picture = f"![The field, rendered]({PICTURE})\n\n" if pictured else ""
    return f"""---
library_name: inr
tags: [inr, neural-field, implicit-neural-representation, {domain.kind}]
---

# {repository.rpartition("/")[2]}

{picture}A signal as a small continuous function, for [inr](https://pypi.org/project/inr/):

```python
import inr

field = inr.Field.from_pretrained("{repository}")
samples = field.render()  # at the signal's own samples, or at any other shape
```

| | |
|---|---|
{table}
"""


@contextlib.contextmanager
def _told(repository: str, endpoint: str | None) -> Iterator[None]:
    """What the Hub and the way to it refuse, in one line."""
    where = endpoint or os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        yield
    except InrError:
        raise
    except RepositoryNotFoundError as error:
        raise InrError(
            f"{where} has no repository '{repository}', or not for this token: log in with hf auth login"
        ) from error
    except LocalEntryNotFoundError as error:  # of nothing that was fetched before
        raise InrError(f"{where} does not answer; try again later, or give endpoint=") from error
    except EntryNotFoundError as error:
        raise InrError(f"'{repository}' has no {FILE}, which field.push_to_hub makes") from error
    except HFValidationError as error:
        raise InrError(f"'{repository}' is no name of a repository: take one such as name/photo") from error
    except HfHubHTTPError as error:
        raise InrError(f"{where} refused it: {_first_line(error)}") from error
    except (OSError, HTTPError) as error:
        raise InrError(f"{where} does not answer ({_first_line(error)}); try again later, or give endpoint=") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
