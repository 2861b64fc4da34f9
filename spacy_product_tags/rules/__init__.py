"""How a shop writes its values: rules, and how they are learnt."""
