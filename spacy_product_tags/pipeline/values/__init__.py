"""What serves product_tag_normalizer alone: tags that are quantities, and the merging of those that are the same."""
