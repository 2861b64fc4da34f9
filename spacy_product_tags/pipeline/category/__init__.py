"""What serves product_classifier alone: its tree, network and scores."""
