"""`python -m concept_worker` is `concept-worker`."""

from concept_worker.cli import main

main()
