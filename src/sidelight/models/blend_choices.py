"""Record of how a blend was chosen: what was measured, on how many events, and what is prior."""

from __future__ import annotations

from typing import Any


class ThinEvidenceWarning(UserWarning):
    """Weights were left at a prior because nothing, or too little, could be held out."""


def summary(choices: dict[str, Any]) -> str:
    """Write the record of a choice as a few lines of text.

    Args:
        choices: Record of `Blend.fit`; an empty one gives no line.
    """
    if not choices:
        return ""
    evidence = choices["evidence"]
    lines = [f"  chosen on: {evidence['how']}"]
    for side in ("cold", "warm"):
        about = choices[side]
        basis = f"measured on {about['users']:,} users" if about["measured"] else "prior"
        moved = f", NDCG@{choices['k']} {about['gain']:+.4f} over the prior" if about["measured"] else ""
        parts = ", ".join(f"{p['part']} {p[side]:.2g}" for p in choices["parts"] if p[side] > 0) or "none"
        lines.append(f"  {side} items ({basis}{moved}): {parts}")
    if choices.get("recency", {}).get("decay", 1.0) < 1:
        about = choices["recency"]
        lines.append(
            f"  recency: an event counts {about['decay']:g} of the next one (NDCG@{choices['k']} "
            f"{about['gain']:+.4f} on {about['users']:,} users)"
        )
    lines.append(f"  short histories: {choices['knots']}")
    lines.append(
        f"  new items: {choices['demand']['share']:.1%} of the places aimed at ({choices['demand']['how']})"
    )
    lines += [f"  note: {note}" for note in choices["notes"]]
    return "\n".join(lines)
