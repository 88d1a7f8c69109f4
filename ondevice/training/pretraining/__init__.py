"""Pretraining: the loss is taken on every token of a corpus."""
