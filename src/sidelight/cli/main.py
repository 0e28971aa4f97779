"""Command `sidelight`: run a verb and turn every failure into one line."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple, NoReturn

import typer

from sidelight.errors import SidelightError

INTERRUPTED, BROKEN_PIPE = 130, 141  # 128 + the signal's number, as shells report it


class Verb(NamedTuple):
    """Path of a verb's function, and its line in `sidelight --help`."""

    target: str
    summary: str


# In the order in which a project uses them. Only the verb on the command line is imported.
VERBS: dict[str, Verb] = {
    "check": Verb("sidelight.cli.check:check", "Validate and profile a folder of tables."),
    "split": Verb("sidelight.cli.split:split", "Divide interactions into train, validation and test."),
    "train": Verb("sidelight.cli.train:train", "Fit a model and save it as a bundle."),
    "evaluate": Verb("sidelight.cli.evaluate:evaluate", "Measure a bundle on cold, warm and all items."),
    "compare": Verb("sidelight.cli.compare:compare", "Compare specs on one split, seed by seed."),
    "report": Verb("sidelight.cli.report:report", "Show a comparison as one HTML page."),
    "recommend": Verb("sidelight.cli.recommend:recommend", "List the best items for users or histories."),
    "similar": Verb("sidelight.cli.similar:similar", "List the items nearest to given ones."),
    "store publish": Verb("sidelight.cli.store:publish", "Add a bundle to a store as a new version."),
    "store list": Verb("sidelight.cli.store:list_", "List the versions of a store."),
    "store show": Verb("sidelight.cli.store:show", "Show data, options and metrics of a version."),
    "store promote": Verb("sidelight.cli.store:promote", "Let a version serve, after all checks."),
    "store rollback": Verb("sidelight.cli.store:rollback", "Let the version serve that served before."),
    "store prune": Verb("sidelight.cli.store:prune", "Remove old versions."),
    "keys new": Verb("sidelight.cli.keys:new", "Make an API key for the service."),
    "keys list": Verb("sidelight.cli.keys:list_", "List the API keys."),
    "keys revoke": Verb("sidelight.cli.keys:revoke", "End an API key."),
    "items retire": Verb("sidelight.cli.items:retire", "Keep items out of all lists."),
    "items restore": Verb("sidelight.cli.items:restore", "Let retired items into lists again."),
    "items list": Verb("sidelight.cli.items:list_", "List the retired items."),
    "database backup": Verb("sidelight.cli.database:backup", "Copy and verify the database of a service."),
    "database verify": Verb("sidelight.cli.database:verify", "Read every page of a backup."),
    "database vacuum": Verb("sidelight.cli.database:vacuum", "Remove deleted rows of forgotten users."),
    "serve": Verb("sidelight.cli.serve:serve", "Answer requests over HTTP, with the explorer's pages."),
    "data list": Verb("sidelight.cli.data:list_", "List the public data sets that can be fetched."),
    "data get": Verb("sidelight.cli.data:get", "Fetch a public data set into a folder."),
    "demo": Verb("sidelight.cli.demo:demo", "Run the whole job on groceries data."),
}
GROUPS = {
    "store": "Keep versions of a model, and choose the one that serves.",
    "keys": "Manage the API keys of the service.",
    "items": "Manage the items that no list may hold.",
    "database": "Maintain the database of a service.",
    "data": "Fetch public data sets.",
}


def run(argv: Sequence[str] | None = None) -> None:
    """Run the console script; always ends in SystemExit.

    Exit codes: 0 done; 1 the data, a spec or a file is wrong; 2 wrong usage; 130 interrupted.
    """
    args, debug = _without_debug(list(sys.argv[1:] if argv is None else argv))
    warnings.showwarning = _warn
    with _one_line_errors(debug):
        build(_wanted(args), debug)(args=args, prog_name="sidelight")


