"""The Python between the verbs: whole pipelines over the real SQL functions, killed before and after every effect."""
