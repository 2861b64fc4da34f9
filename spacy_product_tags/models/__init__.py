"""Networks: one head or encoder per file. Nothing here writes to a Doc."""
