"""How small and how good: the codecs beside Pillow's and published ones. `python -m studies.compression --help`."""
