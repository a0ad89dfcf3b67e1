"""Run a notebook from its beginning, and keep what it shows, but not what differs from run to run.

    python tools/run_notebook.py examples/tour.ipynb [-o RESULT.ipynb]

Writes the notebook itself unless -o names another file. Needs nbclient and ipykernel (extra `dev`).
"""

import argparse
import base64
import io
import warnings
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

SECONDS = 600  # that a cell may take


def main() -> None:
    """Run, clean, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    notebook = nbformat.read(options.notebook, as_version=4)
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", record_timing=False,
        resources={"metadata": {"path": str(options.notebook.parent)}},
    )  # fmt: skip
    client.execute()
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    })  # fmt: skip
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            cell.outputs = [kept for output in cell.outputs if (kept := lasting(output))]
    nbformat.write(notebook, options.output or options.notebook)


def lasting(output: Any) -> Any:
    """An output without HTML, which repeats pictures and tells seconds, and with its picture alone where it has one."""
    data = output.get("data", {})
    if "image/png" in data:
        jpeg = io.BytesIO()
        Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB").save(jpeg, "jpeg", quality=85)
        data["image/jpeg"] = base64.b64encode(jpeg.getvalue()).decode()
    if "image/jpeg" in data:
        output["data"] = nbformat.from_dict({"image/jpeg": data["image/jpeg"]})
    return None if "text/html" in output.get("data", {}) else output


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of zmq's event loop on Windows
    main()
