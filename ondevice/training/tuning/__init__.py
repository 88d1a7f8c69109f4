"""Instruction tuning: the loss is taken on the edits that answer an instruction."""
