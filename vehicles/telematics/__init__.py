"""What dongles read on the road: stored in packed batches, read back as samples, summed up."""
