"""Canonical column names, the aliases of other projects, and hints for misspelt ones."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sidelight.data.findings import Finding, new_finding
from sidelight.data.schema import CONTENT_ROLES, KEYS, TABLES, Column, Schema
from sidelight.data.schema_file import line_of
from sidelight.data.vocabulary import ALIASES
from sidelight.errors import DataError, complain, did_you_mean

REQUIRED = {"interactions": ("user_id", "item_id"), "items": ("item_id",), "users": ("user_id",)}
# Two names for an id are an error, except where the data's publisher says which one counts.
_PREFERRED = {frozenset({"parentasin", "asin"}), frozenset({"productid", "sku"})}


@dataclass(frozen=True)
class ColumnMapping:
    """Canonical names of the columns of one table.

    Args:
        renames: Name in the file to canonical name, only where they differ.
        findings: Choices made between several candidates, names that look misspelt.
    """

    renames: dict[str, str]
    findings: tuple[Finding, ...] = ()


def squash(name: str) -> str:
    """Return a name without case, spaces and punctuation: "User ID" and "user_id" are both "userid"."""
    return re.sub(r"[\W_]+", "", name.lower())


def known_names(canonical: str, table: str) -> tuple[str, ...]:
    """Return the canonical name and its aliases, in order of precedence; "id" counts in its own table."""
    return (canonical, *ALIASES[canonical], *(("id",) if KEYS.get(table) == canonical else ()))


def resolve(
    found: Sequence[str], table: str, where: str, declared: Schema | None = None, partial: bool = False
) -> ColumnMapping:
    """Resolve the column names of one table to canonical names.

    An exact canonical name always wins. Among aliases of the timestamp, position or weight the
    first of `ALIASES` wins and the others stay ordinary columns, which a finding reports; two aliases
    of an id are an error.

    Args:
        found: Names in the file, in order.
        table: "interactions", "items" or "users".
        where: Name of the file, for messages.
        declared: A schema whose `source` names replace the aliases.
        partial: Whether other files may hold the declared columns that are not here.

    Raises:
        DataError: A required column is missing, an id is ambiguous, or a declared column is absent.
    """
    if declared is not None and declared.columns(table):
        return _as_declared(found, table, where, declared, partial)
    wanted = tuple(ALIASES) if table == "interactions" else REQUIRED[table]
    renames: dict[str, str] = {}
    findings: list[Finding] = []
    for canonical in wanted:
        matches = _matches(found, canonical, table)
        if not matches:
            if canonical in REQUIRED[table]:
                raise DataError(_missing(found, canonical, table, where))
            continue
        if len(matches) > 1 and canonical not in found:
            findings.append(_choice(matches, canonical, table, where))
        if matches[0] != canonical:
            renames[matches[0]] = canonical
    if table == "interactions":
        findings += _near_misses(found, renames, where)
    return ColumnMapping(renames, tuple(findings))


def _matches(found: Sequence[str], canonical: str, table: str) -> list[str]:
    """Return names in the file that mean `canonical`, the one to use first."""
    if canonical in found:
        return [canonical]
    rank = {squash(name): i for i, name in reversed(list(enumerate(known_names(canonical, table))))}
    matches = [n for n in found if squash(n) in rank]
    # Beside "product_id" a column "product" is its name, not its id.
    bare = {squash(n).removesuffix("id") for n in matches if squash(n).endswith("id")}
    return sorted((n for n in matches if squash(n) not in bare), key=lambda n: rank[squash(n)])


def _choice(matches: list[str], canonical: str, table: str, where: str) -> Finding:
    names = " and ".join(repr(n) for n in matches)
    if canonical in REQUIRED[table] and frozenset(map(squash, matches)) not in _PREFERRED:
        fix = f"rename the right one to {canonical!r} or name it in sidelight.toml"
        raise DataError(complain(f"one column for {canonical!r}", names, where, fix))
    message = f"expected one column for {canonical!r}; found {names}; {matches[0]!r} is used"
    fix = f"name the right one {canonical!r} if it is another"
    place = {"file": where, "column": matches[0], "count": len(matches)}
    return new_finding("ambiguous-column", table, message, fix, **place)


def _missing(found: Sequence[str], canonical: str, table: str, where: str) -> str:
    near = _nearest(found, known_names(canonical, table))
    shown = ", ".join(repr(n) for n in found[:12]) + (", ..." if len(found) > 12 else "")
    if near:
        fix = f"did you mean {near!r}? rename it to {canonical!r}"
    elif found and all(re.fullmatch(r"[-\d.]+", n) for n in found):
        fix = f"the file seems to have no header line; add one such as {','.join(REQUIRED[table])}"
    else:
        fix = f"rename the right column to {canonical!r} or name it in sidelight.toml"
    aliases = ", ".join(ALIASES[canonical][:4])
    return complain(f"a column {canonical!r} (or {aliases}, ...)", f"columns {shown}", where, fix)


def _nearest(found: Iterable[str], names: Sequence[str]) -> str:
    """Return the found name that is most like one of `names`, or ""."""
    best, best_score = "", 0.72
    for name in found:
        for known in names:
            score = difflib.SequenceMatcher(None, squash(name), squash(known)).ratio()
            if score > best_score and min(len(squash(name)), len(squash(known))) > 3:
                best, best_score = name, score
    return best


def _near_misses(found: Sequence[str], renames: Mapping[str, str], where: str) -> list[Finding]:
    """Report optional columns that are absent while another name is nearly theirs ("timestmp")."""
    present = {renames.get(n, n) for n in found}
    free = [n for n in found if n not in renames and n not in ALIASES]
    out = []
    for canonical in ("timestamp", "position", "weight"):
        near = difflib.get_close_matches(canonical, [n.lower() for n in free], n=1, cutoff=0.8)
        if canonical in present or not near:
            continue
        name = next(n for n in free if n.lower() == near[0])
        message = f"expected {canonical!r}; found {name!r}, which is read as an ordinary column"
        fix = f"did you mean {canonical!r}? rename it"
        out.append(new_finding("misspelt-column", "interactions", message, fix, file=where, column=name))
    return out


def canonical_schema(declared: Schema) -> Schema:
    """Return the schema with ids, time, position and weight under their own names.

    `when = { role = "timestamp" }` in the interactions becomes `timestamp` with source "when".

    Raises:
        DataError: Two columns have one such role, or a column has a role that its table cannot have.
    """
    tables = {}
    for table in TABLES:
        own = tuple(ALIASES) if table == "interactions" else REQUIRED[table]
        columns = declared.columns(table)
        roles = (
            *own,
            *(() if table == "interactions" else (*CONTENT_ROLES, "timestamp")),
            "context",
            "ignore",
        )
        for column in columns:
            if column.role not in roles:
                where, fix = f"[{table}] {column.name}", f"choose one of {', '.join(roles)}"
                raise DataError(complain(f"a role of the {table}", f"{column.role!r}", where, fix))
        for role in own:
            names = [c.name for c in columns if c.role == role]
            if len(names) > 1:
                found = ", ".join(names)
                raise DataError(complain(f"one column with role {role!r}", found, f"schema [{table}]"))
        tables[table] = tuple(
            replace(c, name=c.role, source=c.source or c.name) if c.role in own and c.name != c.role else c
            for c in columns
        )
    return Schema(**tables)


def _as_declared(
    found: Sequence[str], table: str, where: str, declared: Schema, partial: bool
) -> ColumnMapping:
    columns = declared.columns(table)
    renames = {}
    own = REQUIRED[table]
    for column in columns:
        source = column.source or column.name
        if source in found:
            renames[source] = column.name
        elif column.name not in found and column.role != "ignore" and (not partial or column.role in own):
            expected = f"the column {source!r} that sidelight.toml declares"
            raise DataError(complain(expected, "it is not there", where, did_you_mean(source, found)))
    roles = {c.role for c in columns}
    for required in own:
        if required not in roles:
            expected = f"a column with role {required!r} in [{table}]"
            fix = f'{required} = {{ role = "{required}" }}'
            shown = f"roles {', '.join(sorted(roles))}"
            raise DataError(complain(expected, shown, "sidelight.toml", f"add: {fix}"))
    findings = []
    for name in found:
        if name not in renames and name not in {c.name for c in columns}:
            message = f"expected the columns of sidelight.toml; found {name!r} too, which is ignored"
            fix = f"write its line in [{table}] of sidelight.toml, e.g. {line_of(Column(name, 'ignore'))}"
            findings.append(new_finding("undeclared-column", table, message, fix, file=where, column=name))
    return ColumnMapping({s: n for s, n in renames.items() if s != n}, tuple(findings))
