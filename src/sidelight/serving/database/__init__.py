"""Database of the service: events, consent, new items, exposures, API keys. SQLite or PostgreSQL."""

from sidelight.errors import missing_extra

try:
    import sqlalchemy  # noqa: F401
except ImportError as error:
    raise missing_extra("sqlalchemy", "serve", "the database of the service") from error
