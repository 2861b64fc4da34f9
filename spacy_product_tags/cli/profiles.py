"""`product-tags profiles`: check, compare and show the profiles of platforms."""
from typing import Annotated, List, Optional

import typer

from ._util import Complaints, make_group

profiles_app = make_group("profiles", "Profiles of platforms: what each wants of tags.")

ProfileArg = Annotated[str, typer.Argument(metavar="PROFILE", help="Name of a profile, or a .toml file")]


@profiles_app.command("check")
def profiles_check_cli(
    profiles: Annotated[
        Optional[List[str]], typer.Argument(metavar="[PROFILE]...", help="Names or .toml files; none = all bundled")
    ] = None,
) -> None:
    """
    Check profiles, and say how many of their rules were read in a public document.

    Each mistake is shown with file, line and field; the exit code is 1 where there is any.
    """
    from ..errors import ListingError
    from ..platforms.reader import load_profile, profile_names

    complaints = Complaints()
    for name in profiles or profile_names():
        try:
            profile = load_profile(name)
        except ListingError as err:
            complaints(err)
            continue
        sources = [*dict(profile.sources).values(), *(words.source for words in profile.banned)]
        read = sum(bool(source.url) for source in sources)
        typer.echo(f"{profile.name} {profile.version}: {len(sources)} rules, {read} read, {len(sources) - read} assumed")
    complaints.exit("bad profiles")


@profiles_app.command("show")
def profiles_show_cli(profile: ProfileArg) -> None:
    """
    Show a profile's rules, and where each was read.
    """
    from ..platforms.reader import load_profile

    loaded = load_profile(profile)
    typer.echo(f"{loaded.name} {loaded.version}: {loaded.title}")
    for place, value, source in loaded.rules():
        typer.echo(f"{place} = {_show(value)}\n    {source}")


@profiles_app.command("diff")
def profiles_diff_cli(old: ProfileArg, new: ProfileArg) -> None:
    """
    Show in which rules two profiles differ: - is in the first only, + in the second.
    """
    from ..platforms.reader import load_profile

    first, second = (
        {place: _show(value) for place, value, _ in load_profile(name).rules()} for name in (old, new)
    )
    for place in sorted({*first, *second}):
        if first.get(place) != second.get(place):
            for sign, rules in (("-", first), ("+", second)):
                if place in rules:
                    typer.echo(f"{sign} {place} = {rules[place]}")


def _show(value: object) -> str:
    return ", ".join(map(repr, value)) if isinstance(value, tuple) else repr(value)
