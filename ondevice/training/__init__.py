"""Tokenizer, training loop and recipes for edit-sequence models."""
