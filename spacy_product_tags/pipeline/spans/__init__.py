"""What serves product_tag_generator alone: decoding and loss."""
