"""The facts behind inr doctor."""

import importlib
import json

import torch

from inr.engines import doctor, engines


def test_facts_are_plain_json_and_true():
    found = doctor()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["versions"]["torch"] == torch.__version__
    assert found["machine"]["threads"] == torch.get_num_threads()
    assert found["machine"]["cores"] >= 1
    assert (found["machine"]["gpu"] is None) == (not torch.cuda.is_available())


def test_every_engine_is_there_once_with_its_problem():
    found = {engine["name"]: engine["problem"] for engine in doctor()["engines"]}
    assert len(found) == len(doctor()["engines"])
    assert set(engines.names()) <= set(found)
    assert found["eager"] is None
    assert all(engine["facts"] == {} for engine in doctor()["engines"] if engine["problem"] is not None)
    assert all(found[name] == "not in this version" for name in set(found) - set(engines.names()))


def test_a_missing_reader_comes_with_the_command_that_installs_it(monkeypatch):
    load = importlib.import_module

    def missing(name, *args):
        if name == "soundfile":
            raise ImportError(name)
        if name == "av":
            raise OSError("libavcodec.so.60: cannot open shared object file")
        return load(name, *args)

    monkeypatch.setattr(importlib, "import_module", missing)
    readers = {reader["extra"]: reader for reader in doctor()["readers"]}
    assert readers["audio"]["problem"] == "not installed"
    assert readers["audio"]["install"].endswith("-m pip install 'inr[audio]'")
    assert "libavcodec" in readers["video"]["problem"]
    assert "inr[video]" in readers["video"]["install"]


def test_readers_that_are_installed_say_their_version():
    for reader in doctor()["readers"]:
        assert (reader["problem"] is None) == (reader["install"] is None)
        if reader["problem"] is None:
            assert reader["version"]
