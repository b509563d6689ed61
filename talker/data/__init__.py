"""Corpora, splits, pairs, augmentation and stored measurements, shared by training and evaluation."""
