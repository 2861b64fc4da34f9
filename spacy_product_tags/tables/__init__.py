"""Tables that strangers wrote: their encoding and dialect, their rows, and no row that isn't one."""
