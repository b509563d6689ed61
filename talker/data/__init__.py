"""Corpora, their splits, and what is prepared from them: shared by training and evaluation."""
