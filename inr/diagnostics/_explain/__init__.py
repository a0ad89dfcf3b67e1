"""Why a fit is as good as it is, in words: what is looked at, the rules, and how it is told."""
