"""A language server (LSP 3.18, pygls): edits and inline completion for any editor, over stdio.

``settings`` says what can be configured, ``editing`` what the code action and the command
``ondevice.edit`` do, ``completing`` how the text at the cursor is continued.
"""
