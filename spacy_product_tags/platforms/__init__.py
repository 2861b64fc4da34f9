"""What marketplaces want: profiles, and tags written by them."""
from .formatting import Dropped, Formatted, format, format_tags
from .profile import Profile
from .reader import load_profile, profile_names

__all__ = ["Dropped", "Formatted", "Profile", "format", "format_tags", "load_profile", "profile_names"]
