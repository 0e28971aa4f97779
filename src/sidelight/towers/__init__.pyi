"""Types of the public names of this package."""

from .item_inputs import ItemInputs as ItemInputs
from .item_parts import ContentFusion as ContentFusion
from .item_parts import IdResidual as IdResidual
from .item_parts import ItemPart as ItemPart
from .user_encoders import AttentionPooling as AttentionPooling
from .user_encoders import MeanPooling as MeanPooling
from .user_encoders import UserEncoder as UserEncoder
