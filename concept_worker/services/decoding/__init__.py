"""Decoding of untrusted images: the parent, its child process, and what the child gives up."""
