"""Types of the public names of this package."""

from .bundle import load as load
from .bundle import save as save
from .client.client import Client as Client
from .database.database import Database as Database
from .domain import Event as Event
from .engine import Engine as Engine
from .http.app import create_app as create_app
from .http.http_options import HttpOptions as HttpOptions
from .recommend.requests import (
    AudienceRequest as AudienceRequest,
)
from .recommend.requests import (
    EngineOptions as EngineOptions,
)
from .recommend.requests import (
    RecommendRequest as RecommendRequest,
)
from .recommend.responses import RankedItem as RankedItem
from .recommend.responses import RecommendResponse as RecommendResponse
from .rerank.exploration import Exploration as Exploration
from .rerank.rules import ItemCondition as ItemCondition
from .rerank.rules import Pin as Pin
from .rerank.rules import Rules as Rules
from .store.store import Store as Store
