"""Telling others' servers what happened: which addresses, how signed, when again. Knows no jobs."""
