"""The embedded Supabase and broker for development, demo and tests; only the CLI and the tests import it."""

from concept_worker.devstack.acl import PREFIX, BrokerUser
from concept_worker.devstack.errors import StackError
from concept_worker.devstack.stack import Stack

__all__ = ["PREFIX", "BrokerUser", "Stack", "StackError"]
