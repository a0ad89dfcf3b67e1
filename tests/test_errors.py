"""Errors are one line, are ValueErrors, and survive the way between processes."""

import pickle

import pytest

from inr._errors import DamagedFile, InrError, MissingExtra

pytestmark = pytest.mark.quick

ERRORS = [
    InrError("this is wrong; do that"),
    DamagedFile("section 'network' is damaged", "network"),
    MissingExtra("soundfile", "audio", "reading a.wav"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_pickled_and_back(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert isinstance(copy, ValueError)


def test_a_missing_library_names_the_command_that_installs_it():
    message = "reading a.wav needs soundfile, which is not installed: pip install 'inr[audio]'"
    assert str(MissingExtra("soundfile", "audio", "reading a.wav")) == message