def build(wanted: str | None = None, debug: bool = False) -> typer.Typer:
    """Build the Typer app with the function of one verb; the other verbs are only named."""
    options: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "no_args_is_help": True}
    app = typer.Typer(pretty_exceptions_enable=False, context_settings={"max_content_width": 110}, **options)
    app.callback()(_root)
    groups = {name: typer.Typer(help=text, **options) for name, text in GROUPS.items()}
    added: set[str] = set()
    for name, verb in VERBS.items():
        group, _, leaf = name.rpartition(" ")
        if group and group not in added:
            app.add_typer(groups[group], name=group)
            added.add(group)
        into = groups[group] if group else app
        if name == wanted:
            function = load(verb)
            text, example = documentation(function)
            into.command(leaf, help=text, epilog=f"\b\n{example}")(_guarded(function, debug))
        else:
            into.command(leaf, help=verb.summary)(_absent)
    return app


def load(verb: Verb) -> Callable[..., None]:
    """Import the function of a verb."""
    module, _, name = verb.target.partition(":")
    function: Callable[..., None] = getattr(importlib.import_module(module), name)
    return function


def documentation(function: Callable[..., Any]) -> tuple[str, str]:
    """Return help text and closing "Example:" block of a verb from its docstring."""
    text, mark, example = inspect.cleandoc(function.__doc__ or "").partition("Example:")
    return text.strip(), f"{mark}{example}".rstrip()


def _root(
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
) -> None:
    """Recommendation when clicks are few and content is plentiful.

    `sidelight VERB --help` explains a verb and ends with an example. Data goes to standard output,
    progress and warnings to standard error.
    """


def _absent() -> None:
    raise AssertionError("only the verb on the command line has its function loaded")


def _without_debug(args: list[str]) -> tuple[list[str], bool]:
    """Take out `--debug`, which may stand anywhere before a bare `--`; answer `--version` at once."""
    end = args.index("--") if "--" in args else len(args)
    if args[:1] == ["--version"]:
        from importlib.metadata import version

        print(f"sidelight {version('sidelight')}")
        raise SystemExit(0)
    return [a for a in args[:end] if a != "--debug"] + args[end:], "--debug" in args[:end]


def _wanted(args: Sequence[str]) -> str | None:
    words = [a for a in args if not a.startswith("-")][:2]
    pair = " ".join(words)
    return pair if pair in VERBS else next((w for w in words[:1] if w in VERBS), None)


def _guarded(function: Callable[..., None], debug: bool) -> Callable[..., None]:
    """Wrap a verb so that failures become exit codes before Typer prints them its own way."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> None:
        with _one_line_errors(debug):
            function(*args, **kwargs)
            sys.stdout.flush()

    return call


@contextmanager
def _one_line_errors(debug: bool) -> Iterator[None]:
    """Turn an exception into one line on standard error and an exit code."""
    try:
        yield
    except (SystemExit, typer.Exit, typer.Abort, typer.BadParameter) as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # rich ends the program itself, with 1
            _reader_gone()
        raise
    except BrokenPipeError:
        _reader_gone()
    except BaseException as error:
        if debug:
            raise
        if isinstance(error, KeyboardInterrupt):
            _print_error("interrupted; nothing half-done was written, run again to go on")
            raise SystemExit(INTERRUPTED) from None
        _print_error(f"error: {_describe(error)}")
        raise SystemExit(1) from None


def _reader_gone() -> NoReturn:
    # The reader closed the pipe (`| head`). Python would complain again when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(BROKEN_PIPE) from None


def _describe(error: BaseException) -> str:
    if isinstance(error, SidelightError):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    if isinstance(error, MemoryError):
        return f"out of memory ({error}); use fewer items or rows, or a machine with more memory"
    found = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return f"unexpected {found}; run again with --debug to see where"


def _print_error(text: str) -> None:
    print(f"sidelight: {text}", file=sys.stderr)


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    _print_error(f"warning: {message}")
