"""What a codec's sections hold, by their names."""

from inr._errors import DamagedFile
from inr.container import Contents

# The coding of sections whose bytes are the codec's own.
CODING = "bytes"


def payloads_of(contents: Contents) -> dict[str, memoryview]:
    """The payloads in those sections of a compressed file that could be read.

    Args:
        contents: what was read from the file.

    Raises:
        DamagedFile: "base" is none of them.
    """
    found = {
        name: memoryview(section.tensors["payload"].tobytes())
        for name, section in contents.sections.items()
        if section.coding == CODING
    }
    if "base" not in found:
        raise DamagedFile("it has no section 'base'", "header")
    return found
