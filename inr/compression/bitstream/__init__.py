"""FROZEN: all that a decoder needs, which are integers, tables, the arithmetic coder and the layout of payloads.

What stands here decides how every file is read that was ever written, and changes only with a new kind of payload.
"""
