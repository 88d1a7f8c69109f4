"""The stages of the paper's comparison."""
