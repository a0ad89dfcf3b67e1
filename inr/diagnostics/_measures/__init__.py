"""Measures of fields, fits and signals, each of which stands alone; `inr.diagnostics` has them by name."""
