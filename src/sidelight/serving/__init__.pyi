"""Types of the public names of this package."""

from .bundle import load as load
from .bundle import save as save
from .client.client import Client as Client
from .database.database import Database as Database
from .domain import Event as Event
from .engine import Engine as Engine
from .engine_options import EngineOptions as EngineOptions
from .http.app import create_app as create_app
from .http.http_options import HttpOptions as HttpOptions
from .requests import RecommendRequest as RecommendRequest
from .rerank.exploration import Exploration as Exploration
from .rerank.rules import ItemCondition as ItemCondition
from .rerank.rules import Pin as Pin
from .rerank.rules import Rules as Rules
from .responses import Audience as Audience
from .responses import RankedItem as RankedItem
from .responses import RecommendResponse as RecommendResponse
from .store.store import Store as Store
