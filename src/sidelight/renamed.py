"""Former names of public classes and options, so that specs and bundles of earlier versions can be read."""

CLASSES = {"Options": "TrainingOptions", "Combine": "GradientAggregation"}
"""Former class name -> present one."""

OPTIONS = {
    "TrainingOptions": {
        "full": "full_softmax_limit", "empty": "empty_history_rate", "inputs": "input_share",
        "drawn": "task_items", "draw": "task_sampling", "steps": "min_steps",
        "users": "validation_users", "minutes": "checkpoint_minutes",
    },
    "TwoTower": {"pooling": "user_encoder"},
}  # fmt: skip
"""Class name -> former option name -> present one."""

VALUES = {
    "TwoTower": {
        "user_encoder": {"mean": {"use": "MeanPooling"}, "attention": {"use": "AttentionPooling"}},
    },
}
"""Class name -> option -> former value -> present one, as in a spec file."""

MOVED = {"TwoTower": {"weighting": {"ForkMerge": "schedule"}}}
"""Class name -> former option -> class of its value -> present option."""

SCORERS = {
    "Constant": "ConstantScorer", "SparseItemItem": "SparseSimilarityScorer",
    "DenseItemItem": "DenseSimilarityScorer", "ContentNeighbours": "ContentKNNScorer",
    "ContentProfile": "RidgeScorer", "ImplicitFactors": "ALSScorer", "Mixture": "BlendScorer",
}  # fmt: skip
"""Former name of a scorer in a bundle -> present one."""
