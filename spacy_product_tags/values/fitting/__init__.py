"""What is fitted for the alias table, and how it is measured."""
