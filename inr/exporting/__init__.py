"""Fitted fields as programs of other languages."""
